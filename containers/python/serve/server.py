"""What a request is answered, apart from how it travels."""

import asyncio
import secrets
from concurrent.futures import Future
from http import HTTPStatus
from time import perf_counter
from typing import Any

import numpy as np

from serve import answers, log
from serve.batching import Done, Send, ThreadBatch, Timing, TurnBatch, Waiting, asked
from serve.lanes import Lanes
from serve.model import Model
from serve.negotiation import BINARY, formats
from serve.reader import Reader
from serve.refusal import Refusal
from tabular.contract import DataError

_PINGED = {
    status: b"HTTP/1.1 %d %b\r\nContent-Length: 0\r\n" % (status, status.phrase.encode())
    for status in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE)
}


class Server:
    """One model behind /ping and /invocations; `send` gets a response's head, still open, and its body."""

    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self.draining = False
        self.limits = model.limits
        self._model = model
        self._writer = model.writer
        self._loop = loop
        kind = ThreadBatch if model.tabular else TurnBatch
        self._batch: ThreadBatch | TurnBatch = kind(model.ask, self._deliver, loop, model.limits)
        self._lanes = Lanes(model, loop)
        self._refusals = log.Refusals()

    def ping(self, send: Send) -> None:
        """Healthy, unless the server is stopping; it does not listen before the model is warm."""
        send(_PINGED[HTTPStatus.SERVICE_UNAVAILABLE if self.draining else HTTPStatus.OK], b"")

    def invoke(self, body: bytes, content_type: bytes, accept: bytes, attributes: bytes, send: Send) -> None:
        """Predict; every outcome is sent, now or later in this loop.

        With `timing` among the request's custom attributes, those of the answer say how many microseconds it
        took to read the body (parse_us), to wait for the others of the batch (wait_us) and to predict that
        (predict_us).
        """
        try:
            timed = perf_counter() if attributes and b"timing" in attributes.lower() else 0.0
            incoming, outgoing = formats(content_type, accept)
            if len(body) >= self.limits.large_bytes or incoming in BINARY or outgoing in BINARY:
                self._invoke_large(body, incoming, outgoing, timed, send)
                return
            rows = self._model.codec.read(body, incoming)
            self._batch.add(Waiting(rows, outgoing, send, _timing(timed) if timed else None))
        except Refusal as refusal:
            self.refuse(refusal, send, size=len(body))
        except Exception as error:  # noqa: BLE001  a bug of ours: the client learns no more than the request id
            self._fail(error, send)

    def refuse(self, refusal: Refusal, send: Send, *, size: int = 0) -> None:
        """Answer with a refusal, and log it without the payload."""
        request_id = secrets.token_hex(8)
        self._refusals.add(status=refusal.status, code=refusal.code, request_id=request_id, bytes=size)
        send(*answers.refused(refusal, request_id))

    def close(self) -> None:
        """Stop the threads and the process for large bodies."""
        self._lanes.close()
        if isinstance(self._batch, ThreadBatch):
            self._batch.close()

    def _deliver(self, done: Done) -> None:
        """Answer the requests of a batch."""
        outcome = done.outcome
        if isinstance(outcome, Exception):
            for request in done.requests:
                self._fail(outcome, request.send)
            return
        values, writer = outcome.values, self._writer
        texts = writer.texts(values) if isinstance(values, np.ndarray) else None
        start = 0
        for request, unseen in zip(done.requests, outcome.unseen, strict=True):
            rows, outgoing, send, timing = request
            end = start + rows.height
            if texts is not None:
                body = writer.body(texts[start:end], outgoing)
            else:
                body = writer.whole(values[start:end], outgoing)
            attributes = b",unseen=%d" % unseen if unseen else b""
            if timing is not None:
                attributes += _timed(timing, done)
            send(writer.head(outgoing, len(body), attributes), body)
            start = end

    def _invoke_large(self, body: bytes, incoming: str, outgoing: str, timed: float, send: Send) -> None:
        self._lanes.add(
            len(body),
            lambda reader: self._read_and_predict(reader, body, incoming, outgoing, timed),
            lambda future: self._large_done(future, send, len(body)),
        )

    def _read_and_predict(
        self, reader: Reader, body: bytes, incoming: str, outgoing: str, timed: float
    ) -> tuple[bytes, bytes]:
        """In the thread: the response of a large body; raises Refusal."""
        rows = reader.read(body, incoming)
        timing = _timing(timed) if timed else None
        (done,) = asked(self._model.ask, [Waiting(rows, outgoing, _nowhere, timing)])
        if isinstance(done.outcome, Exception):
            raise done.outcome
        answer = self._writer.whole(done.outcome.values, outgoing)
        unseen = done.outcome.unseen[0]
        attributes = (b",unseen=%d" % unseen if unseen else b"") + (_timed(timing, done) if timing else b"")
        return self._writer.head(outgoing, len(answer), attributes), answer

    def _large_done(self, future: Future[tuple[bytes, bytes]], send: Send, size: int) -> None:
        error = future.exception()
        if isinstance(error, Refusal):
            self.refuse(error, send, size=size)
        elif isinstance(error, Exception):
            self._fail(error, send)
        else:
            send(*future.result())

    def _fail(self, error: Exception, send: Send) -> None:
        request_id = secrets.token_hex(8)
        own = isinstance(error, DataError)
        log.failed(error, request_id)
        message = (
            f"the prediction failed{' in a function of the model' if own else ''}; the log has the request id"
        )
        code = "FunctionFailed" if own else "Internal"
        send(*answers.refused(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, code, message), request_id))


def _timing(began: float) -> Timing:
    now = perf_counter()
    return Timing(now - began, now)


def _timed(timing: Timing, done: Done) -> bytes:
    figures = (timing.parsed, max(0.0, done.began - timing.since), done.ended - done.began)
    parsed, waited, predicted = (round(seconds * 1e6) for seconds in figures)
    return b",parse_us=%d,wait_us=%d,predict_us=%d" % (parsed, waited, predicted)


def _nowhere(_head: bytes, _body: bytes) -> Any:
    raise AssertionError("the thread for large bodies sends nothing itself")
