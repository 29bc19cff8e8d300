"""What a body means, read again and apart from the server, with the standard library's csv and json.

Where two readers may honestly differ, such as on the separators that only Unicode knows, it claims nothing.
"""

import csv
import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from benchmarks.serving_fuzz.case import CSV, JSON, Column, Columns, Expected, Predicted, Refused

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
_TRUTHS = {**dict.fromkeys(("true", "yes", "t", "y"), 1.0), **dict.fromkeys(("false", "no", "f", "n"), 0.0)}
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# An end of line within quotes is one to nobody: training, too, strips it.
_BLANK = " \t\r\n"
# Line ends and blanks to some readers and none to others, and what C strings end at.
_DISPUTED = re.compile("[\x00\x0b\x0c\x1c-\x1f\x85\u2028\u2029\xa0\u2000-\u200a\u3000]|\r(?!\n)")
_NAN = float("nan")


class BadError(ValueError):
    """The value or the body must be refused."""


class UnclearError(ValueError):
    """Nothing can be claimed."""


class Oracle:
    """Reads bodies for one model."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns.asked
        self._names = columns.names
        self._known = set(columns.names) | columns.unused

    def read(self, body: bytes, media: str) -> Expected:
        """The rows of numbers, that the body must be refused, or None."""
        try:
            text = body.decode()
            if media == CSV:
                rows = self._csv(text)
            elif media == JSON:
                rows = self._document(_loads(text))
            else:
                rows = self._instances([_loads(line) for line in text.split("\n") if line.strip(" \t\r\n")])
        except (BadError, UnicodeDecodeError):
            return Refused()
        except UnclearError:
            return None
        return Predicted(rows) if rows else Refused()

    def _csv(self, text: str) -> list[list[float]]:
        text = text.removeprefix("\ufeff")
        if _DISPUTED.search(text):
            raise UnclearError
        try:
            cells = [line for line in csv.reader(text.splitlines(keepends=True), strict=True) if line]
        except csv.Error as error:
            raise BadError from error
        if not cells:
            return []
        first = [cell.strip(_BLANK) for cell in cells[0]]
        named = sum(cell in self._known for cell in first)
        if not named:
            return [self._row(line, self._columns) for line in cells]
        if named == len(first):
            if set(self._names) - set(first) or len(set(first)) < len(first):
                raise BadError
            places = [first.index(name) for name in self._names]
            if any(len(line) != len(first) for line in cells):
                raise BadError
            return [self._row([line[place] for place in places], self._columns) for line in cells[1:]]
        # Neither a header nor a row: a name is no number, but it may be a category.
        if all(column.numeric for column in self._columns):
            raise BadError
        raise UnclearError

    def _row(self, cells: Sequence[str], columns: Sequence[Column]) -> list[float]:
        if len(cells) != len(columns):
            raise BadError
        return [from_text(cell, column) for cell, column in zip(cells, columns, strict=True)]

    def _document(self, document: Any) -> list[list[float]]:
        if not isinstance(document, dict):
            raise BadError
        if document.keys() == {"instances"}:
            return self._instances(document["instances"])
        if document.keys() == {"columns"} and isinstance(document["columns"], dict):
            return self._columnwise(document["columns"])
        if document.keys() == {"columns", "rows"}:
            return self._named_rows(document["columns"], document["rows"])
        raise BadError

    def _columnwise(self, columns: dict[str, Any]) -> list[list[float]]:
        self._check(list(columns))
        lengths = {len(values) if isinstance(values, list) else -1 for values in columns.values()}
        if len(lengths) != 1 or -1 in lengths:
            raise BadError
        rows = zip(*(columns[name] for name in self._names), strict=True)
        return [self._values(list(row)) for row in rows]

    def _named_rows(self, names: Any, rows: Any) -> list[list[float]]:
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise BadError
        self._check(names)
        if not isinstance(rows, list) or any(
            not isinstance(row, list) or len(row) != len(names) for row in rows
        ):
            raise BadError
        return [self._values([row[names.index(name)] for name in self._names]) for row in rows]

    def _instances(self, instances: Any) -> list[list[float]]:
        if not isinstance(instances, list):
            raise BadError
        found = []
        for instance in instances:
            if type(instance) is not type(instances[0]):
                raise BadError
            if isinstance(instance, dict):
                self._check(list(instance))
                found.append(self._values([instance[name] for name in self._names]))
            elif isinstance(instance, list):
                found.append(self._values(instance))
            else:
                raise BadError
        return found

    def _check(self, names: list[str]) -> None:
        if len(set(names)) < len(names) or set(self._names) - set(names) or set(names) - self._known:
            raise BadError

    def _values(self, values: list[Any]) -> list[float]:
        if len(values) != len(self._columns):
            raise BadError
        return [from_json(value, column) for value, column in zip(values, self._columns, strict=True)]


def from_text(text: str, column: Column) -> float:
    """The number that the model sees for a cell; raises BadError."""
    text = text.strip(_BLANK)
    if text in MISSING:
        return _NAN
    match column.kind:
        case "category":
            return float(column.categories.index(text)) if text in column.categories else _NAN
        case "boolean":
            if text.lower() not in _TRUTHS:
                raise BadError
            return _TRUTHS[text.lower()]
        case "datetime":
            return _days(text)
        case _:
            if not _NUMBER.fullmatch(text):
                raise BadError
            return _finite(float(text))


def from_json(value: Any, column: Column) -> float:
    """The number that the model sees for a JSON value; raises BadError."""
    if value is None:
        return _NAN
    match column.kind:
        case "category" | "datetime":
            if not isinstance(value, str):
                raise BadError
            return from_text(value, column)
        case "boolean":
            if not isinstance(value, bool):
                raise BadError
            return float(value)
        case _:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BadError
            try:
                return _finite(float(value))
            except OverflowError as error:
                raise BadError from error


def _finite(value: float) -> float:
    with np.errstate(over="ignore"):
        if not np.isfinite(np.float32(value)):
            raise BadError
    return value


def _days(text: str) -> float:
    if not _MOMENT.fullmatch(text):
        raise BadError
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadError from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH).total_seconds() / 86_400


def _loads(text: str) -> Any:
    if re.search(r"\\u[dD][89a-fA-F]", text):
        raise UnclearError
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)
    except BadError:
        raise
    except (ValueError, RecursionError) as error:
        raise BadError from error


def _no_constant(_name: str) -> Any:
    raise BadError


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise BadError
    return dict(pairs)
