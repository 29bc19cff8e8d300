"""What a batch transform wrote: the predictions of a model that is not ours, one per row of the hold-out.

The forms are those of SageMaker's own containers: a number or comma-separated numbers, a JSON value per line,
or {"predictions": [...]} for several rows.
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-inference.html
https://docs.aws.amazon.com/sagemaker/latest/dg/LL-in-formats.html
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evaluate.metrics import Array
from tabular.contract import DataError
from tabular.schema import Schema

# The first of these that a JSON object has is the prediction; a label only stands in for a score.
_KEYS = ("probabilities", "scores", "score", "predictions", "prediction", "mean", "predicted_label")


def read(directory: Path, schema: Schema, rows: int) -> Array:
    """Predictions as a model of ours gives them; DataError names the file, the line or the counts."""
    files = sorted(directory.rglob("*.out"))
    if not files:
        raise DataError(f"the input {directory.name!r} holds no .out file of a batch transform")
    found = [values for file in files for values in _file(file, schema)]
    classes = len(schema.classes)
    flat = [number for values in found for number in values]
    if schema.problem == "multiclass":
        return _multiclass(found, flat, classes, rows, directory.name)
    if len(flat) == rows:
        return np.array(flat)
    if schema.problem == "binary" and len(flat) == 2 * rows and all(len(values) % 2 == 0 for values in found):
        return np.array(flat).reshape(rows, 2)[:, 1]
    raise _miscounted(directory.name, len(found), rows)


def _multiclass(found: list[list[float]], flat: list[float], classes: int, rows: int, name: str) -> Array:
    if len(flat) == rows * classes and all(len(values) % classes == 0 for values in found):
        return np.array(flat).reshape(rows, classes)
    if len(flat) != rows:
        raise _miscounted(name, len(found), rows)
    labels = np.array(flat)
    if not np.isin(labels, np.arange(classes)).all():
        raise DataError(
            f"the input {name!r} has one number per row, but not all of them are places of a class"
        )
    certain: Array = np.eye(classes)[labels.astype(int)]
    return certain


def _miscounted(name: str, found: int, rows: int) -> DataError:
    return DataError(
        f"the input {name!r} holds {found} predictions, but the hold-out has {rows} rows: "
        "the batch transform must read the features of this hold-out, one row per line"
    )


def _file(path: Path, schema: Schema) -> Iterator[list[float]]:
    text = path.read_text(encoding="utf-8")
    places = {name: float(place) for place, name in enumerate(schema.classes)}
    if text.lstrip().startswith(("{", "[")):
        for value in _documents(text, path):
            yield from _json(value, places, path)
        return
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield [_number(word, places, f"{path.name}, line {number}") for word in line.split(",")]


def _documents(text: str, path: Path) -> Iterator[Any]:
    """JSON values one after another, on one line each or not."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        try:
            value, place = decoder.raw_decode(text, place)
        except json.JSONDecodeError as error:
            line = text.count("\n", 0, error.pos) + 1
            raise DataError(f"{path.name}, line {line}: this is no JSON: {error.msg}") from error
        yield value


def _json(value: Any, places: dict[str, float], path: Path) -> Iterator[list[float]]:
    if isinstance(value, dict):
        key = next((key for key in _KEYS if key in value), None)
        if key is None:
            raise DataError(
                f"{path.name}: the JSON object has {', '.join(value)}, but none of {', '.join(_KEYS)}"
            )
        yield from _json(value[key], places, path)
    elif isinstance(value, list) and any(isinstance(item, (list, dict)) for item in value):
        for item in value:
            yield from _json(item, places, path)
    else:
        items = value if isinstance(value, list) else [value]
        yield [_number(item, places, path.name) for item in items]


def _number(word: Any, places: dict[str, float], place: str) -> float:
    text = str(word).strip().strip('"')
    try:
        return float(text)
    except ValueError:
        if text in places:
            return places[text]
        raise DataError(f"{place}: {text!r} is neither a number nor a class of the target") from None
