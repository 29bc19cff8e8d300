"""A request that is tried, and what its answer must be."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving.load import post

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"
MEDIA = (CSV, JSON, LINES)


@dataclass(frozen=True)
class Column:
    """A column of the model by the schema that training wrote."""

    name: str
    kind: str
    categories: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers."""
        return self.kind in ("number", "integer")


@dataclass(frozen=True)
class Columns:
    """The columns that a request must carry, in order, and names that may come along."""

    asked: tuple[Column, ...]
    unused: frozenset[str]

    @property
    def names(self) -> list[str]:
        """The names in the order of a row without a header."""
        return [column.name for column in self.asked]

    @classmethod
    def read(cls, schema: Path) -> "Columns":
        """The columns of a schema.json."""
        fields = json.loads(schema.read_text())
        asked = tuple(
            Column(each["name"], each["type"], tuple(each["categories"])) for each in fields["features"]
        )
        unused = {fields["target"], *(each["name"] for each in fields["ignored"])}
        return cls(asked, frozenset(unused))


@dataclass(frozen=True)
class Predicted:
    """The answer must be the model's predictions of these rows of numbers."""

    rows: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Refused:
    """The answer must be a 4xx, which names the row and the column where they are given."""

    row: int | None = None
    column: str | None = None


Expected = Predicted | Refused | None
"""None where nothing is claimed but that the server bears it."""


@dataclass(frozen=True)
class Case:
    """Bytes to send; after those of an incomplete request the client ends its side of the connection."""

    family: str
    wire: bytes
    expected: Expected
    complete: bool = True
    alone: bool = False
    """Whether it needs a connection of its own, and exactly one answer may come."""


def asked(family: str, body: bytes, media: str, expected: Expected) -> Case:
    """A well-formed POST of this body."""
    return Case(family, post(body, media), expected)
