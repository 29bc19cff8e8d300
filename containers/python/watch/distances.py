"""How far two samples of one column are apart, and how likely as much is by chance: arithmetic alone.

The population stability index is Kullback and Leibler's divergence both ways over bins. Where nothing changed
it is about (1/n + 1/m) times a chi-square of k - 1 degrees: Yurdakul & Naranjo, Statistical properties of the
population stability index (2020). So its mean there is taken off, and small samples do not look like drift.
https://docs.scipy.org/doc/scipy/reference/stats.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special, stats  # type: ignore[import-untyped]

from tabular import blocks

Array = np.ndarray[Any, np.dtype[Any]]

BINS = 20
# Fewer values of a column say nothing about its distribution.
FEWEST = 50
# Of a category in the smaller sample, for the chi-square: Cochran, Some methods for strengthening the common
# chi-square tests (1954). Rarer ones are pooled.
_EXPECTED = 5
# Fewer blocks of time do not show what is usual.
FEWEST_BLOCKS = blocks.FEWEST


@dataclass(frozen=True)
class Distance:
    """`psi` is 0 or less where chance explains it; `ks` is None for categories; `p` is that of no change."""

    psi: float
    ks: float | None
    p: float


def numbers(before: Array, now: Array) -> Distance | None:
    """Of two samples of numbers, NaN being missing; None where either has fewer than 50 values."""
    known, seen = present(before), present(now)
    if min(len(known), len(seen)) < FEWEST:
        return None
    found = stats.ks_2samp(known, seen, method="asymp")
    cuts = edges(known)
    apart = psi(histogram(known, cuts), histogram(seen, cuts))
    return Distance(apart, float(found.statistic), float(found.pvalue))


def categories(before: Mapping[str, int], now: Mapping[str, int], unseen: float = 0.0) -> Distance | None:
    """Of the counts of two samples' categories; None where either has fewer than 50 values.

    `unseen` is the share of values that were to be expected in categories that the first sample lacks.
    """
    rows, asked = sum(before.values()), sum(now.values())
    if min(rows, asked) < FEWEST:
        return None
    known = np.array(list(before.values()), float)
    seen = np.array([now.get(name, 0) for name in before], float)
    common = (known + seen) * min(rows, asked) / (rows + asked) >= _EXPECTED
    rest = known[~common].sum(), seen[~common].sum()
    new = unseen * rows, asked - seen.sum()
    apart = psi(np.array([*known[common], rest[0], new[0]]), np.array([*seen[common], rest[1], new[1]]))
    pooled = np.array(
        [[*known[common], rest[0] + new[0]], [*seen[common], rest[1] + new[1]]]
    )  # fmt: skip
    pooled = pooled[:, pooled.sum(axis=0) > 0]
    p = stats.chi2_contingency(pooled, correction=False).pvalue if pooled.shape[1] > 1 else 1.0
    return Distance(apart, None, float(p))


def missing(before: int, rows: int, now: int, asked: int) -> float:
    """How likely as unequal a share of missing values is by chance: `before` of `rows`, `now` of `asked`."""
    if before == now == 0:
        return 1.0
    table = [[before, rows - before], [now, asked - now]]
    return float(stats.fisher_exact(table).pvalue)


def unknown(count: int, asked: int, unseen: float, rows: int) -> float:
    """How likely so many values of unknown categories are, where a share of `unseen` was to be expected.

    That share was estimated on `rows` values (Good, The population frequencies of species, 1953), of which
    one more may have been the first of its kind.
    """
    if not asked or not count:
        return 1.0
    expected = min(1.0, unseen + 1 / max(1, rows))
    return float(stats.binomtest(count, asked, expected, alternative="greater").pvalue)


def present(values: Array) -> Array:
    """Without NaN, as float32: so the model sees them, and a client that rounds to it has not drifted."""
    # What is too large for it is infinite.
    with np.errstate(over="ignore"):
        known: Array = values[~np.isnan(values)].astype(np.float32)
    return known


def edges(values: Array, bins: int = BINS) -> Array:
    """Cuts between bins with about as many values each; a value that would fill one has a bin to itself."""
    cuts = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1], method="inverted_cdf")
    distinct, times = np.unique(cuts.astype(np.float32), return_counts=True)
    behind = np.nextafter(distinct[times > 1], np.float32(np.inf))
    return np.union1d(distinct, behind)


def histogram(values: Array, cuts: Array) -> Array:
    """How many values lie below the first cut, from each cut on, and from the last one on."""
    return np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)


def psi(before: Array, now: Array) -> float:
    """The population stability index of counts by bin, less its mean where nothing changed."""
    filled = before + now > 0
    bins, rows, asked = int(filled.sum()), before.sum(), now.sum()
    # Half a value in each bin: an empty one would be infinitely far.
    shares = (before[filled] + 0.5) / (rows + 0.5 * bins)
    found = (now[filled] + 0.5) / (asked + 0.5 * bins)
    apart = special.rel_entr(shares, found) + special.rel_entr(found, shares)
    return float(apart.sum() - (bins - 1) * (1 / rows + 1 / asked))


def natural(values: Array, block: Array, apart: Callable[[Array, Array], float | None]) -> float | None:
    """How far the furthest of a sample's own blocks lies from the others; None with fewer than 8 blocks.

    Where nothing has changed a new block is further with a chance of 1 in (blocks + 1) at most, however its
    rows hang together, as long as blocks do not.
    """
    numbered, counts = np.unique(block, return_counts=True)
    numbered = numbered[counts >= blocks.ROWS]
    if len(numbered) < FEWEST_BLOCKS:
        return None
    found = [apart(values[block != number], values[block == number]) for number in numbered]
    known = [each for each in found if each is not None]
    return max(known) if len(known) >= FEWEST_BLOCKS else None
