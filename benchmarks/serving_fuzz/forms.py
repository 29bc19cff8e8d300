"""Right rows, and almost right ones, in every form in which a body can carry them."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.serving_fuzz.case import CSV, JSON, LINES, Columns, Predicted


@dataclass(frozen=True)
class Cell:
    """A value as CSV text, as a JSON literal, and as the model sees it."""

    text: str
    literal: str
    value: float


Row = list[Cell]
HOLE = Cell("", "null", float("nan"))


Form = Callable[[Columns, list[Row], random.Random], tuple[bytes, str]]


def _csv(_columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    end = chance.choice(["\n", "\r\n"])
    text = end.join(",".join(cell.text for cell in row) for row in rows) + chance.choice(["", end])
    return chance.choice([b"", b"", b"\xef\xbb\xbf"]) + text.encode(), CSV


def _headed(columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    """With a header, in any order, perhaps with a column that the model does not see."""
    order = list(range(len(columns.asked)))
    chance.shuffle(order)
    names = [columns.names[place] for place in order]
    lines = [[row[place].text for place in order] for row in rows]
    if chance.random() < 0.3:
        extra = chance.choice(sorted(columns.unused))
        names.append(extra)
        lines = [[*line, "anything"] for line in lines]
    return "\n".join(",".join(line) for line in [names, *lines]).encode(), CSV


def _quoted(_columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    lines = [
        ",".join(f'"{cell.text}"' if chance.random() < 0.5 else cell.text for cell in row) for row in rows
    ]
    return "\n".join(lines).encode(), CSV


def _lists(_columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    blank = chance.choice(["", " ", "\n"])
    lists = f",{blank}".join("[" + f",{blank}".join(cell.literal for cell in row) + "]" for row in rows)
    return f'{{"instances":{blank}[{lists}]}}'.encode(), JSON


def _objects(columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    objects = ",".join(_object(columns, row, chance) for row in rows)
    return f'{{"instances":[{objects}]}}'.encode(), JSON


def _by_column(columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    order = list(range(len(columns.asked)))
    chance.shuffle(order)
    names = json.dumps([columns.names[place] for place in order])
    lists = ",".join("[" + ",".join(row[place].literal for place in order) + "]" for row in rows)
    return f'{{"columns":{names},"rows":[{lists}]}}'.encode(), JSON


def _lines(columns: Columns, rows: list[Row], chance: random.Random) -> tuple[bytes, str]:
    if chance.random() < 0.5:
        lines = [_object(columns, row, chance) for row in rows]
    else:
        lines = ["[" + ",".join(cell.literal for cell in row) + "]" for row in rows]
    return chance.choice(["\n", "\n\n"]).join(lines).encode(), LINES


def _object(columns: Columns, row: Row, chance: random.Random) -> str:
    # A row may be too short or too long.
    names = [*columns.names, "surprise"]
    pairs = [f'"{name}":{cell.literal}' for name, cell in zip(names, row, strict=False)]
    chance.shuffle(pairs)
    return "{" + ",".join(pairs) + "}"


def values(rows: list[Row]) -> Predicted:
    """What must be predicted."""
    return Predicted([[cell.value for cell in row] for row in rows])


FORMS: dict[str, Form] = {
    "csv": _csv,
    "csv with header": _headed,
    "csv in quotes": _quoted,
    "json lists": _lists,
    "json objects": _objects,
    "json columns": _by_column,
    "lines": _lines,
}
"""Ways to write right rows."""


def csv_text(rows: list[Row], header: list[str] | None = None) -> bytes:
    """As CSV."""
    texts = [",".join(cell.text for cell in row) for row in rows]
    return ("\n".join([",".join(header), *texts] if header else texts) + "\n").encode()


def lists(rows: list[Row]) -> bytes:
    """As the instances of a JSON document."""
    joined = ",".join("[" + ",".join(cell.literal for cell in row) + "]" for row in rows)
    return f'{{"instances":[{joined}]}}'.encode()


def lines(rows: list[Row]) -> bytes:
    """As JSON Lines."""
    return "\n".join("[" + ",".join(cell.literal for cell in row) + "]" for row in rows).encode()


def objects(columns: Columns, rows: list[Row]) -> bytes:
    """As instances by name."""
    each = (
        ",".join(f'"{name}":{cell.literal}' for name, cell in zip(columns.names, row, strict=True))
        for row in rows
    )
    return ('{"instances":[' + ",".join(f"{{{pairs}}}" for pairs in each) + "]}").encode()
