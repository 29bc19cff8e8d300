"""Parquet and Arrow bodies, checked column by column as CSV and JSON are value by value.

It runs in the process for large bodies alone (serve.reader): what a hostile file does, it does there.
"""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from serve.cells import Cells
from serve.codecs import Rows
from serve.limits import Limits
from serve.negotiation import PARQUET
from serve.refusal import Refusal, bad_value, malformed
from serve.values import LARGEST, raw_text_reader, text_reader, unfit
from tabular.schema import MISSING, Column, Feature, Schema

_UNITS_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_MICROSECONDS_PER_DAY = _UNITS_PER_DAY["us"]
# The years 1 to 9999, as days since 1970.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_897
_WHOLE = 2.0**53
# https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format
_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class Tables:
    """Reads such bodies for one model."""

    def __init__(self, schema: Schema, limits: Limits) -> None:
        self._schema = schema
        self._names = [column.name for column in schema.requested]
        self._cells = Cells(schema, [], [], limits)

    def matrix(self, body: bytes, content_type: str) -> Rows:
        """The numbers that the model sees, packed; raises Refusal."""
        frame = self._frame(body, content_type)
        encoded = np.empty((frame.height, len(self._names)), dtype=np.float32)
        unseen = 0
        for place, feature in enumerate(self._schema.features):
            series, unknown = _codes(frame[feature.name], feature)
            encoded[:, place] = series.cast(pl.Float32).fill_null(float("nan")).to_numpy()
            unseen += unknown
        return Rows(encoded.tobytes(), frame.height, unseen)

    def table(self, body: bytes, content_type: str) -> Rows:
        """The requested columns in the types that training had them in; raises Refusal."""
        frame = self._frame(body, content_type)
        columns = [typed(frame[column.name], column) for column in self._schema.requested]
        return Rows(pl.DataFrame(columns), frame.height, 0)

    def _frame(self, body: bytes, content_type: str) -> pl.DataFrame:
        """The requested columns as they are, after names and rows were checked."""
        kind = "a Parquet file" if content_type == PARQUET else "an Arrow IPC stream"
        try:
            frame = self._parquet(body) if content_type == PARQUET else self._stream(body)
        except (Refusal, KeyboardInterrupt, SystemExit, MemoryError):
            raise
        except BaseException as error:
            # Polars panics with an exception of its own kind.
            raise malformed(f"the body is not {kind} that can be read") from error
        if not frame.height:
            raise malformed("the body has no rows")
        return frame

    def _parquet(self, body: bytes) -> pl.DataFrame:
        rows = pl.scan_parquet(io.BytesIO(body))
        self._cells.check_names(rows.collect_schema().names())
        # From the file's metadata, before any column is unpacked.
        self._cells.limit(rows.select(pl.len()).collect().item())
        frame = rows.select(self._names).collect()
        self._cells.limit(frame.height)
        return frame

    def _stream(self, body: bytes) -> pl.DataFrame:
        # Without its end a stream may have lost record batches, which Polars would not miss.
        if not body.endswith(_END_OF_STREAM):
            raise malformed("the body is not a whole Arrow IPC stream: it has no end")
        frame = pl.read_ipc_stream(io.BytesIO(body), use_pyarrow=False)
        self._cells.check_names(frame.columns)
        self._cells.limit(frame.height)
        return frame.select(self._names)


def frame(rows: list[list[Any]], schema: Schema) -> pl.DataFrame:
    """The table of cells that serve.codecs.TableCodec read."""
    values = zip(*rows, strict=True)
    return pl.DataFrame(
        [_series(column, cells) for column, cells in zip(schema.requested, values, strict=True)]
    )


def typed(series: pl.Series, column: Feature | Column) -> pl.Series:
    """A column in the type that prepare gives it; raises Refusal."""
    if column.type == "category":
        return _mapped(series, column.name, pl.String, lambda text: raw_text_reader(text, 0))
    numbers, _ = _codes(series, Feature(column.name, column.type))
    if column.type == "integer":
        fractions = (numbers != numbers.round()) | (numbers.abs() > _WHOLE)
        _refuse_first(series, fractions, column.name, "a whole number")
    return _narrowed(numbers, column)


def _codes(series: pl.Series, feature: Feature) -> tuple[pl.Series, int]:
    """The numbers that the model sees, null where missing, and how many categories were unknown."""
    name, dtype = feature.name, series.dtype
    if isinstance(dtype, pl.Null):
        return pl.Series(name, [None] * len(series), dtype=pl.Float64), 0
    match feature.type:
        case "category":
            return _categories(series, feature)
        case "boolean":
            _require(series, isinstance(dtype, pl.Boolean), name, "true or false")
            return series.cast(pl.Float64), 0
        case "datetime":
            return _days(series, feature), 0
        case _:
            _require(series, dtype.is_numeric(), name, "a number")
            numbers = series.cast(pl.Float64).fill_nan(None)
            _refuse_first(
                series, numbers.abs() > LARGEST, name, "a finite number within the range of float32"
            )
            return numbers, 0


def _categories(series: pl.Series, feature: Feature) -> tuple[pl.Series, int]:
    codes = {category: float(code) for code, category in enumerate(feature.categories)}

    def code(text: str) -> float | None:
        return codes.get(text.strip())

    found = _mapped(series, feature.name, pl.Float64, code)
    texts = _mapped(series, feature.name, pl.Boolean, lambda text: text.strip() not in MISSING)
    return found, int((found.is_null() & texts.fill_null(value=False)).sum())


def _days(series: pl.Series, feature: Feature) -> pl.Series:
    name, dtype = feature.name, series.dtype
    if isinstance(dtype, pl.Datetime):
        # Of a moment with a time zone the physical value is that of UTC.
        days = series.to_physical().cast(pl.Float64) / _UNITS_PER_DAY[dtype.time_unit]
    elif isinstance(dtype, pl.Date):
        days = series.to_physical().cast(pl.Float64)
    else:
        read = text_reader(feature, _none)
        return _mapped(series, name, pl.Float64, lambda text: read(text, 0)).fill_nan(None)
    outside = (days < _FIRST_DAY) | (days >= _LAST_DAY)
    _refuse_first(days, outside, name, "within the years 1 to 9999, as days since 1970")
    return days


def _mapped(series: pl.Series, name: str, dtype: type[pl.DataType], read: Callable[[str], Any]) -> pl.Series:
    """A column of texts through a function, which sees each text once."""
    if isinstance(series.dtype, pl.Null):
        return pl.Series(name, [None] * len(series), dtype=dtype)
    _require(series, isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum), name, "text")
    texts = series.cast(pl.String)
    results: dict[str, Any] = {}
    for text in texts.unique().drop_nulls().to_list():
        try:
            results[text] = read(text)
        except Refusal as refusal:
            row = int((texts == text).arg_max() or 0) + 1
            message = refusal.message.partition(": ")[2]
            raise bad_value(row, name, message) from refusal
    if not results:
        return pl.Series(name, [None] * len(series), dtype=dtype)
    keys, values = pl.Series(list(results)), pl.Series(list(results.values()), dtype=dtype)
    return texts.replace_strict(keys, values, default=None, return_dtype=dtype)


def _require(series: pl.Series, fits: bool, name: str, expected: str) -> None:
    """The type of a column, named at its first value."""
    if fits or series.null_count() == len(series):
        return
    row = int(series.is_not_null().arg_max() or 0)
    raise unfit(row + 1, name, f"a value of {series.dtype}"[:40], expected)


def _refuse_first(series: pl.Series, wrong: pl.Series, name: str, expected: str) -> None:
    row = wrong.fill_null(value=False).arg_max()
    if row is not None and wrong[row]:
        raise unfit(row + 1, name, series[row], expected)


def _series(column: Feature | Column, cells: tuple[Any, ...]) -> pl.Series:
    """Cells, which are texts or numbers, in the type that prepare gives the column."""
    if column.type == "category":
        return pl.Series(column.name, cells, dtype=pl.String)
    return _narrowed(pl.Series(column.name, cells, dtype=pl.Float64).fill_nan(None), column)


def _narrowed(numbers: pl.Series, column: Feature | Column) -> pl.Series:
    match column.type:
        case "integer":
            return numbers.cast(pl.Int64)
        case "boolean":
            return numbers.cast(pl.Boolean)
        case "datetime":
            return (numbers * _MICROSECONDS_PER_DAY).round().cast(pl.Int64).cast(pl.Datetime("us"))
        case _:
            return numbers


def _none() -> None:
    """A text that is no category is not counted."""
