"""What a request is answered, apart from how it travels."""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from typing import Any

from serve import codecs, log
from serve.batching import Batch
from serve.model import Model
from serve.negotiation import formats
from serve.refusal import Refusal, busy

# From here on a body is read in a thread, so that /ping is answered meanwhile.
_LARGE_BODY = 256 << 10
_MOST_LARGE_BODIES = 8
# The one header of ours that SageMaker hands on to the client.
_ATTRIBUTES = b"X-Amzn-SageMaker-Custom-Attributes"

Send = Callable[[bytes, bytes], None]


class Server:
    """One model behind /ping and /invocations; `send` gets a response's head, still open, and its body."""

    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self.draining = False
        self._model = model
        self._loop = loop
        self._batch = Batch(model.predict, loop)
        self._large = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-body")
        self._large_waiting = 0
        self._refusals = log.Refusals()

    def ping(self, send: Send) -> None:
        """Healthy, unless the server is stopping; it does not listen before the model is warm."""
        status = HTTPStatus.SERVICE_UNAVAILABLE if self.draining else HTTPStatus.OK
        send(b"HTTP/1.1 %d %b\r\nContent-Length: 0\r\n" % (status, status.phrase.encode()), b"")

    def invoke(self, body: bytes, content_type: bytes, accept: bytes, send: Send) -> None:
        """Predict; every outcome is sent, now or at the end of this turn of the loop."""
        try:
            incoming, outgoing = formats(content_type, accept)
            if len(body) >= _LARGE_BODY:
                self._invoke_large(body, incoming, outgoing, send)
                return
            rows = self._model.codec.read(body, incoming)
            self._batch.add(rows.matrix, partial(self._deliver, outgoing, rows.unseen, send))
        except Refusal as refusal:
            self.refuse(refusal, send, size=len(body))
        except Exception as error:  # noqa: BLE001  a bug of ours: the client learns no more than the request id
            self._fail(error, send)

    def refuse(self, refusal: Refusal, send: Send, *, size: int = 0) -> None:
        """Answer with a refusal, and log it without the payload."""
        request_id = secrets.token_hex(8)
        self._refusals.add(status=refusal.status, code=refusal.code, request_id=request_id, bytes=size)
        _send_refusal(refusal, request_id, send)

    def close(self) -> None:
        """Stop the thread for large bodies."""
        self._large.shutdown(wait=False, cancel_futures=True)

    def _invoke_large(self, body: bytes, incoming: str, outgoing: str, send: Send) -> None:
        if self._large_waiting >= _MOST_LARGE_BODIES:
            raise busy("too many large bodies are waiting")
        self._large_waiting += 1
        done = self._large.submit(self._read_and_predict, body, incoming)
        done.add_done_callback(
            lambda future: self._loop.call_soon_threadsafe(
                self._large_done, future, outgoing, send, len(body)
            )
        )

    def _read_and_predict(self, body: bytes, incoming: str) -> tuple[Any, int]:
        rows = self._model.bulk_codec.read(body, incoming)
        return self._model.predict(rows.matrix), rows.unseen

    def _large_done(self, future: Future[tuple[Any, int]], outgoing: str, send: Send, size: int) -> None:
        self._large_waiting -= 1
        error = future.exception()
        if isinstance(error, Refusal):
            self.refuse(error, send, size=size)
        elif isinstance(error, Exception):
            self._fail(error, send)
        else:
            predictions, unseen = future.result()
            self._deliver(outgoing, unseen, send, predictions)

    def _deliver(self, outgoing: str, unseen: int, send: Send, predictions: Any) -> None:
        if isinstance(predictions, Exception):
            self._fail(predictions, send)
            return
        body = codecs.write(predictions, outgoing, self._model.schema)
        attributes = f"model={self._model.version}" + (f",unseen={unseen}" if unseen else "")
        head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b: %b\r\n"
        send(head % (outgoing.encode(), len(body), _ATTRIBUTES, attributes.encode()), body)

    def _fail(self, error: Exception, send: Send) -> None:
        request_id = secrets.token_hex(8)
        log.event("failed", request_id=request_id, error=f"{type(error).__name__}: {error}")
        message = "the prediction failed; the log has the request id"
        _send_refusal(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal", message), request_id, send)


def _send_refusal(refusal: Refusal, request_id: str, send: Send) -> None:
    status, body = refusal.status, refusal.body(request_id)
    head = b"HTTP/1.1 %d %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    allow = b"Allow: %b\r\n" % refusal.allow.encode() if refusal.allow else b""
    send(head % (status, status.phrase.encode(), len(body)) + allow, body)
