"""Requests for a model with a prepare function of the user's: rows go through it as training rows went."""

from typing import Any

import polars as pl

from serve.codecs import Codec, Rows
from serve.values import FromJson, FromText, json_reader, raw_json_reader, raw_text_reader, text_reader
from tabular import preparation
from tabular.code import Function
from tabular.schema import Column, Feature, Schema

_MICROSECONDS_PER_DAY = 86_400_000_000


class PreparedCodec(Codec):
    """Reads the columns that the function needs, and encodes what it makes of them."""

    def __init__(self, schema: Schema, function: Function) -> None:
        super().__init__(schema)
        self._schema = schema
        self._function = function

    def _readers(self, schema: Schema) -> tuple[list[FromText], list[FromJson]]:
        texts: list[FromText] = []
        values: list[FromJson] = []
        for column in schema.requested:
            feature = Feature(column.name, column.type)
            texts.append(raw_text_reader if column.type == "category" else text_reader(feature, _never))
            values.append(
                raw_json_reader(feature) if column.type == "category" else json_reader(feature, _never)
            )
        return texts, values

    def _encoded(self, rows: list[list[Any]]) -> Rows:
        requested = self._schema.requested
        values = zip(*rows, strict=True)
        table = pl.DataFrame(
            [_series(column, cells) for column, cells in zip(requested, values, strict=True)]
        )
        return Rows(*preparation.encode(self._function, table, self._schema))


def _series(column: Feature | Column, cells: tuple[Any, ...]) -> pl.Series:
    """The values of a column in the type that prepare gives it."""
    name = column.name
    if column.type == "category":
        return pl.Series(name, cells, dtype=pl.String)
    numbers = pl.Series(name, cells, dtype=pl.Float64).fill_nan(None)
    match column.type:
        case "integer":
            return numbers.cast(pl.Int64)
        case "boolean":
            return numbers.cast(pl.Boolean)
        case "datetime":
            return (numbers * _MICROSECONDS_PER_DAY).round().cast(pl.Int64).cast(pl.Datetime("us"))
        case _:
            return numbers


def _never() -> None:
    """No reader of these counts unknown categories: what is unknown shows after the function."""
