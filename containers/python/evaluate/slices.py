"""Is the challenger worse than the champion somewhere, although it is better on the whole?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from evaluate.compare import Comparison, compare
from evaluate.custom import Function
from evaluate.gate import Gate
from evaluate.grouping import groups
from evaluate.metrics import Array, Rows

# Fewer rows, or fewer of one class, say nothing about a metric: the bootstrap itself needs some.
_FEWEST_ROWS = 30
_FEWEST_OF_CLASS = 10
_SHOWN = 0.9
# A standard error, good to 4%, is all that a slice is judged by.
_REPLICATES = 400


@dataclass(frozen=True)
class Slice:
    """One group of rows; the ends are those of the two-sided 90% interval, None where the rows are too few.

    `passed` is None where nothing was to be judged: no champion, or too few rows.
    """

    column: str
    value: str
    rows: int
    metric: float | None
    low: float | None
    high: float | None
    champion: float | None
    improvement: float | None
    improvement_low: float | None
    improvement_high: float | None
    passed: bool | None


@dataclass(frozen=True)
class _Cut:
    column: str
    value: str
    rows: int
    found: Comparison | None


def slices(
    table: pl.DataFrame,
    columns: Sequence[str],
    rivals: tuple[Rows, Rows | None],
    gate: Gate,
    functions: Mapping[str, Function],
    tolerance: float,
) -> list[Slice]:
    """Every group of the columns by the gate's metric.

    A slice fails when it is worse by more than `tolerance` (in the metric's unit) with the gate's confidence,
    which is shared out among the slices (Bonferroni), so that many of them do not make a false alarm likely.
    """
    challenger, champion = rivals
    cuts = []
    for column in columns:
        for group in groups(table, column):
            found = None
            if _enough(challenger, group.rows):
                theirs = champion.among(group.rows) if champion else None
                both = compare(challenger.among(group.rows), theirs, [gate.name], functions, _REPLICATES)
                found = both[gate.name]
            cuts.append(_Cut(column, group.value, len(group.rows), found))
    judged = sum(cut.found is not None for cut in cuts)
    return [_slice(cut, gate, tolerance, max(1, judged)) for cut in cuts]


def reasons(found: Sequence[Slice], gate: Gate, tolerance: float) -> list[str]:
    """A sentence for each slice that fails."""
    return [
        f"{gate.name} on {each.column} = {each.value} ({each.rows:,} rows) is {each.metric:.4f}, worse than "
        f"the champion's {each.champion:.4f} by more than {tolerance:g}"
        for each in found
        if each.passed is False
    ]


def _enough(rows: Rows, chosen: Array) -> bool:
    if len(chosen) < _FEWEST_ROWS:
        return False
    if rows.problem != "binary":
        return True
    positives = int(np.count_nonzero(rows.truth[chosen]))
    return min(positives, len(chosen) - positives) >= _FEWEST_OF_CLASS


def _slice(cut: _Cut, gate: Gate, tolerance: float, judged: int) -> Slice:
    found = cut.found
    if found is None:
        return Slice(cut.column, cut.value, cut.rows, *[None] * 8)
    ends = found.interval(_SHOWN)
    low, high = (ends.low, ends.high) if ends else (None, None)
    if found.champion is None:
        return Slice(cut.column, cut.value, cut.rows, found.value, low, high, *[None] * 5)
    better = found.improvement(gate.higher)
    between = found.improvement_interval(gate.higher, _SHOWN)
    worst = better
    if gate.confidence is not None:
        worst = found.improvement_high(gate.higher, 1 - (1 - gate.confidence) / judged)
    return Slice(
        cut.column, cut.value, cut.rows, found.value, low, high, found.champion, better,
        between.low if between else None, between.high if between else None, not worst < -tolerance,
    )  # fmt: skip
