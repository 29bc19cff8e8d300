"""The year, month by month: calls, the drop with the truth, and whatever the events make of it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from examples.flights.demo.platform import DemoFailed, sageloop, until
from examples.flights.demo.timeline import Timeline
from examples.flights.year import cost
from examples.flights.year.deployed import Array, Watched
from examples.flights.year.months import TARGET, Call, Month, csv, written
from examples.flights.year.result import FIRST, Played, Seen, Year
from local import cloud

HERE = Path(__file__).resolve().parent
BAD_MONTH = 8
PATIENCE = 420.0
# Looks in a row at which nothing was to do: an event is on its way for less than that.
QUIET_LOOKS = 8
# The steps by which an execution ends without a model, as the pipeline names them.
NOTHING_NEW, REJECTED = "NothingNew", "Rejected"
Found = TypeVar("Found")


class Story:
    """Plays the year on a running embedded AWS."""

    def __init__(self, timeline: Timeline, *, state: Path, speed: float, every: int) -> None:
        self._timeline = timeline
        began = timeline.elapsed()
        self._months = written(state / "data", every)
        timeline.record(
            "12 months of flights", f"every {every}. row of each" if every > 1 else "all rows", since=began
        )
        began = timeline.elapsed()
        os.environ.update(cloud.start(state, speed=speed).environment())
        sageloop("deploy", str(HERE / "app.py"))
        self._monthly, self._on_drift = Watched("flights-monthly"), Watched("flights-drift")
        timeline.record("sageloop deploy", "two projects: one learns monthly, one on drift", since=began)

    def play(self) -> Year:
        """All twelve months; raises DemoFailed when the platform does not do what it must."""
        year = Year()
        self._first_quarter(year)
        for month in self._months[FIRST - 1 :]:
            year.played.append(self._month(month, year))
        year.executions = {
            "monthly": len(self._monthly.executions()),
            "on_drift": len(self._on_drift.executions()),
        }
        year.looks = len(self._on_drift.findings())
        failures = [*self._monthly.failures(), *self._on_drift.failures()]
        # Bad files alone make no model, and the gate may refuse one that is not better.
        year.nothing_new = sum(failure.step == NOTHING_NEW for failure in failures)
        year.refused = [failure.reason for failure in failures if failure.step == REJECTED]
        year.unexpected = [
            f"{failure.step}: {failure.reason}"
            for failure in failures
            if failure.step not in (NOTHING_NEW, REJECTED)
        ]
        self._count_costs(year)
        return year

    def _first_quarter(self, year: Year) -> None:
        """January to March: the first model of both, which is one and the same."""
        began = self._timeline.elapsed()
        for month in self._months[: FIRST - 1]:
            self._drop(month, year)
        for project in (self._monthly, self._on_drift):
            until("the first model", _slowly(lambda p=project: p.version() or p.failures()), seconds=PATIENCE)  # type: ignore[misc]
            self._rest(project, "the first model in service")
        if (self._monthly.version(), self._on_drift.version()) != (1, 1):
            raise DemoFailed(
                f"there is no first model: {[*self._monthly.failures(), *self._on_drift.failures()]}"
            )
        year.same_start = self._monthly.model(1).digest == self._on_drift.model(1).digest
        self._timeline.record("January to March", "the first model of both projects", since=began)

    def _month(self, month: Month, year: Year) -> Played:
        began = self._timeline.elapsed()
        versions = self._monthly.version(), self._on_drift.version()
        calls = list(month.calls())
        answered = self._on_drift.ask(calls)
        if month.number == BAD_MONTH:
            self._bad_drops(month, year)
        trainings = len(self._monthly.executions()), len(self._on_drift.executions())
        looks = len(self._on_drift.findings())
        self._drop(month, year)
        # The truth is the event by which the watch looks, half a minute after the last of it.
        self._on_drift.put(f"labels/{month.number:02}.csv", month.labels())
        self._more(f"the training on {month.name}", self._monthly.executions, trainings[0])
        self._rest(self._monthly, f"the model of {month.name}")
        self._more(f"the look at {month.name}", self._on_drift.findings, looks)
        finding = self._on_drift.findings()[-1]
        if finding["retrain"]:
            self._more(f"the training that {month.name} asks for", self._on_drift.executions, trainings[1])
        self._rest(self._on_drift, f"the model after {month.name}")
        retrained = self._on_drift.version() > versions[1]
        outcome = replace(
            self._judged(month, versions, calls, answered),
            seen=Seen.of(finding),
            wanted=bool(finding["retrain"]),
            retrained=finding["retrain"]["kind"] if finding["retrain"] and retrained else "",
        )
        self._timeline.record(month.name, _told(outcome), since=began)
        return outcome

    def _judged(
        self, month: Month, versions: tuple[int, int], calls: Sequence[Call], answered: Array
    ) -> Played:
        """The AUC of the models that were in force, on all flights of the month."""
        truth = month.flights[TARGET].to_numpy()
        never, monthly = self._on_drift.model(1), self._monthly.model(versions[0])
        on_drift = self._on_drift.model(versions[1])
        asked = on_drift.scores(pl.concat([call.rows for call in calls]))
        if asked.shape != answered.shape:
            raise DemoFailed(f"{len(answered)} answers came for {len(asked)} flights of {month.name}")
        return Played(
            month=month.number,
            name=month.name,
            flights=month.flights.height,
            auc_never=float(roc_auc_score(truth, never.scores(month.flights))),
            auc_monthly=float(roc_auc_score(truth, monthly.scores(month.flights))),
            auc_on_drift=float(roc_auc_score(truth, on_drift.scores(month.flights))),
            monthly=versions[0],
            on_drift=versions[1],
            difference=float(np.abs(asked - answered).max()),
        )

    def _drop(self, month: Month, year: Year) -> None:
        year.drops += 1
        text = csv(month.flights)
        for project in (self._monthly, self._on_drift):
            project.put(f"data/{month.file}", text)

    def _bad_drops(self, month: Month, year: Year) -> None:
        """Files in other units and with holes land first: they go to quarantine, and nothing else changes."""
        began, before = self._timeline.elapsed(), self._monthly.version()
        bad, trainings = month.bad_drops(), len(self._monthly.executions())
        for name, text in bad.items():
            self._monthly.put(f"data/{name}", text)
        self._more("the look at the bad drop", self._monthly.executions, trainings)
        self._rest(self._monthly, "the bad drop")
        for key in self._monthly.keys("quarantine/"):
            year.quarantined[key] = self._monthly.reason(key)
            self._timeline.record("a bad drop", f"{key}: {year.quarantined[key]}", since=began)
        year.bad_drops = tuple(bad)
        year.version_kept = self._monthly.version() == before

    def _more(self, what: str, listed: Callable[[], Sequence[object]], before: int) -> None:
        """Wait until there is more of something than before."""
        until(what, _slowly(lambda: len(listed()) > before), seconds=PATIENCE)

    def _rest(self, project: Watched, what: str) -> None:
        """Wait until the project has nothing to do, for several looks in a row."""
        quiet = 0

        def still() -> bool:
            nonlocal quiet
            quiet = quiet + 1 if project.at_rest() else 0
            return quiet >= QUIET_LOOKS

        until(what, _slowly(still), seconds=PATIENCE)

    def _count_costs(self, year: Year) -> None:
        monthly, trained = self._monthly.jobs("training"), self._on_drift.jobs("training")
        looks = [*chain(*self._on_drift.jobs("monitoring"))]
        year.jobs = {
            "never": trained[0],
            "monthly": [*chain(*monthly)],
            "on_drift": [*chain(*trained), *looks],
            "on_drift_looks": looks,
        }
        year.cost = {name: cost.usd(jobs) for name, jobs in year.jobs.items()}
        year.unpriced = sorted(cost.unpriced(chain(*year.jobs.values())))


def _slowly(look: Callable[[], Found]) -> Callable[[], Found]:
    """A look now and then: each asks several services, which have other things to do."""

    def look_later() -> Found:
        time.sleep(0.4)
        return look()

    return look_later


def _told(played: Played) -> str:
    retrained = f"; retrained for {played.retrained}" if played.retrained else ""
    return (
        f"AUC never {played.auc_never:.3f}, monthly {played.auc_monthly:.3f}, on drift "
        f"{played.auc_on_drift:.3f}; {played.seen.reason}{retrained}"
    )
