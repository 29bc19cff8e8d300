"""Rows in the order of time, cut into blocks: how far these lie apart is what is usual among the rows.

Weeks where they are 8 to 30, so that each block has every day of the week; else whole days; else as many
equal spans as there are rows for.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

# The column of a table in which each row's block stands.
BLOCK = "__block__"
# Fewer rows say little of a block, fewer blocks say little of what is usual, and more make each too short.
ROWS, FEWEST, MOST = 300, 8, 30
_MICROSECONDS_PER_DAY = 86_400_000_000


def blocks(moments: pl.Series) -> pl.Series | None:
    """The number of each row's block by its time, null for a row in none; None where there are too few."""
    dated = isinstance(moments.dtype, pl.Datetime | pl.Date)
    numbers = moments.cast(pl.Datetime("us")).dt.epoch("us") / _MICROSECONDS_PER_DAY if dated else moments
    places = numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    known = np.isfinite(places)
    if int(known.sum()) < ROWS * FEWEST:
        return None
    low, span = float(places[known].min()), float(np.ptp(places[known]))
    for width in _widths(span, dated=dated, rows=int(known.sum())):
        found = np.full(len(places), -1)
        # The latest row lies at the very end of the last block.
        last = max(0, int(np.ceil(span / width)) - 1)
        found[known] = np.minimum((places[known] - low) // width, last).astype(int)
        counts = np.bincount(found[known], minlength=last + 1)
        full = np.flatnonzero(counts >= ROWS)
        if FEWEST <= len(full) <= MOST:
            number = np.full(last + 2, -1)
            number[full] = np.arange(len(full))
            # A row without a time, at -1, takes the last entry.
            place = pl.col(BLOCK)
            return (
                pl.DataFrame({BLOCK: number[found]})
                .select(pl.when(place >= 0).then(place.cast(pl.Int32)))
                .to_series()
            )
    return None


def _widths(span: float, *, dated: bool, rows: int) -> Iterator[float]:
    """Lengths of a block, the ones to be preferred first."""
    if span <= 0:
        return
    if dated:
        for unit in (7, 1):
            width = unit * max(1, int(np.ceil(span / MOST / unit)))
            if span / width > FEWEST - 1:
                yield width
    for count in range(min(MOST, rows // ROWS), FEWEST - 1, -1):
        yield span / count
