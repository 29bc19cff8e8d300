"""How differently a model with two classes treats the groups of a column, as Fairlearn measures it.

https://fairlearn.org/main/user_guide/assessment/common_fairness_metrics.html
"""

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args

import numpy as np
import polars as pl

from evaluate.grouping import groups
from evaluate.metrics import THRESHOLD, Rows
from tabular.contract import DataError

Criterion = Literal["demographic_parity", "equal_opportunity", "equalized_odds"]
_ASKED = re.compile(r"(?P<criterion>[a-z_]+):(?P<column>.+)<=(?P<bound>[^<=]+)")


@dataclass(frozen=True)
class Fair:
    """The largest difference between the groups of a column that is accepted."""

    column: str
    criterion: Criterion
    at_most: float

    @classmethod
    def parse(cls, text: str) -> "Fair":
        """Read 'demographic_parity:sex<=0.1'; raises DataError."""
        found = _ASKED.fullmatch(text)
        try:
            if found is None or found["criterion"] not in get_args(Criterion):
                raise ValueError(text)
            return cls(found["column"], cast(Criterion, found["criterion"]), float(found["bound"]))
        except ValueError as error:
            shown = ", ".join(get_args(Criterion))
            raise DataError(
                f"--fair {text!r} is not of the form criterion:column<=bound with one of {shown}"
            ) from error


@dataclass(frozen=True)
class Treatment:
    """One group: the shares that are predicted positive of all, of the truly positive and of the others.

    A share is None where the group has no such row.
    """

    group: str
    rows: int
    selected: float | None
    true_positive_rate: float | None
    false_positive_rate: float | None


@dataclass(frozen=True)
class Fairness:
    """The difference between the most and the least favoured group, by one criterion."""

    column: str
    criterion: Criterion
    at_most: float
    difference: float
    passed: bool
    reason: str
    groups: tuple[Treatment, ...]


def fairness(table: pl.DataFrame, rows: Rows, asked: Fair) -> Fairness:
    """Measure one criterion; DataError where the problem is not binary."""
    if rows.problem != "binary":
        raise DataError(f"{asked.criterion} needs a binary problem; this one is {rows.problem}")
    truth, chosen = rows.truth.astype(bool), rows.predicted >= THRESHOLD
    treated = tuple(
        Treatment(
            group.value,
            len(group.rows),
            _share(chosen[group.rows]),
            _share(chosen[group.rows][truth[group.rows]]),
            _share(chosen[group.rows][~truth[group.rows]]),
        )
        for group in groups(table, asked.column)
    )
    selected = {each.group: each.selected for each in treated}
    found = {each.group: each.true_positive_rate for each in treated}
    alarmed = {each.group: each.false_positive_rate for each in treated}
    spreads = {
        "demographic_parity": [_spread(selected)],
        "equal_opportunity": [_spread(found)],
        "equalized_odds": [_spread(found), _spread(alarmed)],
    }
    difference, groups_told = max(spreads[asked.criterion])
    passed = difference <= asked.at_most
    reason = (
        f"{asked.criterion} difference between groups of {asked.column} is {difference:.4f}{groups_told}, "
        f"{'' if passed else 'not '}at most {asked.at_most:g}"
    )
    return Fairness(asked.column, asked.criterion, asked.at_most, difference, passed, reason, treated)


def _share(values: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float | None:
    return float(values.mean()) if len(values) else None


def _spread(shares: dict[str, float | None]) -> tuple[float, str]:
    """The difference between the ends, and which groups they are."""
    known = [(share, group) for group, share in shares.items() if share is not None]
    if len(known) < 2:
        return 0.0, ""
    (high, most), (low, least) = max(known), min(known)
    return high - low, f" ({most} {high:.4f}, {least} {low:.4f})"
