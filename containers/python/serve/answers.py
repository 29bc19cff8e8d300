"""Predictions to bodies, and the heads of the responses."""

import io
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import numpy as np
import orjson

from serve.negotiation import ARROW, BINARY, CSV, JSON, LINES
from serve.refusal import Refusal
from tabular.schema import Schema

# The one header of ours that SageMaker hands on to the client:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
ATTRIBUTES = b"X-Amzn-SageMaker-Custom-Attributes"


class Writer:
    """Writes the answers of one model; texts are the rows' predictions, one each.

    Of several classes or outputs a text is "0.1,0.9", else a number, with the digits that float32 has.
    """

    def __init__(self, schema: Schema, version: str) -> None:
        self._several = schema.problem == "multiclass"
        self._classes = schema.classes
        classes = b',"classes":' + orjson.dumps(schema.classes) if self._several else b""
        self._single = {
            CSV: (b"", b"\n", b"\n"),
            LINES: (b"", b"\n", b"\n"),
            JSON: (b'{"predictions":[', b",", b"]}"),
        }
        self._listed = {
            CSV: (b"", b"\n", b"\n"),
            LINES: (b"[", b"]\n[", b"]\n"),
            JSON: (b'{"predictions":[[', b"],[", b"]]" + classes + b"}"),
        }
        self._frames = self._listed if self._several else self._single
        self._model = version.encode()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\n" + ATTRIBUTES + b": model=%b\r\n"
        self._heads = {
            outgoing: (head % (outgoing.encode(), self._model)) + b"Content-Length: %d\r\n"
            for outgoing in (*self._single, *BINARY)
        }

    def texts(self, predictions: Any) -> list[bytes]:
        """A text for each row."""
        numbers = orjson.dumps(predictions, option=orjson.OPT_SERIALIZE_NUMPY)
        return numbers[2:-2].split(b"],[") if self._several else numbers[1:-1].split(b",")

    def body(self, texts: Sequence[bytes], outgoing: str) -> bytes:
        """The answer of these rows."""
        before, between, after = self._frames[outgoing]
        return before + between.join(texts) + after

    def head(self, outgoing: str, length: int, attributes: bytes = b"") -> bytes:
        """The head, still open; attributes begin with a comma and follow the model's version."""
        head = self._heads[outgoing]
        if attributes:
            head = head.replace(self._model, self._model + attributes, 1)
        return head % length

    def whole(self, predictions: Any, outgoing: str) -> bytes:
        """The body of all these predictions, or of what the user's function returned; raises Refusal."""
        if outgoing in BINARY:
            return self._table(predictions, outgoing)
        if isinstance(predictions, np.ndarray):
            return self.body(self.texts(predictions), outgoing)
        # The user's function: a text for each value, and no classes.
        before, between, after = self._single[outgoing]
        texts = [orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY) for value in predictions]
        if outgoing == CSV:
            texts = [_cell(value, text) for value, text in zip(predictions, texts, strict=True)]
        return before + between.join(texts) + after

    def _table(self, predictions: Any, outgoing: str) -> bytes:
        import polars as pl

        try:
            if isinstance(predictions, np.ndarray) and predictions.ndim == 2:
                columns = [pl.Series(name, predictions[:, place]) for place, name in enumerate(self._classes)]
                table = pl.DataFrame(columns)
            else:
                table = pl.DataFrame({"prediction": predictions})
            into = io.BytesIO()
            if outgoing == ARROW:
                table.write_ipc_stream(into)
            else:
                table.write_parquet(into)
        except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
            message = f"what predict returns has no type of its own for {outgoing}; accept {JSON}"
            raise Refusal(HTTPStatus.NOT_ACCEPTABLE, "NotAcceptable", message) from error
        return into.getvalue()


def refused(refusal: Refusal, request_id: str) -> tuple[bytes, bytes]:
    """The head, still open, and the body of a refusal."""
    status, body = refusal.status, refusal.body(request_id)
    head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    more = b"Allow: %b\r\n" % refusal.allow.encode() if refusal.allow else b""
    if refusal.retry_after is not None:
        more += b"Retry-After: %d\r\n" % refusal.retry_after
    return head % (status, status.phrase.encode(), len(body)) + more, body


def _cell(value: Any, text: bytes) -> bytes:
    """A value of the user's in CSV: a text as it is, anything nested as JSON; quoted where it must be."""
    if value is None:
        return b""
    plain = value.encode() if isinstance(value, str) else text
    if any(mark in plain for mark in (b",", b'"', b"\n", b"\r")):
        return b'"' + plain.replace(b'"', b'""') + b'"'
    return plain
