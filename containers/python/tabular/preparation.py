"""The user's `prepare(table)`: a Narwhals LazyFrame in, a Narwhals LazyFrame out, a row for each row.

It runs on the training files and on the rows of each request alike, where a table may have one row and has no
target. So each row must come of itself alone, and rows keep their number and order; the target, the time, the
group and the series keep their values. https://narwhals-dev.github.io/narwhals/api-reference/dataframe/
"""

from collections.abc import Iterable

import narwhals as nw
import numpy as np
import polars as pl

from tabular.code import Function
from tabular.columns import from_typed
from tabular.contract import DataError
from tabular.encoding import Matrix, matrix
from tabular.schema import Schema, Type


def apply(function: Function, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Plan what the function says; DataError when it says nothing that can be done."""
    returned = nw.to_native(function(nw.from_native(rows)), pass_through=True)
    planned = returned.lazy() if isinstance(returned, pl.DataFrame) else returned
    if not isinstance(planned, pl.LazyFrame):
        raise DataError(
            f"{function.title}: it returned {type(returned).__name__}; "
            "it must return the table that it was given, with columns added, changed or left out"
        )
    try:
        planned.collect_schema()
    except pl.exceptions.PolarsError as error:
        raise function.blame(error) from error
    return planned


def collect(function: Function, planned: pl.LazyFrame) -> pl.DataFrame:
    """Do what was planned."""
    try:
        return planned.collect()
    except pl.exceptions.PolarsError as error:
        raise function.blame(error) from error


def features(function: Function, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows without the target as the function makes them, in the types that a model knows."""
    planned = apply(function, rows.lazy())
    made = planned.collect_schema()
    typed = [from_typed(name, dtype, kind(name, dtype, function)) for name, dtype in made.items()]
    return collect(function, planned.select(typed))


def encode(function: Function, rows: pl.DataFrame, schema: Schema) -> tuple[Matrix, int]:
    """A request's rows as the model sees them, and how many values named a category unknown to it."""
    prepared = features(function, rows)
    if prepared.height != rows.height:
        raise DataError(f"{function.title}: it made {prepared.height} rows of {rows.height}")
    encoded = matrix(prepared, schema)
    places = [place for place, feature in enumerate(schema.features) if feature.type == "category"]
    named = [prepared[schema.names[place]].count() for place in places]
    return encoded, sum(named) - int((~np.isnan(encoded[:, places])).sum())


def kind(column: str, dtype: pl.DataType, function: Function) -> Type | None:
    """The type of a column that the function made; None when it holds nothing."""
    if isinstance(dtype, pl.Boolean):
        return "boolean"
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "number"
    if isinstance(dtype, pl.Datetime | pl.Date):
        return "datetime"
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "category"
    if isinstance(dtype, pl.Null):
        return None
    raise DataError(f"{function.title}: the column {column!r} holds {dtype}, which is no single value")


def differing(one: pl.DataFrame, other: pl.DataFrame, columns: Iterable[str]) -> str | None:
    """The first of the columns that is not in both tables with the same values."""
    for column in columns:
        if column not in one.columns or column not in other.columns or not _equal(one[column], other[column]):
            return column
    return None


def _equal(one: pl.Series, other: pl.Series) -> bool:
    if len(one) != len(other):
        return False
    if one.dtype != other.dtype and pl.Null not in (one.dtype, other.dtype):
        return False
    if one.dtype.is_float() and other.dtype.is_float():
        # Polars may add in another order when there is more to add.
        near = ((one - other).abs() <= 1e-9 * one.abs()) | one.eq_missing(other)
        return bool(near.fill_null(value=False).all())
    return (
        bool(one.eq_missing(other).all())
        if one.dtype == other.dtype
        else one.null_count() == other.null_count()
    )
