"""HTTP/1.1 over httptools: order, limits and deadlines; what is answered is the server's business."""

import asyncio
from collections import deque
from functools import partial
from http import HTTPStatus
from typing import cast

import httptools

from serve.refusal import Refusal, busy, malformed
from serve.server import Server

# SageMaker's limit for a real-time request is 25 MB.
MOST_BODY_BYTES = 25 << 20
_MOST_HEADER_BYTES = 16 << 10
_MOST_CONNECTIONS = 4096
_MOST_BUFFERED_BYTES = 256 << 20
_MOST_PIPELINED = 64
_HEADER_SECONDS, _BODY_SECONDS, _IDLE_SECONDS, _WRITE_SECONDS = 10.0, 30.0, 300.0, 30.0
_WANTED = frozenset(
    {b"content-type", b"accept", b"content-length", b"transfer-encoding", b"content-encoding", b"expect"}
)


class Connections:
    """The open connections of one process, and the memory that their unfinished bodies take."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop
        self.open: set[Connection] = set()
        self.buffered = 0

    def accept(self) -> "Connection":
        """The protocol of a new connection."""
        return Connection(self)

    def sweep(self) -> None:
        """Once a second: end the connections whose client is too slow."""
        now = self.loop.time()
        for connection in list(self.open):
            if now > connection.deadline:
                connection.expire()
        self.loop.call_later(1, self.sweep)

    def close_idle(self) -> None:
        """End the connections that wait for nothing; the others end after their answer."""
        for connection in list(self.open):
            connection.close_if_idle()


class _Exchange:
    """One request's place in the order of answers."""

    __slots__ = ("answer", "last")

    def __init__(self, *, last: bool) -> None:
        self.answer: bytes | None = None
        self.last = last


class Connection(asyncio.Protocol):
    """One client: requests are read one after the other and answered in that order."""

    def __init__(self, connections: Connections) -> None:
        self.deadline = connections.loop.time() + _HEADER_SECONDS
        self._all = connections
        self._server = connections.server
        self._parser = httptools.HttpRequestParser(self)
        self._exchanges: deque[_Exchange] = deque()
        self._state = "idle"  # then "header", "body", and idle again
        self._ending = False
        self._paused = False
        self._header_bytes = 0
        self._size = 0
        self._reset()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._all.open.add(self)
        if len(self._all.open) > _MOST_CONNECTIONS:
            self._refuse_and_end(busy("too many connections are open"))

    def connection_lost(self, _error: Exception | None) -> None:
        """The client went away."""
        self._all.open.discard(self)
        self._all.buffered -= self._size
        self._size = 0
        self._ending = True

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._ending:
            return
        if self._state != "body":
            self._header_bytes += len(data)
            if self._state == "idle":
                self._state = "header"
                self.deadline = self._all.loop.time() + _HEADER_SECONDS
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse_and_end(malformed("the protocol cannot be upgraded"))
        except httptools.HttpParserError:
            self._refuse_and_end(malformed("this is not an HTTP/1.1 request"))
        if self._state == "header" and self._header_bytes > _MOST_HEADER_BYTES:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            self._refuse_and_end(Refusal(status, "HeadersTooLarge", "the headers are larger than 16 KiB"))

    def eof_received(self) -> bool:
        """The client sends no more, but may still read its answers."""
        if self._state != "idle":
            return False
        self._ending = True
        return bool(self._exchanges)

    def pause_writing(self) -> None:
        """The client does not read its answers."""
        self._paused = True
        self._transport.pause_reading()
        self.deadline = self._all.loop.time() + _WRITE_SECONDS

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False
        self._transport.resume_reading()
        self.deadline = self._all.loop.time() + _IDLE_SECONDS

    def on_message_begin(self) -> None:
        """The parser saw the start of a request."""
        self._reset()

    def on_url(self, url: bytes) -> None:
        """The parser saw (a part of) the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser saw a header."""
        lower = name.lower()
        if lower in _WANTED:
            self._headers[lower] = value

    def on_headers_complete(self) -> None:
        """Refuse what can be refused before the body is read."""
        self._state = "body"
        self._header_bytes = 0
        self.deadline = self._all.loop.time() + _BODY_SECONDS
        refusal = self._objection()
        if refusal is not None:
            self._refuse_and_end(refusal)
        elif self._headers.get(b"expect", b"").lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""
        if self._ending:
            return
        self._size += len(chunk)
        self._all.buffered += len(chunk)
        self._chunks.append(chunk)
        if self._size > MOST_BODY_BYTES:
            self._refuse_and_end(_too_large())
        elif self._all.buffered > _MOST_BUFFERED_BYTES:
            self._refuse_and_end(busy("too many large bodies arrive"))

    def on_message_complete(self) -> None:
        """The request is here."""
        if self._ending:
            return
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._forget_body()
        self._state = "idle"
        self.deadline = self._all.loop.time() + _IDLE_SECONDS
        exchange = _Exchange(last=not self._parser.should_keep_alive())
        self._exchanges.append(exchange)
        send = partial(self._send, exchange)
        if exchange.last:
            self._ending = True
        if len(self._exchanges) > _MOST_PIPELINED:
            self._server.refuse(busy("too many requests wait on this connection"), send)
            self._ending = exchange.last = True
        elif self._path() == b"/ping":
            self._server.ping(send)
        else:
            headers = self._headers
            self._server.invoke(body, headers.get(b"content-type", b""), headers.get(b"accept", b""), send)

    def expire(self) -> None:
        """The deadline passed: refuse a slow request, drop a silent client."""
        if self._paused or self._ending:
            self._transport.abort()
        elif self._state == "idle" and not self._exchanges:
            self._transport.close()
        elif self._state != "idle":
            part = "headers" if self._state == "header" else "body"
            refusal = Refusal(HTTPStatus.REQUEST_TIMEOUT, "TooSlow", f"the {part} took too long to arrive")
            self._refuse_and_end(refusal)

    def close_if_idle(self) -> None:
        """End a connection that has nothing to wait for."""
        if self._state == "idle" and not self._exchanges:
            self._transport.close()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._size = 0

    def _forget_body(self) -> None:
        self._all.buffered -= self._size
        self._size = 0
        self._chunks = []

    def _path(self) -> bytes:
        return self._url.partition(b"?")[0]

    def _objection(self) -> Refusal | None:
        path, method = self._path(), self._parser.get_method()
        allowed = {b"/ping": b"GET", b"/invocations": b"POST"}.get(path)
        if allowed is None:
            return Refusal(HTTPStatus.NOT_FOUND, "NotFound", "there are GET /ping and POST /invocations")
        if method != allowed:
            verb = allowed.decode()
            message = f"{path.decode()} is asked by {verb}"
            return Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "MethodNotAllowed", message, allow=verb)
        if method == b"GET":
            return None
        encoding = self._headers.get(b"content-encoding", b"identity").lower()
        if encoding != b"identity":
            message = "the body must not be compressed"
            return Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "UnsupportedEncoding", message)
        length = self._headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in self._headers:
            return Refusal(HTTPStatus.LENGTH_REQUIRED, "LengthRequired", "the request has no Content-Length")
        if length is not None and int(length) > MOST_BODY_BYTES:
            return _too_large()
        return None

    def _refuse_and_end(self, refusal: Refusal) -> None:
        """Answer after the requests before, then close: what follows on the wire cannot be understood."""
        if self._ending:
            return
        size = self._size
        self._ending = True
        self._forget_body()
        self._state = "idle"
        self.deadline = self._all.loop.time() + _WRITE_SECONDS
        exchange = _Exchange(last=True)
        self._exchanges.append(exchange)
        self._server.refuse(refusal, partial(self._send, exchange), size=size)

    def _send(self, exchange: _Exchange, head: bytes, body: bytes) -> None:
        if self._server.draining:
            exchange.last = True
        exchange.answer = head + (b"Connection: close\r\n\r\n" if exchange.last else b"\r\n") + body
        while self._exchanges and (answer := self._exchanges[0].answer) is not None:
            done = self._exchanges.popleft()
            self._transport.write(answer)
            if done.last or (self._ending and not self._exchanges):
                self._ending = True
                self._transport.close()
                return


def _too_large() -> Refusal:
    limit = MOST_BODY_BYTES >> 20
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TooLarge", f"the body is larger than {limit} MiB")
