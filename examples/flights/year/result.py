"""What the year came to, and what it had to come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from examples.flights.year.cost import Job

FIRST, LAST = 4, 12
"""The months that are predicted: three come first, to learn from."""
SAME = 1e-5
"""The largest difference between the endpoint's answer and that of the training library, a probability."""


POLICIES = {
    "never": "never retrained",
    "monthly": "retrained monthly",
    "on_drift": "retrained on drift",
}
EXPECTED = ("May", "June")
"""The months of which drift has to be reported: the first whose weather no winter had."""
WRONG = {"other-units.csv": "unit", "half-empty.csv": "missing"}
"""What the reason of each bad file has to name."""


@dataclass(frozen=True)
class Column:
    """A column of the calls beside the training rows: its stability index, and what the watch said."""

    index: float | None
    drifted: bool
    acted_on: bool


@dataclass(frozen=True)
class Seen:
    """What the watch saw in the calls of a month and in their truth; `columns` has the prediction, too."""

    reason: str = ""
    columns: Mapping[str, Column] = field(default_factory=dict)
    live: float | None = None
    below: bool = False
    version: int = 0

    @classmethod
    def of(cls, finding: Mapping[str, Any]) -> Seen:
        """From findings.json."""
        drift, quality = finding["drift"], finding["quality"] or {}
        columns = [*drift["features"], *([drift["prediction"]] if drift["prediction"] else [])]
        return cls(
            reason=finding["reason"],
            columns={one["name"]: Column(one["psi"], one["drifted"], one["acted_on"]) for one in columns},
            live=quality.get("value"),
            below=bool(quality.get("below")),
            version=int(finding["version"]),
        )

    @property
    def drifted(self) -> list[str]:
        """The columns of which drift was reported that is a reason to train."""
        return [name for name, column in self.columns.items() if column.acted_on]


@dataclass(frozen=True)
class Played:
    """One month: the AUC on all of its flights of the models that were in force before its truth was known.

    `monthly` and `on_drift` are the versions of the two projects; `difference` is the largest between the
    endpoint's answers and the training library's.
    """

    month: int
    name: str
    flights: int
    auc_never: float
    auc_monthly: float
    auc_on_drift: float
    monthly: int
    on_drift: int
    difference: float
    seen: Seen = field(default_factory=Seen)
    wanted: bool = False
    retrained: str = ""


@dataclass
class Year:
    """All months, and what they took; costs are in US dollars."""

    played: list[Played] = field(default_factory=list)
    drops: int = 0
    executions: dict[str, int] = field(default_factory=dict)
    looks: int = 0
    jobs: dict[str, list[Job]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    quarantined: dict[str, str] = field(default_factory=dict)
    bad_drops: tuple[str, ...] = ()
    version_kept: bool = True
    same_start: bool = True
    nothing_new: int = 0
    refused: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    unpriced: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def mean(self, policy: str) -> float:
        """The mean AUC of a policy over the months."""
        values = [float(getattr(month, f"auc_{policy}")) for month in self.played]
        return sum(values) / len(values) if values else 0.0

    @property
    def retrainings(self) -> list[Played]:
        """The months after which drift or quality trained a new model."""
        return [month for month in self.played if month.retrained]

    @property
    def reported(self) -> list[str]:
        """The months of which drift was reported."""
        return [month.name for month in self.played if month.seen.drifted]

    def figures(self) -> dict[str, object]:
        """The members of the RESULT line."""
        return {
            "drops": self.drops,
            "executions": sum(self.executions.values()),
            "auc_never": round(self.mean("never"), 4),
            "auc_monthly": round(self.mean("monthly"), 4),
            "auc_on_drift": round(self.mean("on_drift"), 4),
            "cost": {policy: round(spent, 4) for policy, spent in self.cost.items()},
            "executions_by_policy": self.executions,
            "looks": self.looks,
            "drift_reported": self.reported,
            "retrained_after": [month.name for month in self.retrainings],
            "bad_drops": len(self.bad_drops),
            "quarantined": len(self.quarantined),
            "seconds": round(self.seconds),
        }

    def problems(self) -> list[str]:
        """One sentence for each promise that was not kept."""
        months = LAST - FIRST + 1
        promises = {
            f"{len(self.played)} of {months} months were played.": len(self.played) == months,
            "The two projects did not begin with the same model.": self.same_start,
            "Nothing drifted in a year of real flights.": bool(self.reported),
            f"Drift was reported of {', '.join(self.reported)}, and neither of {' nor '.join(EXPECTED)}.": (
                bool({*EXPECTED} & {*self.reported})
            ),
            "Drift trained a new model every month, which is no better than a calendar.": (
                0 < len(self.retrainings) < months
            ),
            "Retraining on drift was no better than never.": self.mean("on_drift") > self.mean("never"),
            "Retraining monthly was no better than never.": self.mean("monthly") > self.mean("never"),
        }
        found = [f"An execution failed: {reason}" for reason in self.unexpected]
        found += [sentence for sentence, kept in promises.items() if not kept]
        if worst := [month for month in self.played if month.difference > SAME]:
            found.append(f"In {worst[0].name} the endpoint answered otherwise than the training library.")
        return [*found, *self._uncaused(), *self._bad_files()]

    def _uncaused(self) -> list[str]:
        """Executions that no event asked for, or events without one: one for each drop, and each wish."""
        expected = {
            # The first quarter, each month after it, and the bad files.
            "monthly": 1 + len(self.played) + 1,
            "on_drift": 1 + sum(month.wanted for month in self.played),
        }
        return [
            f"{count} executions retrained {policy}, and {expected[policy]} were asked for."
            for policy, count in self.executions.items()
            if count != expected[policy]
        ]

    def _bad_files(self) -> list[str]:
        kept = {key.removeprefix("quarantine/"): reason for key, reason in self.quarantined.items()}
        found = [f"{name} is not in quarantine." for name in self.bad_drops if name not in kept]
        found += [f"{name} is in quarantine, and it is good." for name in kept if name not in self.bad_drops]
        found += [
            f"{name} is in quarantine for another reason: {reason or 'none'}."
            for name, reason in kept.items()
            if WRONG.get(name, "") not in reason or not reason
        ]
        if self.nothing_new != 1:
            found.append(f"Bad files alone ended {self.nothing_new} executions, and not one.")
        if not self.version_kept:
            found.append("A bad drop made a new version.")
        return found
