"""Answers to predictions: what serve.answers writes, read back, and what SageMaker's own containers write.

https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
"""

import csv
import io
from collections.abc import Callable
from typing import Any

import orjson
import polars as pl

from serve.negotiation import CSV, JSON, LINES, PARQUET, formats
from serve.refusal import malformed
from tabular.schema import Schema

Score = float | list[float]
# The first of these that an object has is its prediction.
_NAMES = ("probabilities", "scores", "score", "predictions", "prediction", "mean", "predicted_label")


def values(body: bytes, content_type: str) -> list[Any]:
    """One value for each row; raises Refusal for a body that is none of these forms."""
    try:
        kind = formats(content_type.encode("latin-1"), b"")[0]
        if kind == CSV:
            return _csv(body.decode())
        if kind == JSON:
            return _rows(orjson.loads(body))
        if kind == LINES:
            return [orjson.loads(line) for line in body.split(b"\n") if line.strip()]
        return _table(body, kind)
    except (ValueError, csv.Error) as error:
        raise malformed(f"the answer is not {content_type[:60]}: {error}") from error


def score(schema: Schema) -> Callable[[Any], Score | None]:
    """A function from one value to the prediction as a number, or a list of one for each class.

    What has no number, such as a text of the user's own predict, is None.
    """
    classes = {name: place for place, name in enumerate(schema.classes)}

    def single(value: Any) -> float | None:
        if isinstance(value, bool | int | float):
            return float(value)
        if isinstance(value, str):
            # A number first: a class may be named 1.0, and is not meant by a probability of 1.0.
            return _number(value, classes.get(value))
        if isinstance(value, dict):
            return single(_member(value))
        if isinstance(value, list) and value:
            # Of two classes the second is the positive one.
            return single(value[-1]) if len(value) <= 2 else None
        return None

    def several(value: Any) -> list[float] | None:
        if isinstance(value, dict):
            return several(_member(value))
        if isinstance(value, list) and len(value) == len(classes):
            found = [single(each) for each in value]
            return None if None in found else [each for each in found if each is not None]
        place = single(value)
        if place is None or place not in range(len(classes)):
            return None
        return [float(each == place) for each in range(len(classes))]

    return several if schema.problem == "multiclass" else single


def _csv(text: str) -> list[Any]:
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    return [line[0] if len(line) == 1 else list(line) for line in lines]


def _rows(document: Any) -> list[Any]:
    if isinstance(document, dict):
        found = document.get("predictions")
        return found if isinstance(found, list) else [document]
    return document if isinstance(document, list) else [document]


def _table(body: bytes, kind: str) -> list[Any]:
    try:
        table = pl.read_parquet(io.BytesIO(body)) if kind == PARQUET else pl.read_ipc_stream(io.BytesIO(body))
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as error:
        # Polars panics with an exception of its own kind.
        raise malformed("the answer is no table that can be read") from error
    if table.width == 1:
        return table.to_series().to_list()
    return [list(row) for row in table.iter_rows()]


def _member(value: dict[str, Any]) -> Any:
    return next((value[name] for name in _NAMES if name in value), None)


def _number(text: str, otherwise: int | None) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None if otherwise is None else float(otherwise)
