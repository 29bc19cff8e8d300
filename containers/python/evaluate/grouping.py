"""Rows by the values of one column: categories by value, quantities by quantile."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from evaluate.metrics import Array
from tabular.contract import DataError

_MOST_VALUES = 12
_FEW_NUMBERS = 6
_QUANTILES = 4
OTHER, MISSING = "other", "missing"


@dataclass(frozen=True)
class Group:
    """The rows (as positions) on which a column has one value, or a value of one range."""

    column: str
    value: str
    rows: Array


def groups(table: pl.DataFrame, column: str) -> list[Group]:
    """Every row is in one group; DataError for a column that the table does not have."""
    if column not in table.columns:
        raise DataError(f"the hold-out has no column {column!r}; it has {', '.join(table.columns)}")
    values = table[column]
    if values.dtype.is_temporal() or (values.dtype.is_numeric() and values.n_unique() > _FEW_NUMBERS):
        labels = _ranges(values)
    else:
        labels = _names(values)
    return [
        Group(column, name, np.flatnonzero((labels == name).to_numpy())) for name in labels.unique().sort()
    ]


def _names(values: pl.Series) -> pl.Series:
    texts = values.cast(pl.String)
    counted = texts.drop_nulls().value_counts(name="\0rows")
    counts = counted.sort("\0rows", texts.name, descending=[True, False])[texts.name].to_list()
    # Sorted, so that a column's groups stand in the same order in every report.
    kept = sorted(counts[:_MOST_VALUES])
    names = {name: name for name in kept} | {MISSING: MISSING}
    return _in_order(
        texts.fill_null(MISSING).replace_strict(names, default=OTHER, return_dtype=pl.String), kept
    )


def _ranges(values: pl.Series) -> pl.Series:
    known = values.drop_nulls().sort()
    places = [round(len(known) * step / _QUANTILES) for step in range(1, _QUANTILES)]
    cuts = sorted({known[place] for place in places}) if len(known) else []
    edges = [known[0], *(cut for cut in cuts if cut > known[0])] if len(known) else []
    names = [
        f"{_text(low)} to {_text(high)}" for low, high in zip(edges, [*edges[1:], known[-1]], strict=False)
    ] if len(known) else []  # fmt: skip
    code = pl.Series(values.name, np.full(len(values), -1))
    for place, edge in enumerate(edges):
        code = code.set((values >= edge).fill_null(False), place)
    named = dict(enumerate(names)) | {-1: MISSING}
    return _in_order(code.replace_strict(named, return_dtype=pl.String), names)


def _in_order(labels: pl.Series, names: list[str]) -> pl.Series:
    return labels.cast(pl.Enum([*dict.fromkeys([*names, OTHER, MISSING])]))


def _text(value: object) -> str:
    return f"{value:,.4g}" if isinstance(value, (int, float)) else str(value)[:10]
