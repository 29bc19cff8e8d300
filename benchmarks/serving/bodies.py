"""The bodies that are asked: distinct rows as CSV and as JSON, one or a hundred at a time."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.serving.load import Request, post, write
from benchmarks.serving.model import Asked, TrainedModel

KINDS = ("csv1", "json1", "csv100")
_ONE_ROW, _MANY_ROWS, _ROWS = 5_000, 400, 100


def work(kind: str, model: TrainedModel, asked: Asked, directory: Path) -> Path:
    """The requests of a kind with their right answers, in a file for the load generator."""
    expected = [float(value) for value in model.expected(asked.matrix)]
    if kind == "csv100":
        starts = [place * 37 % (len(asked.texts) - _ROWS) for place in range(_MANY_ROWS)]
        found = [
            Request(
                post(csv(asked.texts[start : start + _ROWS]), "text/csv"), expected[start : start + _ROWS]
            )
            for start in starts
        ]
    else:
        body, media = (csv, "text/csv") if kind == "csv1" else (instances, "application/json")
        found = [
            Request(post(body([row]), media), [value])
            for row, value in zip(asked.texts[:_ONE_ROW], expected, strict=False)
        ]
    return write(directory / f"{kind}.work", found)


def csv(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows without a header."""
    return ("\n".join(",".join(row) for row in rows) + "\n").encode()


def instances(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as SageMaker's examples have them."""
    return json.dumps({"instances": [[float(cell) for cell in row] for row in rows]}).encode()
