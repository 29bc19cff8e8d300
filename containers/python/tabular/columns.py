"""Columns that have a type of their own become one of the types that a model knows."""

import polars as pl

from tabular.schema import Type


def from_typed(column: str, dtype: pl.DataType, kind: Type | None) -> pl.Expr:
    """A column that has a type of its own as one of `kind`."""
    value = pl.col(column)
    match kind:
        case "number" | "integer":
            number = representable(value) if dtype.is_float() else value
            return number.cast(pl.Int64 if kind == "integer" else pl.Float64)
        case "boolean":
            return value.cast(pl.Boolean)
        case "datetime":
            aware = isinstance(dtype, pl.Datetime) and dtype.time_zone
            utc = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else value
            return utc.cast(pl.Datetime("us"))
        case _:
            return value.cast(pl.String)


def representable(number: pl.Expr) -> pl.Expr:
    """Numbers that float32 can hold, as XGBoost computes in it; null for all others."""
    return pl.when(number.cast(pl.Float32).is_finite()).then(number)
