"""A keep-alive HTTP/1.1 connection to a model container, on asyncio, made for many small requests."""

import asyncio
from typing import NamedTuple, cast

MAX_BODY = 25 * 1024 * 1024
"""Bytes of a request or an answer of a real-time endpoint (aws.amazon.com/sagemaker/ai/faqs, hosting)."""
_MAX_HEAD = 64 * 1024


class Response(NamedTuple):
    """An answer of the container; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class ConnectionBroken(Exception):
    """The connection ended, or what came was not HTTP, before an answer was complete."""


class Connection(asyncio.Protocol):
    """One request at a time; `reusable` tells whether another may follow."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._parser = ResponseParser()

    @property
    def reusable(self) -> bool:
        """Whether the connection stands, idle, with nothing left over from the last answer."""
        return self._transport is not None and self._answer is None and self._parser.fresh

    async def exchange(self, request: bytes) -> Response:
        """Send a whole request and return its answer; ConnectionBroken if there is none."""
        if self._transport is None:
            raise ConnectionBroken("the connection is closed")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        try:
            return await self._answer
        finally:
            if not self._answer.done() or self._answer.cancelled():
                self.close()  # what the container still sends would be taken for the next answer
            self._answer = None

    def close(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (asyncio calls this)."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Read on (asyncio calls this)."""
        if self._answer is None:  # an answer that nobody asked for
            self.close()
            return
        try:
            response = self._parser.feed(data)
        except ValueError as error:
            self._fail(str(error))
            return
        if response is not None:
            self._complete(response)

    def eof_received(self) -> None:
        """End an answer that lasts until the connection closes (asyncio calls this)."""
        if self._answer is not None and (response := self._parser.end()) is not None:
            self._complete(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the waiting request (asyncio calls this)."""
        self._transport = None
        self._fail(str(exc or "the container closed the connection"))

    def _complete(self, response: Response) -> None:
        if not self._parser.keep_alive:
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(response)

    def _fail(self, reason: str) -> None:
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionBroken(reason))


class ResponseParser:
    """Reads answers to POST requests (RFC 9112) out of pieces of any size."""

    def __init__(self) -> None:
        self.keep_alive = True
        self._buffer = b""
        self._head: tuple[int, dict[str, str]] | None = None
        self._chunks: list[bytes] | None = None
        self._length: int | None = None
        self._size = 0

    @property
    def fresh(self) -> bool:
        """Whether the next byte begins a new answer on a connection that may be used again."""
        return not self._buffer and self._head is None and self.keep_alive

    def feed(self, data: bytes) -> Response | None:
        """Take the bytes that came; the answer once it is whole. ValueError if they are no answer."""
        self._buffer = self._buffer + data if self._buffer else data
        while self._head is None:
            if not self._read_head():
                return None
        status, headers = self._head
        if self._chunks is not None:
            body = self._read_chunks(self._chunks)
            return None if body is None else self._done(status, headers, body)
        if self._length is None:
            if len(self._buffer) > MAX_BODY:
                raise ValueError(f"the answer is larger than {MAX_BODY} bytes")
            return None
        if len(self._buffer) < self._length:
            return None
        body, self._buffer = self._buffer[: self._length], self._buffer[self._length :]
        return self._done(status, headers, body)

    def end(self) -> Response | None:
        """The answer, if it was one that ends with the connection."""
        if self._head is None or self._chunks is not None or self._length is not None:
            return None
        body, self._buffer = self._buffer, b""
        return self._done(*self._head, body)

    def _done(self, status: int, headers: dict[str, str], body: bytes) -> Response:
        self._head = self._chunks = self._length = None
        self._size = 0
        return Response(status, headers, body)

    def _read_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise ValueError("the answer has no end of its headers")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        self._buffer = self._buffer[end + 4 :]
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ValueError(f"the answer does not begin with a status line: {lines[0][:80]!r}")
        status = int(rest[:3])
        if 100 <= status < 200:
            return True
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise ValueError(f"the answer has a header without a colon: {line[:80]!r}")
            headers[name.lower()] = value.strip()
        self._head = status, headers
        connection = headers.get("connection", "").lower()
        self.keep_alive = "close" not in connection and (version != "HTTP/1.0" or "keep-alive" in connection)
        self._frame(status, headers)
        return True

    def _frame(self, status: int, headers: dict[str, str]) -> None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            self._chunks = []
        elif status in (204, 304):
            self._length = 0
        elif "content-length" in headers:
            declared = headers["content-length"]
            if not declared.isdecimal() or int(declared) > MAX_BODY:
                raise ValueError(f"the answer has the impossible Content-Length {declared[:20]!r}")
            self._length = int(declared)
        else:
            self.keep_alive = False

    def _read_chunks(self, chunks: list[bytes]) -> bytes | None:
        while True:
            line_end = self._buffer.find(b"\r\n")
            if line_end < 0:
                return None
            size = int(self._buffer[:line_end].partition(b";")[0], 16)
            if size == 0:
                return self._read_trailers(line_end, chunks)
            if size < 0 or self._size + size > MAX_BODY:
                raise ValueError(f"the answer is larger than {MAX_BODY} bytes")
            end = line_end + 2 + size
            if len(self._buffer) < end + 2:
                return None
            chunks.append(self._buffer[line_end + 2 : end])
            self._size += size
            self._buffer = self._buffer[end + 2 :]

    def _read_trailers(self, line_end: int, chunks: list[bytes]) -> bytes | None:
        if self._buffer.startswith(b"\r\n", line_end + 2):
            self._buffer = self._buffer[line_end + 4 :]
            return b"".join(chunks)
        end = self._buffer.find(b"\r\n\r\n", line_end)
        if end < 0:
            return None
        self._buffer = self._buffer[end + 4 :]
        return b"".join(chunks)
