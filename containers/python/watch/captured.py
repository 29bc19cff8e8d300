"""What SageMaker's data capture wrote: the rows that were asked for, and what was answered.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

import base64
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from serve.refusal import Refusal, malformed
from tabular.schema import Schema
from watch import answers
from watch.bodies import Bodies
from watch.sampling import Sample
from watch.window import Window, moment

SCORES: Mapping[str, Any] = {
    "inference_id": pl.String, "row": pl.UInt32, "time": pl.Datetime("us"), "version": pl.String,
}  # fmt: skip
_SCORES_AT_ONCE = 100_000
# Kinds of reasons that are told, the most frequent ones.
_REASONS = 5
_PLAIN = {"CSV": "text/csv", "JSON": "application/json"}


@dataclass(frozen=True)
class Captured:
    """The features of a sample of the rows, and the prediction of each row.

    `predictions` has the columns inference_id, row (from 0, within its call), score (null where it is no
    number), time and version. Of the `calls`, some were `unanswered`, `before_deployment` (of the model that
    was in service before) or `unreadable`, with the most frequent `reasons`.
    """

    table: pl.DataFrame
    predictions: pl.DataFrame
    calls: int
    rows: int
    unanswered: int
    before_deployment: int
    unreadable: int
    reasons: Mapping[str, int]


@dataclass(frozen=True)
class _Call:
    """One line of a capture file."""

    inference_id: str
    time: datetime
    request: tuple[bytes, str]
    answer: tuple[bytes, str]


class _Unanswered(ValueError):
    """The call had no answer, or only one direction was captured."""


def read(directory: Path, schema: Schema, window: Window, code: Path) -> Captured:
    """Every .jsonl file below a directory; what cannot be read is counted, never fatal."""
    bodies = Bodies(schema, code)
    sample = Sample()
    predictions = _Predictions(schema, window.version)
    calls = unanswered = before = rows = 0
    reasons: Counter[str] = Counter()
    for line in _lines(directory):
        calls += 1
        try:
            call = _call(line)
            if window.deployed_at is not None and call.time < window.deployed_at:
                before += 1
                continue
            found = bodies.read(*call.request)
            predictions.add(call, answers.values(*call.answer), found.height)
        except _Unanswered:
            unanswered += 1
            continue
        except Refusal as refusal:
            reasons[_general(refusal)] += 1
            continue
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            reasons[f"the line is not one of data capture ({type(error).__name__})"] += 1
            continue
        rows += found.height
        if (full := bodies.add(found)) is not None:
            sample.add(full)
    if (rest := bodies.flush()) is not None:
        sample.add(rest)
    return Captured(
        table=sample.rows if sample.rows is not None else bodies.nothing(),
        predictions=predictions.table(),
        calls=calls,
        rows=rows,
        unanswered=unanswered,
        before_deployment=before,
        unreadable=reasons.total(),
        reasons=dict(reasons.most_common(_REASONS)),
    )


def _lines(directory: Path) -> Iterator[bytes]:
    for path in sorted(directory.rglob("*.jsonl")):
        with path.open("rb") as file:
            yield from (line for line in file if line.strip())


def _call(line: bytes) -> _Call:
    """Raises ValueError, KeyError or TypeError where the line is none."""
    record = orjson.loads(line)
    data, metadata = record["captureData"], record["eventMetadata"]
    if "endpointInput" not in data or "endpointOutput" not in data:
        raise _Unanswered
    return _Call(
        # As SageMaker's own monitor joins labels: docs.aws.amazon.com/sagemaker/latest/dg/
        # model-monitor-model-quality-merge.html
        str(metadata.get("inferenceId") or metadata["eventId"]),
        moment(metadata["inferenceTime"]),
        _side(data["endpointInput"]),
        _side(data["endpointOutput"]),
    )


def _side(side: Mapping[str, Any]) -> tuple[bytes, str]:
    """A body and its content type."""
    encoding, data = side["encoding"], side["data"]
    body = base64.b64decode(data) if encoding == "BASE64" else data.encode()
    return body, side.get("observedContentType") or _PLAIN.get(encoding, "")


def _general(refusal: Refusal) -> str:
    """Without the row and its value, so that like reasons are counted together and no value is told."""
    if refusal.column is not None:
        return f"a value of the column {refusal.column!r} is not of its type"
    return refusal.message.partition(f"row {refusal.row}: ")[2] if refusal.row else refusal.message


class _Predictions:
    """Collects predictions column by column."""

    def __init__(self, schema: Schema, version: str) -> None:
        several = schema.problem == "multiclass"
        self._types = {**SCORES, "score": pl.List(pl.Float64) if several else pl.Float64}
        self._score = answers.score(schema)
        self._version = version
        self._waiting: list[tuple[str, int, datetime, str, Any]] = []
        self._tables: list[pl.DataFrame] = []

    def add(self, call: _Call, values: list[Any], rows: int) -> None:
        """The answer to a call of so many rows; raises Refusal for another number of predictions."""
        if len(values) == 1 < rows and isinstance(values[0], list):
            # Some containers answer several rows in one line.
            values = values[0]
        if len(values) != rows:
            raise _miscounted(len(values), rows)
        self._waiting += [
            (call.inference_id, row, call.time, self._version, self._score(value))
            for row, value in enumerate(values)
        ]
        if len(self._waiting) >= _SCORES_AT_ONCE:
            self._pack()

    def table(self) -> pl.DataFrame:
        """All of them."""
        self._pack()
        return pl.concat(self._tables)

    def _pack(self) -> None:
        self._tables.append(pl.DataFrame(self._waiting, schema=self._types, orient="row"))
        self._waiting = []


def _miscounted(found: int, rows: int) -> Refusal:
    return malformed(f"the answer has {found} predictions for a request of {rows} rows")
