"""The rows that no model of an example has learnt from, as their users would send them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

Schema = Mapping[str, Any]
_TRUE = ("true", "yes", "t", "y")


def rows(data: Sequence[Path], schema: Schema, held_out: Path) -> pl.DataFrame:
    """The raw rows of the files, all texts, that Prepare held out; ValueError unless they are all found."""
    raw = pl.concat([pl.read_csv(path, infer_schema=False) for path in data])
    cut = schema["split"]["cut"]
    if cut is not None:
        found = raw.filter(_moment(schema["time"]) >= pl.lit(cut).str.to_datetime(time_unit="us"))
    else:
        found = _among(raw, schema, pl.read_parquet(held_out))
    if found.height != schema["split"]["holdout_rows"]:
        raise ValueError(f"{found.height} rows were found of {schema['split']['holdout_rows']} held out")
    return found


def typed(raw: pl.DataFrame, columns: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """These columns in the types of the schema."""
    return raw.select(_typed(column["name"], column["type"]) for column in columns)


def _typed(name: str, kind: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    match kind:
        case "category":
            return text
        case "boolean":
            return text.str.to_lowercase().is_in(_TRUE)
        case "datetime":
            return _moment(name)
        case _:
            return text.cast(pl.Float64)


def _moment(name: str) -> pl.Expr:
    """Without a zone, which is UTC."""
    return (
        pl.col(name)
        .str.replace("T", " ")
        .str.strip_suffix("Z")
        .str.to_datetime(time_unit="us", strict=False)
        .fill_null(pl.col(name).str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")))
        .alias(name)
    )


def _among(raw: pl.DataFrame, schema: Schema, held_out: pl.DataFrame) -> pl.DataFrame:
    """The raw rows whose values are those of a row that was held out, the target's among them."""
    place = {text: float(index) for index, text in enumerate(schema["classes"])}
    target = schema["target"]
    known = held_out.with_columns(
        pl.col(pl.Boolean).cast(pl.Float64), pl.selectors.numeric().cast(pl.Float64)
    )
    values = raw.with_row_index("row").with_columns(
        *(
            _typed(name, "number")
            for name, kind in known.schema.items()
            if kind.is_numeric() and name != target
        ),
        pl.col(target).replace_strict(place) if place else _typed(target, "number"),
    )
    chosen = values.join(known.unique(), on=known.columns, how="semi", nulls_equal=True)["row"]
    return raw[chosen]
