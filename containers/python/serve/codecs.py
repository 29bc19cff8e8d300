"""Bodies to what the model is asked: a packed matrix of numbers, or the cells of a table."""

import struct
from operator import itemgetter
from typing import Any, NamedTuple

import orjson

from serve.cells import Cells
from serve.limits import Limits
from serve.negotiation import CSV, JSON
from serve.values import FromJson, FromText, json_reader, raw_json_reader, raw_text_reader, text_reader, whole
from tabular.schema import Feature, Schema

# What plain numbers are written with, in CSV and in JSON alike.
_PLAIN = b"0123456789.,-+eE\r\n "
_NAN = float("nan")


class Rows(NamedTuple):
    """A request's rows: float32 numbers row by row as bytes, or a table's cells; `unseen` counts categories
    that training never saw.
    """

    values: Any
    height: int
    unseen: int


class MatrixCodec:
    """Reads bodies as the numbers that the model sees; create it once for each thread."""

    def __init__(self, schema: Schema, limits: Limits) -> None:
        self.width = len(schema.features)
        self._unseen = 0
        self._cells = Cells(
            schema,
            [text_reader(feature, self._count_unseen) for feature in schema.features],
            [json_reader(feature, self._count_unseen) for feature in schema.features],
            limits,
        )
        self._pack = struct.Struct(f"<{self.width}f").pack
        self._most = limits.rows
        self._names = frozenset(schema.names)
        # With one name the getter would not make a tuple.
        self._named = itemgetter(*schema.names) if self.width > 1 else None
        numbers = all(feature.type in ("number", "integer") for feature in schema.features)
        # A name that could be a number would make a header look like a row.
        readable = any(not name.encode().translate(None, _PLAIN) for name in self._names | schema.unused)
        self._quick = numbers and not readable

    def read(self, body: bytes, content_type: str) -> Rows:
        """The rows of a body; raises Refusal."""
        if self._quick:
            packed = (
                self._plain_csv(body)
                if content_type == CSV
                else self._plain_json(body)
                if content_type == JSON
                else None
            )
            if packed:
                return Rows(packed, len(packed) // (4 * self.width), 0)
        self._unseen = 0
        rows = self._cells.read(body, content_type)
        # The readers made floats that float32 can hold.
        return Rows(b"".join([self._pack(*row) for row in rows]), len(rows), self._unseen)

    def _plain_csv(self, body: bytes) -> bytes | None:
        """The rows of a body with nothing but plain numbers; None for any other.

        orjson reads them as a JSON list in a tenth of the time. Each number that it takes is one that float()
        takes with the same value; `pack` refuses other widths, and what is too large for float32.
        """
        if body.translate(None, _PLAIN):
            return None
        end = -2 if body.endswith(b"\r\n") else -1 if body.endswith(b"\n") else None
        content = body[:end]
        try:
            if b"\n" not in content:
                return self._pack(*self._line(content))
            lines = content.split(b"\n")
            commas = self.width - 1
            if len(lines) > self._most or any(line.count(b",") != commas for line in lines):
                return None
            try:
                numbers = orjson.loads(b"[%b]" % b",".join(lines))
            except orjson.JSONDecodeError:
                return b"".join([self._pack(*self._line(line)) for line in lines])
            return struct.pack(f"<{len(lines) * self.width}f", *numbers)
        except (orjson.JSONDecodeError, struct.error, OverflowError):
            return None

    def _line(self, line: bytes) -> list[float]:
        try:
            return orjson.loads(b"[%b]" % line)  # type: ignore[no-any-return]
        except orjson.JSONDecodeError:
            # Perhaps for want of a value: then nothing stands between two commas.
            held = (b",%b," % line).replace(b",,", b",null,").replace(b",,", b",null,")
            values = orjson.loads(b"[%b]" % held[1:-1])
            return [_NAN if value is None else value for value in values]

    def _plain_json(self, body: bytes) -> bytes | None:
        """As _plain_csv, of {"instances": [...]} with lists or objects of numbers and nulls."""
        # struct takes a truth as a number, and orjson the last of two values with one name.
        if b"true" in body or b"false" in body:
            return None
        try:
            document = orjson.loads(body)
            instances = document["instances"]
            if len(document) != 1 or not 0 < len(instances) <= self._most:
                return None
            if type(instances[0]) is list:
                if body.count(b'"') != 2:
                    return None
                rows = instances
            else:
                names, named = self._names, self._named
                if named is None or body.count(b'"') != 2 + 2 * self.width * len(instances):
                    return None
                if any(instance.keys() != names for instance in instances):
                    return None
                rows = map(named, instances)
            if b"null" in body:
                rows = [[_NAN if value is None else value for value in row] for row in rows]
            pack = self._pack
            return b"".join([pack(*row) for row in rows])
        except (
            orjson.JSONDecodeError, struct.error, OverflowError, TypeError, KeyError, AttributeError
        ):  # fmt: skip
            return None

    def _count_unseen(self) -> None:
        self._unseen += 1


class TableCodec:
    """Reads bodies as rows of the requested columns, for a function of the user's."""

    def __init__(self, schema: Schema, limits: Limits) -> None:
        texts: list[FromText] = []
        values: list[FromJson] = []
        for column in schema.requested:
            feature = Feature(column.name, column.type)
            match column.type:
                case "category":
                    texts.append(raw_text_reader)
                    values.append(raw_json_reader(feature))
                case "integer":
                    texts.append(whole(column.name, text_reader(feature, _never)))
                    values.append(whole(column.name, json_reader(feature, _never)))
                case _:
                    texts.append(text_reader(feature, _never))
                    values.append(json_reader(feature, _never))
        self._cells = Cells(schema, texts, values, limits)

    def read(self, body: bytes, content_type: str) -> Rows:
        """The rows of a body; raises Refusal."""
        rows = self._cells.read(body, content_type)
        return Rows(rows, len(rows), 0)


def _never() -> None:
    """No reader of these counts unknown categories: what is unknown shows when the model is asked."""
