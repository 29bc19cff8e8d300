"""The real year, month by month: what is reported, and what the model is worth if it learns again then."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.drift import pool
from benchmarks.drift.looks import captured, rules
from benchmarks.drift.peers import Peer
from benchmarks.drift.pool import TARGET, TIME, Learned
from examples.flights.data import flights

FIRST = 3
"""Months that the first model learns from."""
_ROWS = 2_000
# One look a month, with one false alarm a year.
_ALPHA = 1 / 12
_HELD_OUT = 20_000


@dataclass(frozen=True)
class Month:
    """One look: what drifted, and what of it is acted on.

    `never` is the AUC in this month of the model that never learnt again, `kept` that of the model in
    service; `retrained` is whether one that learnt all months up to this one takes over after the look.
    `peer` is how many of the `watched` columns have drifted for the peer, None where there was none.
    """

    month: int
    drifted: tuple[str, ...]
    acted_on: tuple[str, ...]
    reason: str
    never: float
    kept: float
    retrained: bool
    watched: int
    peer: int | None = None


def play(directory: Path, seed: int, peer: Peer | None) -> tuple[list[Month], list[int]]:
    """April to December; after a report a new model learns from everything up to then.

    The peer is given what the model in service learnt from, and the same rows of the month: its tasks.
    """
    from evaluate.metrics import auc
    from watch import baseline, drift
    from watch.drift import PREDICTION
    from watch.findings import drift_sentence

    year = flights()
    first = _trained(year, FIRST, directory)
    serving, known = first, baseline.read(*_registered(first, directory))
    months, tasks, last = [], [], FIRST
    for month in range(FIRST + 1, 13):
        rows = year.filter(pl.col("month") == month)
        truth = rows[TARGET].cast(pl.Boolean).to_numpy()
        never, kept = (auc(truth, each.scores(each.typed(rows))) for each in (first, serving))
        asked = serving.typed(rows.sample(_ROWS, seed=seed + month))
        calls = captured(serving, asked)
        found = drift.measure(known, calls, rules(_ALPHA))
        if peer is not None:
            learnt = pl.DataFrame([each.values for each in known.columns.values()])
            tasks.append(peer.give(f"until-{last}", learnt, [calls.table]))
        changed = [found.prediction, *found.features] if found.prediction else [*found.features]
        drifted = tuple(
            "prediction" if each.name == PREDICTION else each.name for each in changed if each.drifted
        )
        acted_on = tuple("prediction" if each.name == PREDICTION else each.name for each in found.acted_on)
        retrained = bool(found.acted_on) and month < 12
        said = drift_sentence(found)
        watched = len(found.features)
        months.append(Month(month, drifted, acted_on, said, never, kept, retrained, watched))
        if retrained:
            serving, last = _trained(year, month, directory), month
            known = baseline.read(*_registered(serving, directory))
    return months, tasks


def _trained(year: pl.DataFrame, last: int, directory: Path) -> Learned:
    """Of all months up to the last one, by the image's own programs."""
    rows = year.filter(pl.col("month") <= last).drop("month")
    return pool.learned(pool.prepared(rows, directory, "--time", TIME))


def _registered(learned: Learned, directory: Path) -> tuple[Path, Path]:
    """What is registered with a model: the baseline of prepare, and the predictions of the hold-out."""
    from tabular.blocks import BLOCK, blocks

    output, quality = directory / "processing" / "output", directory / "quality"
    quality.mkdir(exist_ok=True)
    held = pl.read_parquet(sorted((output / "holdout").glob("*.parquet")))
    places = np.linspace(0, held.height - 1, min(held.height, _HELD_OUT)).astype(int)
    held = held[places]
    number = blocks(held[TIME])
    scores = pl.DataFrame({"score": learned.scores(held), "truth": held[TARGET].cast(pl.Float64)})
    scores.with_columns(pl.lit(None).alias(BLOCK) if number is None else number).write_parquet(
        quality / "predictions.parquet"
    )
    return output / "baseline", quality
