"""The noise of a hold-out: what its metrics would have been with other rows, by the bootstrap.

Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13 for percentile intervals. Every row
counts a Poisson(1) number of times instead of being drawn, which needs no second pass over the rows: Hanley &
MacGibbon, Creating non-parametric bootstrap samples using Poisson frequencies (2006); Chamandy et al.,
Estimating Uncertainty for Massive Data Streams (2012). Both models meet the same weights, so that what they
have in common cancels out of their difference.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import exp, factorial
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

SEED = 0
REPLICATES = 1000
_FEWEST = 200
# Weights of all replicates together; beyond it there are fewer replicates, for noise is small in many rows.
_MOST = 200_000_000
# Weights that are worked on at once, as float32.
_AT_ONCE = 8_000_000


def _poisson() -> Array:
    """Poisson(1) of a random 16-bit number: its distribution function turned round."""
    shares = np.cumsum([exp(-1) / factorial(count) for count in range(9)])
    return np.searchsorted(shares * 65536, np.arange(65536) + 0.5).astype(np.uint8)


_COUNTS = _poisson()


@dataclass(frozen=True)
class Interval:
    """Two ends that hold the true value with the stated confidence."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True)
class Resamples:
    """As many weights as there are units in each replicate; a unit is a row, a query or a series' period."""

    units: int
    most: int = REPLICATES
    seed: int = SEED

    @property
    def count(self) -> int:
        """The number of replicates."""
        return max(_FEWEST, min(self.most, _MOST // max(1, self.units)))

    def blocks(self) -> Iterator[Array]:
        """The replicates in blocks (b, units) of float32, always the same ones."""
        chance = np.random.Generator(np.random.SFC64(self.seed))
        size = max(1, _AT_ONCE // max(1, self.units))
        for start in range(0, self.count, size):
            shape = (min(size, self.count - start), self.units)
            yield _COUNTS[chance.integers(0, 65536, shape, dtype=np.uint16)].astype(np.float32)

    def replicate(self, measure: Callable[[Array], dict[str, Array]]) -> dict[str, Array]:
        """What `measure` makes of every block, put together: one value per replicate for each name."""
        parts = [measure(block) for block in self.blocks()]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def draws(self, count: int) -> Iterator[Array]:
        """Units drawn with replacement, for a function that takes rows and knows no weights."""
        chance = np.random.default_rng(self.seed)
        for _ in range(count):
            yield chance.integers(0, self.units, self.units)


def interval(replicates: Array, confidence: float) -> Interval | None:
    """The two-sided percentile interval; None when nothing can be said."""
    known = replicates[np.isfinite(replicates)]
    if not len(known):
        return None
    rest = (1 - confidence) / 2
    low, high = np.quantile(known, [rest, 1 - rest])
    return Interval(float(low), float(high), confidence)


def lower_end(replicates: Array, confidence: float) -> float:
    """The lower end of the one-sided percentile interval; minus infinity when nothing can be said."""
    known = replicates[np.isfinite(replicates)]
    return float(np.quantile(known, 1 - confidence)) if len(known) else -np.inf
