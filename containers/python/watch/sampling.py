"""A sample of rows that come in pieces, of which nobody knows how many there will be."""

import numpy as np
import polars as pl

MOST = 100_000
_PRIORITY = "\0priority"


class Sample:
    """At most so many rows, each as likely as any other; the same pieces give the same sample.

    Every row draws a number, and those with the smallest stay: Vitter, Random sampling with a reservoir
    (1985).
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._chance = np.random.default_rng(0)
        self._kept: pl.DataFrame | None = None

    @property
    def rows(self) -> pl.DataFrame | None:
        """The sample, in the order of arrival; None where nothing came."""
        return None if self._kept is None else self._cut(self._kept).drop(_PRIORITY)

    def add(self, rows: pl.DataFrame) -> None:
        """Offer more rows."""
        drawn = rows.with_columns(pl.Series(_PRIORITY, self._chance.random(rows.height)))
        self._kept = drawn if self._kept is None else pl.concat([self._kept, drawn])
        if self._kept.height > 2 * self._most:
            self._kept = self._cut(self._kept)

    def _cut(self, rows: pl.DataFrame) -> pl.DataFrame:
        if rows.height <= self._most:
            return rows
        last = rows[_PRIORITY].bottom_k(self._most).max()
        return rows.filter(pl.col(_PRIORITY) <= last)
