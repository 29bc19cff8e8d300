"""Draws of reference and current rows, and what monitoring says of them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from benchmarks.drift.pool import TARGET, Array, Learned, Pool
from benchmarks.drift.shifts import SHIFTS, Shift

if TYPE_CHECKING:
    from watch.baseline import Baseline
    from watch.captured import Captured
    from watch.window import Rules

REFERENCE, CURRENT, WINDOW = 20_000, 2_000, 500
PATIENCE = 10
"""Windows of 500 rows after which nobody waits any longer."""
# As a look each day with one false alarm a year.
ALPHA = 1 / 365
_MOMENT = datetime(2013, 1, 1)
# What quality may lose against the reference.
TOLERATED = 0.03


@dataclass(frozen=True)
class Draw:
    """Reference rows with their predictions, all that is known of them, and the rows that come after them.

    Of the latter there are twice as many as are looked at, as a change may use some up.
    """

    run: int
    reference: pl.DataFrame
    scores: Array
    before: "Baseline"
    rest: pl.DataFrame


@dataclass(frozen=True)
class Trial:
    """A change, or none, in windows of so many rows each, until it is told."""

    run: int
    shift: Shift | None
    strength: float
    rows: int = CURRENT
    windows: int = 1


@dataclass(frozen=True)
class Seen:
    """A window of rows with the truth, and as if they had been calls."""

    rows: pl.DataFrame
    calls: "Captured"


def rules(alpha: float = ALPHA) -> "Rules":
    """The declaration's defaults."""
    from watch.window import Rules

    return Rules(psi=0.1, alpha=alpha, rows=WINDOW, labelled_rows=WINDOW)


def draw(pool: Pool, seed: int, run: int) -> Draw:
    """Rows that have nothing to do with each other; the same for the same seed and run."""
    chance = np.random.default_rng([seed, run])
    places = chance.choice(pool.rows.height, REFERENCE + 2 * WINDOW * PATIENCE, replace=False)
    first, rest = places[:REFERENCE], places[REFERENCE:]
    reference, scores = pool.rows[first], pool.scores[first]
    return Draw(run, reference, scores, _baseline(pool.learned, reference, scores), pool.rows[rest])


def windows(learned: Learned, drawn: Draw, trial: Trial, seed: int) -> Iterator[Seen]:
    """What comes after the reference, with the change in it; the same for the same seed and trial."""
    for number in range(trial.windows):
        rows = drawn.rest.slice(number * 2 * trial.rows, 2 * trial.rows)
        if trial.shift is not None:
            chance = np.random.default_rng([seed, trial.run, SHIFTS.index(trial.shift), number])
            rows = trial.shift.plant(rows, trial.strength, chance)
        rows = rows.head(trial.rows)
        yield Seen(rows, captured(learned, rows))


def told(drawn: Draw, seen: Seen) -> bool:
    """What monitoring says; nothing is known of what is usual, as these rows have no order."""
    from watch import drift

    return drift.measure(drawn.before, seen.calls, rules()).verdict == "drifted"


def told_with_labels(drawn: Draw, seen: Seen) -> bool:
    """Whether a change is told once the truth of all rows is known, by drift or by quality.

    The bound of quality is what the model reached on the reference, less 0.03.
    """
    from evaluate.metrics import auc
    from watch import drift, quality
    from watch.labels import Labels

    rows = seen.calls.predictions.with_columns(seen.rows[TARGET].cast(pl.Float64).alias("truth"))
    reached = auc(drawn.reference[TARGET].cast(pl.Boolean).to_numpy(), drawn.scores)
    asked = replace(rules(), metric="auc", bound=reached - TOLERATED)
    if drift.measure(drawn.before, seen.calls, asked, rows["truth"]).verdict == "drifted":
        return True
    known = quality.Known(rows, rows, Labels(rows, 0, ()), 0)
    live = quality.measure(known, drawn.before.schema, asked, Path())
    return bool(live and live.below)


def captured(learned: Learned, rows: pl.DataFrame) -> "Captured":
    """Rows as if they had been calls, with the model's predictions."""
    from watch import comparable
    from watch.captured import Captured

    scores = pl.DataFrame({"score": learned.scores(rows)}).with_columns(
        inference_id=pl.lit(""),
        row=pl.int_range(rows.height, dtype=pl.UInt32),
        time=pl.lit(_MOMENT),
        known_at=pl.lit(_MOMENT),
    )
    table = comparable.table(rows, learned.schema)
    return Captured(table, scores, rows.height, rows.height, 0, 0, 0, {})


def _baseline(learned: Learned, reference: pl.DataFrame, predicted: Array) -> "Baseline":
    from watch import comparable
    from watch.baseline import Baseline, Column, Usual

    table = comparable.table(reference, learned.schema)
    columns = {
        feature.name: Column(
            feature,
            table[feature.name],
            Usual(),
            _unseen(table[feature.name]) if comparable.textual(feature) else 0.0,
            learned.importance[feature.name],
        )
        for feature in learned.schema.features
    }
    truths = reference[TARGET].cast(pl.Float64)
    scores = pl.Series("score", predicted)
    return Baseline(learned.schema, Path(), table.height, columns, scores, truths, None)


def _unseen(values: pl.Series) -> float:
    """The share of values that came once, as prepare estimates what it has not seen."""
    counts = values.drop_nulls().value_counts()["count"]
    return int((counts == 1).sum()) / max(1, int(counts.sum()))
