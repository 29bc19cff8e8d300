"""Bodies of requests to the features that the model saw, with the reader of the model server."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from serve import tables
from serve.codecs import Rows, TableCodec
from serve.limits import Limits
from serve.negotiation import BINARY, formats
from tabular import code, preparation
from tabular.schema import Schema
from watch import comparable

# Rows that become a table at once.
_AT_ONCE = 20_000


class Bodies:
    """Reads bodies, and turns their rows into comparable columns many at a time.

    Where the user's function prepares rows it does so here as in the server; without one, an integer column
    takes fractions as the server does, so that they are seen.
    """

    def __init__(self, schema: Schema, modules: Path) -> None:
        features = tuple(
            replace(feature, type="number") if feature.type == "integer" else feature
            for feature in schema.features
        )
        self._schema = schema
        self._read = schema if schema.preparation else replace(schema, features=features)
        self._function = (
            code.load(modules, schema.preparation.function) if schema.preparation is not None else None
        )
        limits = Limits()
        self._codec = TableCodec(self._read, limits)
        self._tables = tables.Tables(self._read, limits)
        self._cells: list[list[Any]] = []
        self._frames: list[pl.DataFrame] = []
        self._waiting = 0

    def read(self, body: bytes, content_type: str) -> Rows:
        """The rows of a body; raises Refusal."""
        kind = formats(content_type.encode("latin-1"), b"")[0]
        return self._tables.table(body, kind) if kind in BINARY else self._codec.read(body, kind)

    def add(self, rows: Rows) -> pl.DataFrame | None:
        """Take rows that were read; the features of all that wait, once they are many."""
        if isinstance(rows.values, pl.DataFrame):
            self._frames.append(rows.values)
        else:
            self._cells += rows.values
        self._waiting += rows.height
        return self.flush() if self._waiting >= _AT_ONCE else None

    def flush(self) -> pl.DataFrame | None:
        """The features of the rows that wait; DataError where the user's function cannot make them."""
        if not self._waiting:
            return None
        if self._cells:
            self._frames.append(tables.frame(self._cells, self._read))
        frame = pl.concat(self._frames)
        self._cells, self._frames, self._waiting = [], [], 0
        return self._features(frame)

    def nothing(self) -> pl.DataFrame:
        """The columns, without a row."""
        types = {
            feature.name: pl.String if comparable.textual(feature) else pl.Float64
            for feature in self._schema.features
        }
        return pl.DataFrame(schema=types)

    def _features(self, frame: pl.DataFrame) -> pl.DataFrame:
        if self._function is not None:
            frame = preparation.features(self._function, frame)
        return comparable.table(frame, self._schema)
