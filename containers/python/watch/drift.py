"""How the captured rows, and the predictions of them, differ from those of the training."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from tabular.contract import DataError
from tabular.schema import Feature, Schema
from watch import comparable, distances
from watch.baseline import Baseline, Column, Usual
from watch.captured import Captured
from watch.distances import Array, Distance
from watch.verdict import LEAST_IMPORTANCE, LEAST_MISSING, LEAST_NEW, Outcome, Test, What, judge
from watch.window import Rules

Verdict = Literal["drifted", "clear", "too few rows"]
PREDICTION, TARGET = "\0prediction", "\0target"


@dataclass(frozen=True)
class Change:
    """One column, or the prediction; figures are None where there were too few values.

    `p` and `adjusted` are the smallest of its tests, `natural` is in the unit of `ks` for numbers and of
    `psi` for the rest. `changed` says which tests were positive. `acted_on` is whether that is a reason to
    train.
    """

    name: str
    type: str
    psi: float | None
    ks: float | None
    p: float
    adjusted: float
    natural: float | None
    missing_before: float
    missing_now: float
    new_share: float | None
    importance: float | None
    changed: tuple[What, ...]
    acted_on: bool

    @property
    def drifted(self) -> bool:
        """Whether anything about it changed."""
        return bool(self.changed)


@dataclass(frozen=True)
class Drift:
    """What one look found out.

    `prediction` is None for a model without scores, `target` where the truth of too few rows is known.
    """

    verdict: Verdict
    alpha: float
    features: tuple[Change, ...]
    prediction: Change | None
    target: Change | None

    @property
    def drifted(self) -> list[Change]:
        """All that has changed, the prediction first."""
        answers = [each for each in (self.prediction, self.target) if each is not None]
        return [each for each in (*answers, *self.features) if each.drifted]

    @property
    def acted_on(self) -> list[Change]:
        """What is a reason to train."""
        return [each for each in self.drifted if each.acted_on]


@dataclass(frozen=True)
class _Compared:
    """A column before and now, and its tests."""

    column: Column
    type: str
    distance: Distance | None
    missing: tuple[float, float]
    new: float | None
    tests: tuple[Test, ...]

    def change(self, outcomes: Sequence[Outcome], *, counted: bool) -> Change:
        """With the verdicts on its tests, which do not count where there are too few rows."""
        name = self.column.feature.name
        own = [outcome for outcome in outcomes if outcome.test.subject == name]
        changed = tuple(outcome.test.what for outcome in own if outcome.drifted) if counted else ()
        importance = self.column.importance
        matters = importance is None or importance >= LEAST_IMPORTANCE
        usual = self.column.usual
        return Change(
            name=name,
            type=self.type,
            psi=self.distance.psi if self.distance else None,
            ks=self.distance.ks if self.distance else None,
            p=min((outcome.test.p for outcome in own), default=1.0),
            adjusted=min((outcome.adjusted for outcome in own), default=1.0),
            natural=usual.psi if self.distance and self.distance.ks is None else usual.ks,
            missing_before=self.missing[0],
            missing_now=self.missing[1],
            new_share=self.new,
            importance=importance,
            changed=changed,
            acted_on=bool(changed) and matters,
        )


def measure(baseline: Baseline, captured: Captured, rules: Rules, truths: pl.Series | None = None) -> Drift:
    """Compare every watched column, the prediction, and the truth of the rows for which it is known.

    DataError where the model sees none of the columns that are named.
    """
    schema = baseline.schema
    compared = [
        _compare(baseline.columns[feature.name], captured.table[feature.name], rules.psi)
        for feature in _watched(schema, rules.features)
    ]
    scored = _answers(PREDICTION, baseline, baseline.scores, captured.predictions["score"], rules.psi)
    labelled = truths is not None and len(truths) >= rules.labelled_rows
    known = _answers(TARGET, baseline, baseline.truths, truths, rules.psi) if labelled else None
    everything = [*compared, *(each for each in (scored, known) if each is not None)]
    outcomes = judge([test for each in everything for test in each.tests], rules.alpha)
    counted = captured.rows >= rules.rows
    found = Drift(
        "clear" if counted else "too few rows",
        rules.alpha,
        tuple(each.change(outcomes, counted=counted) for each in compared),
        scored.change(outcomes, counted=counted) if scored else None,
        known.change(outcomes, counted=True) if known else None,
    )
    return replace(found, verdict="drifted") if found.drifted else found


def _watched(schema: Schema, names: Sequence[str]) -> Iterator[Feature]:
    """The features that are asked for; the time of a forecast moves on by itself.

    A forecast of one series may have no other: then its prediction alone tells of drift.
    """
    moving = schema.time if schema.problem == "forecast" else None
    features = [each for each in schema.features if each.name != moving and (not names or each.name in names)]
    if names and not features:
        seen = ", ".join(schema.names)
        raise DataError(
            f"OnDrift watches {', '.join(map(repr, names))}, which the model in service does not see; "
            f"it sees {seen}: change features= in the declaration"
        )
    yield from features


def _compare(column: Column, now: pl.Series, psi: float) -> _Compared:
    """Which tests there are depends on what is compared, never on what comes: else few would be adjusted for.

    A prediction or a truth that is missing is left out before, and its classes are known.
    """
    feature, before = column.feature, column.values
    answer = feature.name in (PREDICTION, TARGET)
    share: float | None = None
    tests: list[Test] = []
    if comparable.textual(feature):
        known, seen = comparable.counts(before), comparable.counts(now)
        kept = {name: known.get(name, 0) for name in comparable.known(feature)}
        rows, asked = sum(known.values()), sum(seen.values())
        # What the sample holds beyond the model's categories is as unknown to it as what is new.
        unseen = min(1.0, column.unseen + 1 - sum(kept.values()) / rows) if rows else 1.0
        new = asked - sum(seen.get(name, 0) for name in kept)
        share = new / asked if asked else 0.0
        distance = distances.categories(kept, seen, unseen)
        if asked and not answer:
            p = distances.unknown(new, asked, unseen, rows)
            tests.append(Test(feature.name, "new", p, share - unseen, LEAST_NEW, share, None))
        far, natural = (distance.psi if distance else 0.0), column.usual.psi
    else:
        distance = distances.numbers(comparable.numbers(before), comparable.numbers(now))
        far, natural = (distance.ks or 0.0 if distance else 0.0), column.usual.ks
    if distance:
        tests.append(Test(feature.name, "values", distance.p, distance.psi, psi, far, natural))
    shares = _missing(before), _missing(now)
    if not answer and len(before) and len(now):
        p = distances.missing(before.null_count(), len(before), now.null_count(), len(now))
        apart = abs(shares[1] - shares[0])
        tests.append(Test(feature.name, "missing", p, apart, LEAST_MISSING, apart, column.usual.missing))
    return _Compared(column, feature.type, distance, shares, share, tuple(tests))


def _missing(values: pl.Series) -> float:
    return values.null_count() / len(values) if len(values) else 0.0


def _answers(
    name: str, baseline: Baseline, before: pl.Series | None, now: pl.Series | None, psi: float
) -> _Compared | None:
    """Predictions or truths as a column: a number, or the class that it is, or that is the most probable."""
    if before is None or now is None:
        return None
    classes = baseline.schema.classes
    listed = isinstance(now.dtype, pl.List)
    if listed or (name == TARGET and classes):
        named = comparable.chosen if listed else comparable.placed
        before, now = (named(each, classes) for each in (before, now))
        feature = Feature(name, "category", classes)
    else:
        before, now = (each.cast(pl.Float64).fill_nan(None) for each in (before, now))
        feature = Feature(name, "number")
    usual = _usual(before, baseline.blocks, feature)
    return _compare(Column(feature, before, usual, 0.0, None), now.drop_nulls(), psi)


def _usual(values: pl.Series, blocks: pl.Series | None, feature: Feature) -> Usual:
    """How far the hold-out's own blocks of time lie apart."""
    if blocks is None:
        return Usual()
    inside = blocks.is_not_null()
    values, block = values.filter(inside), blocks.filter(inside).to_numpy()
    if comparable.textual(feature):

        def by_class(one: Array, other: Array) -> float | None:
            found = [comparable.counts(pl.Series(each, dtype=pl.String)) for each in (one, other)]
            apart = distances.categories(dict.fromkeys(feature.categories, 0) | found[0], found[1])
            return apart.psi if apart else None

        return Usual(psi=distances.natural(values.to_numpy(), block, by_class))

    def by_score(one: Array, other: Array) -> float | None:
        apart = distances.numbers(one, other)
        return apart.ks if apart else None

    return Usual(ks=distances.natural(comparable.numbers(values), block, by_score))
