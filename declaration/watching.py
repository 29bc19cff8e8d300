"""What a model in service is watched for: its calls changed, or its answers became worse."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field

from declaration.bounds import bound_problems
from declaration.data import Columns
from declaration.durations import Cooldown, DurationRange, seconds, spoken
from declaration.errors import Problem
from declaration.explain import shown
from declaration.gate import CustomMetric, Gate, MetricName
from declaration.schedule import WholeMinutes
from declaration.value import declared

_YEAR = 365 * 86_400
# What a project allows that says nothing else.
FALSE_ALARMS_PER_YEAR = 1.0
# Of more looks that may raise a false alarm than this share, an alarm says little.
_LARGEST_SHARE = 0.2
DAILY = timedelta(days=1)

# Captured calls are kept for 90 days, so a look must come well before.
LookPeriod = Annotated[str | timedelta, WholeMinutes("1 min", "31 days")]
Rows = Annotated[int, Field(ge=30, le=100_000_000)]


@declared
class OnDrift:
    """Train when calls differ from what the model in service learnt from, if files came since it was trained.

    Without new files people are told, as the same rows give the same model. `every` so often a job reads the
    calls that were recorded since, and looks again when fewer than `rows` came. A column has drifted when its
    population stability index is at least `psi`, the difference is no chance, and no part of the training set
    differed as much from the rest of it. `false_alarms_per_year` is what all looks and all columns together
    may raise without cause. `features` limits what is compared, by default every column of the model. With
    `retrain=False` people are told and no training starts.
    """

    _: KW_ONLY
    every: LookPeriod = DAILY
    psi: Annotated[float, Field(gt=0, le=10)] = 0.1
    false_alarms_per_year: Annotated[float, Field(gt=0, le=365)] = FALSE_ALARMS_PER_YEAR
    rows: Rows = 500
    features: Annotated[Columns, Field(examples=["['distance']"])] = ()
    cooldown: Cooldown = DAILY
    retrain: bool = True

    @property
    def look_seconds(self) -> int:
        """The time between two looks."""
        return seconds(self.every)

    @property
    def cooldown_seconds(self) -> int:
        """The least time between the last start and one for drift."""
        return seconds(self.cooldown)

    def problems(self) -> Iterator[Problem]:
        """Columns that stand twice, and more false alarms than an alarm is worth."""
        if len(set(self.features)) < len(self.features):
            rule = "each column may stand once"
            yield Problem("OnDrift, features", shown(self.features), rule, "remove the repeated one")
        looks = looks_per_year(self.look_seconds)
        if self.false_alarms_per_year > _LARGEST_SHARE * looks:
            rule = (
                f"with a look every {spoken(timedelta(seconds=self.look_seconds))}, {looks:,.0f} a year, "
                f"more than every fifth look could be a false alarm"
            )
            fix = f"write false_alarms_per_year={int(_LARGEST_SHARE * looks)} or less, or look more often"
            yield Problem("OnDrift, false_alarms_per_year", f"{self.false_alarms_per_year:g}", rule, fix)


@declared
class OnQuality:
    """Train when answers became worse than a bound, once it is known what they should have been.

    As for OnDrift, that takes new files; else people are told.
    The truth comes as files below `labels/` of the incoming bucket, joined with the calls by their inference
    id, up to `labels_within` after the call. The metric is that of the first gate and so is the bound, unless
    they are given. It must be missed with this `confidence`, on at least `rows` labelled rows. Looks come
    `every` so often, by default as OnDrift has it, else daily, and when labels arrive. With `retrain=False`
    people are told and no training starts.
    """

    metric: Annotated[MetricName | CustomMetric | None, Field(examples=["'auc'"])] = None
    _: KW_ONLY
    at_least: Annotated[float | None, Field(examples=["0.7"])] = None
    at_most: Annotated[float | None, Field(examples=["0.5"])] = None
    labels_within: Annotated[str | timedelta, DurationRange("1 min", "366 days")] = timedelta(days=14)
    rows: Rows = 500
    confidence: Annotated[float, Field(ge=0.5, le=0.999)] = 0.95
    every: Annotated[LookPeriod | None, Field(examples=["'1 day'"])] = None
    cooldown: Cooldown = DAILY
    retrain: bool = True

    @property
    def function(self) -> Callable[..., Any] | None:
        """The user's function, where the metric is one."""
        return None if self.metric is None or isinstance(self.metric, str) else self.metric

    @property
    def bounded(self) -> bool:
        """Whether a bound is given here."""
        return self.at_least is not None or self.at_most is not None

    @property
    def look_seconds(self) -> int:
        """The time between two looks where there is no OnDrift."""
        return seconds(self.every or DAILY)

    @property
    def labels_within_seconds(self) -> int:
        """How long after a call its label counts."""
        return seconds(self.labels_within)

    @property
    def cooldown_seconds(self) -> int:
        """The least time between the last start and one for quality."""
        return seconds(self.cooldown)

    def judged_as(self, gates: Sequence[Gate]) -> Gate | None:
        """The gate that has the metric, the first one if none is named; None if no gate has it."""
        return next((gate for gate in gates if self.metric in (None, gate.metric)), None)

    def bound(self, gates: Sequence[Gate]) -> Gate:
        """The metric, the bound and the confidence that hold in a project with these gates."""
        gate = self.judged_as(gates)
        metric = self.metric or (gate.metric if gate else None)
        given: OnQuality | Gate | None = self if self.bounded else gate
        if metric is None or given is None:
            raise ValueError("neither OnQuality nor a gate has a metric and a bound")
        return Gate(
            metric,
            at_least=given.at_least,
            at_most=given.at_most,
            beats_champion=False,
            confidence=self.confidence,
        )

    def problems(self) -> Iterator[Problem]:
        """A bound that its own metric does not take, or two of them."""
        if self.metric is not None and self.bounded:
            yield from bound_problems("OnQuality, ", "OnQuality", self.metric, self.at_least, self.at_most)
        elif self.at_least is not None and self.at_most is not None:
            rule = "a metric is better in one direction, so it has one bound"
            given = f"at_least={self.at_least}, at_most={self.at_most}"
            yield Problem("OnQuality, at_most", given, rule, "leave one of them out")


def looks_per_year(look_seconds: int) -> float:
    """How often a year is looked at that interval."""
    return _YEAR / look_seconds
