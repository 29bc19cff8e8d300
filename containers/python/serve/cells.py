"""CSV, JSON and JSON Lines read cell by cell, strict and by the model's schema.

By position a row has exactly the requested columns, in their order; by name (a CSV header, JSON objects, or
"columns") in any order. Columns of the training files that the model does not use may come along by name.
"""

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from serve.limits import Limits
from serve.negotiation import CSV, JSON
from serve.refusal import malformed, too_many_rows
from serve.values import FromJson, FromText
from tabular.schema import Schema

Read = Callable[[Any, int], Any]


class Cells:
    """Reads bodies with a reader for each requested column, of text and of JSON values."""

    def __init__(
        self, schema: Schema, texts: Sequence[FromText], values: Sequence[FromJson], limits: Limits
    ) -> None:
        self._names = tuple(column.name for column in schema.requested)
        self._texts, self._values = texts, values
        self._columns = frozenset(self._names)
        self._known = self._columns | schema.unused
        self._most = limits.rows

    def read(self, body: bytes, content_type: str) -> list[list[Any]]:
        """The rows of a body, each with the requested columns; raises Refusal."""
        if content_type == CSV:
            rows = self._csv(body)
        elif content_type == JSON:
            rows = self._json(_loads(body))
        else:
            rows = self._instances([_loads(line, row) for row, line in self._lines(body)])
        if not rows:
            raise malformed("the body has no rows")
        return rows

    def check_names(self, columns: Iterable[str], row: int | None = None) -> None:
        """Raises Refusal when a requested column is missing, or one is unknown."""
        given = set(columns)
        missing = [name for name in self._names if name not in given]
        if missing:
            raise malformed(f"the column {missing[0]!r} is missing", row)
        unknown = sorted(given - self._known)
        if unknown:
            raise malformed(f"the model knows no column {unknown[0][:60]!r}", row)

    def limit(self, rows: int) -> None:
        """Raises Refusal when there are too many rows."""
        if rows > self._most:
            raise too_many_rows(rows, self._most)

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
            self.limit(len(lines) - lines.count("") - 1)
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
        return self._table(cells, self._texts, width, order)

    def _is_header(self, cells: Sequence[str]) -> bool:
        named = sum(cell.strip() in self._known for cell in cells)
        return named * 2 >= len(cells)

    def _json(self, document: Any) -> list[list[Any]]:
        if not isinstance(document, dict):
            raise malformed(
                'the body must be an object: {"instances": [...]}, {"columns": {"name": [...]}} '
                'or {"columns": [...], "rows": [...]}'
            )
        if document.keys() == {"instances"}:
            return self._instances(document["instances"])
        if document.keys() == {"columns"}:
            return self._columnwise(document["columns"])
        if document.keys() == {"columns", "rows"}:
            columns, rows = document["columns"], document["rows"]
            if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
                raise malformed('"columns" must be a list of names')
            return self._table(_list_of_lists(rows, "rows"), self._values, len(columns), self._order(columns))
        raise malformed(
            f'the body must have "instances", "columns", or "columns" and "rows"; it has {_shown(document)}'
        )

    def _columnwise(self, columns: Any) -> list[list[Any]]:
        """Rows of {"name": [value of row 1, value of row 2, ...]}."""
        if not isinstance(columns, dict):
            raise malformed('"columns" must be an object of lists, or come with "rows"')
        self.check_names(columns)
        for name, values in columns.items():
            if not isinstance(values, list):
                raise malformed(f"the column {name!r} must be a list of values")
        # The requested ones first, as one of them is named as the measure.
        lengths = {name: len(columns[name]) for name in (*self._names, *columns)}
        (first, count), *others = lengths.items()
        for name, length in others:
            if length != count:
                raise malformed(f"the column {name!r} has {length} values, where {first!r} has {count}")
        self.limit(count)
        rows = zip(*(columns[name] for name in self._names), strict=True)
        return self._table(list(rows), self._values, len(self._names), None)

    def _instances(self, instances: Any) -> list[list[Any]]:
        if not isinstance(instances, list):
            raise malformed('"instances" must be a list of rows')
        if instances and isinstance(instances[0], dict):
            self.limit(len(instances))
            return [self._named(instance, row) for row, instance in enumerate(instances, 1)]
        return self._table(_list_of_lists(instances, "instances"), self._values, len(self._names), None)

    def _named(self, instance: Any, row: int) -> list[Any]:
        if not isinstance(instance, dict):
            raise malformed("the first row is an object, so this one must be one too", row)
        if instance.keys() != self._columns:
            self.check_names(instance.keys(), row)
        return [read(instance[name], row) for name, read in zip(self._names, self._values, strict=True)]

    def _order(self, columns: Sequence[str]) -> Sequence[int]:
        """Where each requested column is among the given ones."""
        if len(set(columns)) < len(columns):
            repeated = next(name for name in columns if columns.count(name) > 1)
            raise malformed(f"the column {repeated[:60]!r} comes more than once")
        self.check_names(columns)
        return [columns.index(name) for name in self._names]

    def _table(
        self,
        rows: Sequence[Sequence[Any]],
        readers: Sequence[Read],
        width: int,
        order: Sequence[int] | None,
    ) -> list[list[Any]]:
        self.limit(len(rows))
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

    def _lines(self, body: bytes) -> list[tuple[int, bytes]]:
        lines = [line for line in body.split(b"\n") if line.strip()]
        self.limit(len(lines))
        return list(enumerate(lines, 1))


def _loads(text: bytes, row: int | None = None) -> Any:
    """The document; raises Refusal, also for an object with a name twice: orjson takes the last."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise malformed(f"the body is not JSON: {error.msg} at character {error.pos}", row) from error
    # Where each text that was found has its two quotation marks, none got lost.
    if b"\\" in text or text.count(b'"') != 2 * _texts(document):
        _refuse_repeated(text, row)
    return document


def _texts(document: Any) -> int:
    """How many names and texts are in a document."""
    count, waiting = 0, [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            count += 1
        elif isinstance(value, dict):
            count += len(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return count


def _refuse_repeated(text: bytes, row: int | None) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names):
            repeated = next(name for name in names if names.count(name) > 1)
            raise malformed(f"an object has {repeated[:60]!r} more than once", row)

    try:
        json.loads(text, object_pairs_hook=check, parse_int=len, parse_float=len)
    except RecursionError as error:
        raise malformed("the body is nested too deeply", row) from error


def _list_of_lists(rows: Any, name: str) -> list[list[Any]]:
    if not isinstance(rows, list):
        raise malformed(f'"{name}" must be a list of rows')
    for row, values in enumerate(rows, 1):
        if not isinstance(values, list):
            raise malformed("a row must be a list of values, or an object, as the first one is", row)
    return rows


def _shown(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(name[:40] for name in listed[:40]) + (", ..." if len(listed) > 40 else "")
