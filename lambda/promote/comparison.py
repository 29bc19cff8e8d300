"""How alike the answers of two models to the same requests are: pure functions of captured lines.

A line of the data capture: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
It has an inferenceId only where the caller gave one, and an eventId that no page says variants share. Both
variants have the request, and a model that is asked the same answers the same: so the request joins them.
"""

import base64
import csv
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

# What one call may add to a comparison: a file of a thousand rows is one request, not a thousand.
MOST_VALUES = 20
# Where no difference is declared, this share of the range of the answers in service is allowed.
SHARE_OF_RANGE = 0.1

Value = float | str


@dataclass(frozen=True)
class Answer:
    """The first values of an answer, and how many there are."""

    values: tuple[Value, ...]
    count: int


@dataclass(frozen=True)
class Call:
    """A captured call: a digest of what was asked, the epoch second, and the answer."""

    request: bytes
    at: float
    answer: Answer


@dataclass(frozen=True)
class Comparison:
    """The different requests that both models answered, and how alike the values of the answers are.

    The differences are of the numbers, None where there are none; numbers agree within `tolerance`.
    """

    calls: int = 0
    values: int = 0
    agreeing: int = 0
    mean_difference: float | None = None
    max_difference: float | None = None
    tolerance: float = 0.0

    @property
    def agreement(self) -> float:
        """The share of the values that agree."""
        return self.agreeing / self.values if self.values else 0.0


def call(line: bytes) -> Call | None:
    """The call of a captured line; None when it is not one, with its request and its answer."""
    try:
        record = json.loads(line)
        asked, answered = (record["captureData"][side] for side in ("endpointInput", "endpointOutput"))
        at = datetime.fromisoformat(record["eventMetadata"]["inferenceTime"]).timestamp()
        request = sha256(asked["observedContentType"].encode() + b"\n" + _body(asked)).digest()
        return Call(request, at, _answer(_body(answered), answered["observedContentType"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def compare(
    service: Mapping[bytes, Answer], shadow: Mapping[bytes, Answer], difference: float | None = None
) -> Comparison:
    """The answers of both by their requests; numbers agree within `difference`, everything else if equal."""
    both = [(service[request], answer) for request, answer in shadow.items() if request in service]
    tolerance = _tenth_of_range([ours for ours, _ in both]) if difference is None else difference
    values = agreeing = numbers = 0
    total = most = 0.0
    for ours, theirs in both:
        values += max(len(ours.values), len(theirs.values), 1)
        if ours.count != theirs.count:
            continue
        agreeing += not ours.values
        for one, other in zip(ours.values, theirs.values, strict=True):
            if isinstance(one, float) and isinstance(other, float):
                apart = abs(one - other)
                numbers, total, most = numbers + 1, total + apart, max(most, apart)
                agreeing += apart <= tolerance
            else:
                agreeing += one == other
    mean, maximum = (total / numbers, most) if numbers else (None, None)
    return Comparison(len(both), values, agreeing, mean, maximum, tolerance)


def _tenth_of_range(answers: list[Answer]) -> float:
    numbers = [value for answer in answers for value in answer.values if isinstance(value, float)]
    return (max(numbers) - min(numbers)) * SHARE_OF_RANGE if numbers else 0.0


def _body(side: Mapping[str, Any]) -> bytes:
    data: str = side["data"]
    return base64.b64decode(data) if side["encoding"] == "BASE64" else data.encode()


def _answer(body: bytes, content_type: str) -> Answer:
    first: list[Value] = []
    count = 0
    for value in _values(body, content_type):
        count += 1
        if count <= MOST_VALUES:
            first.append(value)
    return Answer(tuple(first), count)


def _values(body: bytes, content_type: str) -> Iterator[Value]:
    """The cells or members in their order; of what is neither CSV nor JSON, the digest of the whole."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "text/csv":
        for row in csv.reader(body.decode().splitlines()):
            yield from map(_number, row)
    elif kind == "application/json":
        yield from _members(json.loads(body))
    elif "jsonlines" in kind or "ndjson" in kind:
        for line in filter(None, body.splitlines()):
            yield from _members(json.loads(line))
    else:
        yield sha256(body).hexdigest()


def _members(document: Any) -> Iterator[Value]:
    match document:
        # Beside the predictions, our server and AWS's algorithms tell what is the same in every answer.
        case {"predictions": predictions}:
            yield from _members(predictions)
        case dict():
            for name in sorted(document):
                yield from _members(document[name])
        case list():
            for item in document:
                yield from _members(item)
        case bool() | None:
            yield str(document)
        case int() | float():
            yield _number(str(document))
        case _:
            yield str(document)


def _number(text: str) -> Value:
    """The number that a text says; what is none, NaN and infinity stay texts."""
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text
