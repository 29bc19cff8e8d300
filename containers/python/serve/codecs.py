"""Bodies to rows and predictions to bodies: CSV, JSON and JSON Lines, strict and by the model's schema.

By position a row has exactly the model's features, in their order; by name (a CSV header, JSON objects, or
"columns") in any order. Columns of the training files that the model does not use may come along by name.
"""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import numpy as np
import orjson

from serve.refusal import Refusal, malformed
from serve.values import FromJson, FromText, json_reader, text_reader
from tabular.schema import Schema

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float32]]
MOST_ROWS = 100_000
CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


@dataclass(frozen=True)
class Rows:
    """What the model is asked, and how many values named a category that training never saw."""

    matrix: Matrix
    unseen: int


class Codec:
    """Reads bodies for one model; create it once."""

    def __init__(self, schema: Schema) -> None:
        self._names = tuple(column.name for column in schema.requested)
        self._unseen = 0
        self._from_text, self._from_json = self._readers(schema)
        self._positions = {name: position for position, name in enumerate(self._names)}
        self._known = set(self._names) | schema.unused

    def read(self, body: bytes, content_type: str) -> Rows:
        """The rows of a body; raises Refusal."""
        self._unseen = 0
        match content_type:
            case "text/csv":
                rows = self._csv(body)
            case "application/json":
                rows = self._json(_loads(body))
            case _:
                rows = self._instances([_loads(line, row) for row, line in _lines(body)])
        if not rows:
            raise malformed("the body has no rows")
        return self._encoded(rows)

    def _readers(self, schema: Schema) -> tuple[list[FromText], list[FromJson]]:
        """What makes one value of each column of the matrix."""
        return (
            [text_reader(feature, self._count_unseen) for feature in schema.features],
            [json_reader(feature, self._count_unseen) for feature in schema.features],
        )

    def _encoded(self, rows: list[list[Any]]) -> Rows:
        return Rows(np.array(rows, dtype=np.float32), self._unseen)

    def _count_unseen(self) -> None:
        self._unseen += 1

    def _csv(self, body: bytes) -> list[list[Any]]:
        try:
            text = body.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise malformed("the body is not UTF-8 text") from error
        if '"' in text:
            try:
                cells = [line for line in csv.reader(text.splitlines(keepends=True), strict=True) if line]
            except csv.Error as error:
                raise malformed(f"the body is not CSV: {error}") from error
        else:
            lines = text.replace("\r\n", "\n").split("\n")
            cells = [line.split(",") for line in lines if line]
        if not cells:
            return []
        order: Sequence[int] | None = None
        if self._is_header(cells[0]):
            order = self._order([name.strip() for name in cells[0]])
            width = len(cells[0])
            del cells[0]
        else:
            width = len(self._names)
        return self._table(cells, self._from_text, width, order)

    def _is_header(self, cells: Sequence[str]) -> bool:
        named = sum(cell.strip() in self._known for cell in cells)
        return named * 2 >= len(cells)

    def _json(self, document: Any) -> list[list[Any]]:
        if not isinstance(document, dict):
            raise malformed(
                'the body must be an object: {"instances": [...]} or {"columns": [...], "rows": [...]}'
            )
        if document.keys() == {"instances"}:
            return self._instances(document["instances"])
        if document.keys() == {"columns", "rows"}:
            columns, rows = document["columns"], document["rows"]
            if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
                raise malformed('"columns" must be a list of names')
            return self._table(
                _list_of_lists(rows, "rows"), self._from_json, len(columns), self._order(columns)
            )
        raise malformed(f'the body must have "instances", or "columns" and "rows"; it has {_shown(document)}')

    def _instances(self, instances: Any) -> list[list[Any]]:
        if not isinstance(instances, list):
            raise malformed('"instances" must be a list of rows')
        if instances and isinstance(instances[0], dict):
            _limit(len(instances))
            return [self._named(instance, row) for row, instance in enumerate(instances, 1)]
        return self._table(_list_of_lists(instances, "instances"), self._from_json, len(self._names), None)

    def _named(self, instance: Any, row: int) -> list[Any]:
        if not isinstance(instance, dict):
            raise malformed("the first row is an object, so this one must be one too", row)
        if instance.keys() != self._positions.keys():
            self._check_names(instance.keys(), row)
        return [read(instance[name], row) for name, read in zip(self._names, self._from_json, strict=True)]

    def _order(self, columns: Sequence[str]) -> Sequence[int]:
        """Where each feature is among the given columns."""
        if len(set(columns)) < len(columns):
            repeated = next(name for name in columns if columns.count(name) > 1)
            raise malformed(f"the column {repeated!r} comes more than once")
        self._check_names(columns, None)
        return [columns.index(name) for name in self._names]

    def _check_names(self, columns: Iterable[str], row: int | None) -> None:
        given = set(columns)
        missing = [name for name in self._names if name not in given]
        if missing:
            raise malformed(f"the column {missing[0]!r} is missing", row)
        unknown = sorted(given - self._known)
        if unknown:
            raise malformed(f"the model knows no column {unknown[0][:60]!r}", row)

    def _table(
        self,
        rows: Sequence[Sequence[Any]],
        readers: Sequence[Callable[[Any, int], Any]],
        width: int,
        order: Sequence[int] | None,
    ) -> list[list[Any]]:
        _limit(len(rows))
        places = order if order is not None else range(width)
        pairs = list(zip(places, readers, strict=True))
        table = []
        for row, values in enumerate(rows, 1):
            if len(values) != width:
                raise malformed(
                    f"{len(values)} values, where {width} are expected ({_shown(self._names)})", row
                )
            table.append([read(values[place], row) for place, read in pairs])
        return table


def write(predictions: Any, accept: str, schema: Schema) -> bytes:
    """The answer: one prediction per row, with the digits that float32 has."""
    numbers = orjson.dumps(np.ascontiguousarray(predictions), option=orjson.OPT_SERIALIZE_NUMPY)
    if accept == JSON:
        classes = b""
        if schema.problem == "multiclass":
            classes = b',"classes":' + orjson.dumps(schema.classes)
        return b'{"predictions":' + numbers + classes + b"}"
    if predictions.ndim == 1:
        return numbers[1:-1].replace(b",", b"\n") + b"\n"
    if accept == CSV:
        return numbers[2:-2].replace(b"],[", b"\n") + b"\n"
    return numbers[1:-1].replace(b"],[", b"]\n[") + b"\n"


def _loads(text: bytes, row: int | None = None) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise malformed(f"the body is not JSON: {error.msg} at character {error.pos}", row) from error


def _lines(body: bytes) -> list[tuple[int, bytes]]:
    lines = [line for line in body.split(b"\n") if line.strip()]
    _limit(len(lines))
    return list(enumerate(lines, 1))


def _list_of_lists(rows: Any, name: str) -> list[list[Any]]:
    if not isinstance(rows, list):
        raise malformed(f'"{name}" must be a list of rows')
    for row, values in enumerate(rows, 1):
        if not isinstance(values, list):
            raise malformed("a row must be a list of values, or an object, as the first one is", row)
    return rows


def _limit(rows: int) -> None:
    if rows > MOST_ROWS:
        raise Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "TooManyRows",
            f"the body has {rows:,} rows; at most {MOST_ROWS:,} are predicted at once",
        )


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(name[:40] for name in listed[:40]) + (", ..." if len(listed) > 40 else "")
