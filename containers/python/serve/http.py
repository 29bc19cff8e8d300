"""HTTP/1.1 over httptools: order, limits and deadlines; what is answered is the server's business."""

import asyncio
from collections import deque
from http import HTTPStatus
from typing import cast

import httptools

from serve.head import PING, UNWANTED, WANTED, objection, path, too_large, without_offer
from serve.refusal import Refusal, busy, malformed
from serve.server import Server


class Connections:
    """The open connections of one process, and the memory that their unfinished bodies take."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.loop = loop
        self.limits = server.limits
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

    __slots__ = ("answer", "connection", "last")

    def __init__(self, connection: "Connection", *, last: bool) -> None:
        self.connection = connection
        self.answer: bytes | None = None
        self.last = last

    def send(self, head: bytes, body: bytes) -> None:
        """The answer is known; it goes out after those before it."""
        connection = self.connection
        if connection.draining:
            self.last = True
        self.answer = b"%b%b%b" % (head, b"Connection: close\r\n\r\n" if self.last else b"\r\n", body)
        connection.write_answers()


class Connection(asyncio.Protocol):
    """One client: requests are read one after the other and answered in that order."""

    def __init__(self, connections: Connections) -> None:
        self._all = connections
        self._limits = connections.limits
        self._server = connections.server
        self._parser = httptools.HttpRequestParser(self)
        self._exchanges: deque[_Exchange] = deque()
        self._state = "idle"  # then "header", "body", and idle again
        self._ending = False
        self._again = b""
        self._paused = False
        self._header_bytes = 0
        self._size = 0
        self.deadline = connections.loop.time() + self._limits.header_seconds
        self._reset()

    @property
    def draining(self) -> bool:
        """Whether the server is about to stop."""
        return self._server.draining

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client connected."""
        self._transport = cast(asyncio.Transport, transport)
        self._all.open.add(self)
        if len(self._all.open) > self._limits.connections:
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
                self.deadline = self._all.loop.time() + self._limits.header_seconds
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._read_on(data[offer.args[0] :])
        except httptools.HttpParserError:
            self._refuse_and_end(malformed("this is not an HTTP/1.1 request"))
        if self._state == "header" and self._header_bytes > self._limits.header_bytes:
            status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            most = self._limits.header_bytes >> 10
            self._refuse_and_end(
                Refusal(status, "HeadersTooLarge", f"the headers are larger than {most} KiB")
            )

    def _read_on(self, rest: bytes) -> None:
        """Ignore the offer of another protocol, of which the parser held the rest to be.

        https://www.rfc-editor.org/rfc/rfc9110#section-7.8
        """
        if self._ending:
            return
        again, self._again = self._again, b""
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(again + rest)

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
        self.deadline = self._all.loop.time() + self._limits.write_seconds

    def resume_writing(self) -> None:
        """The client reads again."""
        self._paused = False
        self._transport.resume_reading()
        self.deadline = self._all.loop.time() + self._limits.idle_seconds

    def on_message_begin(self) -> None:
        """The parser saw the start of a request."""
        self._reset()

    def on_url(self, url: bytes) -> None:
        """The parser saw (a part of) the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser saw a header."""
        if name in UNWANTED:
            return
        wanted = WANTED.get(name) or WANTED.get(name.lower())
        if wanted is not None:
            self._headers[wanted] = value

    def on_headers_complete(self) -> None:
        """Refuse what can be refused before the body is read."""
        self._state = "body"
        self._header_bytes = 0
        refusal = objection(self._parser, self._url, self._headers, self._limits)
        if refusal is not None:
            self._refuse_and_end(refusal)
        elif self._parser.should_upgrade():
            self._again = without_offer(self._parser, self._url, self._headers)
        elif b"expect" in self._headers and self._headers[b"expect"].lower() == b"100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        """A part of the body."""
        if self._ending:
            return
        if not self._size:
            self.deadline = self._all.loop.time() + self._limits.body_seconds
        self._size += len(chunk)
        self._all.buffered += len(chunk)
        self._chunks.append(chunk)
        if self._size > self._limits.body_bytes:
            self._refuse_and_end(too_large(self._limits))
        elif self._all.buffered > self._limits.buffered_bytes:
            self._refuse_and_end(busy("too many large bodies arrive"))

    def on_message_complete(self) -> None:
        """The request is here."""
        if self._ending or self._again:
            return
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._forget_body()
        self._state = "idle"
        self.deadline = self._all.loop.time() + self._limits.idle_seconds
        last = not self._parser.should_keep_alive()
        exchange = _Exchange(self, last=last)
        self._exchanges.append(exchange)
        if last:
            self._ending = True
        if len(self._exchanges) > self._limits.pipelined:
            self._server.refuse(busy("too many requests wait on this connection"), exchange.send)
            self._ending = exchange.last = True
        elif path(self._url) == PING:
            self._server.ping(exchange.send)
        else:
            header = self._headers.get
            self._server.invoke(
                body,
                header(b"content-type", b""),
                header(b"accept", b""),
                header(b"x-amzn-sagemaker-custom-attributes", b""),
                exchange.send,
            )

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

    def _refuse_and_end(self, refusal: Refusal) -> None:
        """Answer after the requests before, then close: what follows on the wire cannot be understood."""
        if self._ending:
            return
        size = self._size
        self._ending = True
        self._forget_body()
        self._state = "idle"
        self.deadline = self._all.loop.time() + self._limits.write_seconds
        exchange = _Exchange(self, last=True)
        self._exchanges.append(exchange)
        self._server.refuse(refusal, exchange.send, size=size)

    def write_answers(self) -> None:
        """Send the answers whose turn it is."""
        exchanges = self._exchanges
        while exchanges and (answer := exchanges[0].answer) is not None:
            done = exchanges.popleft()
            self._transport.write(answer)
            if done.last or (self._ending and not exchanges):
                self._ending = True
                self._transport.close()
                return
