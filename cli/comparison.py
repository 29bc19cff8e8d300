"""Two executions side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from cli.executions import Step
from cli.outcome import Data, Metric, Outcome

Which = Literal["first", "second"]


@dataclass(frozen=True)
class Pair:
    """A value of each of both; None where one has none."""

    name: str
    first: str | None
    second: str | None

    @property
    def differs(self) -> bool:
        """Whether they are not the same."""
        return self.first != self.second


@dataclass(frozen=True)
class MetricPair:
    """A metric of each; `difference` is the second's less the first's, `better` None where they are equal.

    `apart` says whether the intervals do not meet, None where there are none.
    """

    name: str
    first: float | None
    second: float | None
    difference: float | None
    better: Which | None
    apart: bool | None
    higher_is_better: bool


@dataclass(frozen=True)
class StepPair:
    """A step of each: seconds that it took, or the run that it took its results from."""

    name: str
    first: Step | None
    second: Step | None


@dataclass(frozen=True)
class Comparison:
    """All that differs, and what does not; `same_holdout` is None where that is not known.

    Metrics of different hold-outs cannot be compared.
    """

    first: Outcome
    second: Outcome
    parameters: tuple[Pair, ...]
    hyperparameters: tuple[Pair, ...]
    data: tuple[Pair, ...]
    same_holdout: bool | None
    steps: tuple[StepPair, ...]
    metrics: tuple[MetricPair, ...]


def compare(first: Outcome, second: Outcome) -> Comparison:
    """Put two executions of one pipeline side by side."""
    ours = first.evaluation.metrics if first.evaluation else {}
    theirs = second.evaluation.metrics if second.evaluation else {}
    return Comparison(
        first=first,
        second=second,
        parameters=_pairs(first.parameters, second.parameters),
        hyperparameters=_pairs(first.hyperparameters, second.hyperparameters),
        data=_pairs(_facts(first.data), _facts(second.data)),
        same_holdout=_same_holdout(first.data, second.data),
        steps=tuple(
            StepPair(name, first.execution.step(name), second.execution.step(name))
            for name in _names(*([step.name for step in one.execution.steps] for one in (first, second)))
        ),
        metrics=tuple(_metric(name, ours.get(name), theirs.get(name)) for name in _names(ours, theirs)),
    )


def _names(*lists: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))


def _pairs(first: Mapping[str, str], second: Mapping[str, str]) -> tuple[Pair, ...]:
    return tuple(Pair(name, first.get(name), second.get(name)) for name in _names(first, second))


def _facts(data: Data | None) -> dict[str, str]:
    if data is None:
        return {}
    return {
        "files": ", ".join(f"{name} ({digest[:8]})" for name, digest in sorted(data.digests.items())),
        "rows to learn from": f"{data.train_rows:,}",
        "rows held out": f"{data.holdout_rows:,}",
        **({"held out from": data.cut} if data.cut else {}),
        "features": ", ".join(data.features),
    }


def _same_holdout(first: Data | None, second: Data | None) -> bool | None:
    """The split is a function of the files' content, so equal files and sizes mean equal rows."""
    if first is None or second is None:
        return None
    return (dict(first.digests), first.cut, first.holdout_rows) == (
        dict(second.digests),
        second.cut,
        second.holdout_rows,
    )


def _metric(name: str, first: Metric | None, second: Metric | None) -> MetricPair:
    higher = (second or first or Metric(None, None, None, True)).higher_is_better
    a, b = (one.value if one else None for one in (first, second))
    if a is None or b is None or first is None or second is None:
        return MetricPair(name, a, b, None, None, None, higher)
    better: Which | None = None if a == b else "second" if (b > a) == higher else "first"
    ends = (first.low, first.high, second.low, second.high)
    apart = None
    if None not in ends:
        low_a, high_a, low_b, high_b = (end or 0.0 for end in ends)
        apart = high_a < low_b or high_b < low_a
    return MetricPair(name, a, b, b - a, better, apart, higher)
