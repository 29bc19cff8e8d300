"""What is no HTTP/1.1, or means two things to two readers: https://www.rfc-editor.org/rfc/rfc9112.

Each ambiguous request hides a second one, so that a server that is taken in gives two answers.
"""

from collections.abc import Iterator

from benchmarks.serving_fuzz.case import CSV, Case, Predicted, Refused

_HIDDEN = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
_HOST = b"Host: 127.0.0.1\r\n"
_TYPE = b"Content-Type: text/csv\r\n"


def cases(body: bytes, rows: Predicted) -> list[Case]:
    """Around a right body of CSV."""
    return [
        *_smuggled(body),
        *_lengths(body),
        *_heads(body),
        *_offers(body, rows),
        *_chunked(body, rows),
        *_truncated(body),
    ]


def _post(headers: bytes, body: bytes, first: bytes = b"POST /invocations HTTP/1.1") -> bytes:
    return first + b"\r\n" + _HOST + _TYPE + headers + b"\r\n" + body


def _smuggled(body: bytes) -> Iterator[Case]:
    length = b"Content-Length: %d\r\n" % len(body)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    long = b"Content-Length: %d\r\n" % len(chunks + _HIDDEN)
    for headers, content in (
        (length + b"Transfer-Encoding: chunked\r\n", chunks),
        (b"Transfer-Encoding: chunked\r\n" + length, chunks),
        (long + b"Transfer-Encoding: chunked\r\n", chunks),
        (length + b"Content-Length: %d\r\n" % (len(body) + 1), body),
        (b"Content-Length: 0\r\n" + length, body),
        (b"Content-Length: %d, %d\r\n" % (len(body), len(body) + 3), body),
        (length + b"Transfer-Encoding: xchunked\r\n", body),
        (b"Transfer-Encoding: chunked, identity\r\n", chunks),
        (b"Transfer-Encoding: identity, chunked, chunked\r\n", chunks),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunks),
        (b"Transfer-Encoding : chunked\r\n" + length, body),
        (b"Transfer-Encoding:\x0bchunked\r\n" + length, body),
        (b"Transfer-Encoding:\r\n chunked\r\n" + length, body),
        (b'Transfer-Encoding: "chunked"\r\n' + length, body),
        (b"X: y\rTransfer-Encoding: chunked\r\n" + length, body),
        (b"X: y\nTransfer-Encoding: chunked\r\n" + length, body),
        (b"Content-Length : %d\r\n" % len(body), body),
        (b"Content-Length: %d\r\n\x20 5\r\n" % len(body), body),
        (b"Content\x00-Length: 3\r\n" + length, body),
        (b"Content_Length: 3\r\n" + length + b"Transfer-Encoding: chunk\r\n", body),
    ):
        # Refused is the one safe answer; the connection must not go on with what is hidden behind.
        yield Case("smuggling", _post(headers, content + _HIDDEN), Refused(), alone=True)


def _lengths(body: bytes) -> Iterator[Case]:
    for length in (
        *(
            b"-1",
            b"+5",
            b"0x10",
            b"1e3",
            b"five",
            b"",
            b" ",
            b"5 5",
            b"5;",
            b"5.0",
            b"\xd9\xa5",
            b"0b1",
            b"--1",
        ),
        *(
            b"9" * 20,
            b"9" * 5000,
            b"18446744073709551616",
            b"18446744073709551621",
            b"26214401",
            b"1099511627776",
        ),
    ):
        yield Case("length", _post(b"Content-Length: %b\r\n" % length, body), Refused(), alone=True)
    yield Case("no length", _post(b"", body), Refused(), alone=True)
    yield Case("length 0", _post(b"Content-Length: 0\r\n", b""), Refused(), alone=True)


def _heads(body: bytes) -> Iterator[Case]:
    length = b"Content-Length: %d\r\n" % len(body)
    for first in (
        *(b"POST  HTTP/1.1",),
        *(b"post /invocations HTTP/1.1", b"POST /invocations HTTP/1.1 x", b"POST /invo cations HTTP/1.1"),
        *(
            b"POST /invocations\x00 HTTP/1.1",
            b"POST http://[::1 HTTP/1.1",
            b"POST * HTTP/1.1",
            b"\x16\x03\x01\x02\x00",
        ),
        *(
            b"POST /\xff\xfe HTTP/1.1",
            b"POST /" + b"a" * 70_000 + b" HTTP/1.1",
            b"CONNECT x:80 HTTP/1.1",
            b"{}",
        ),
        *(
            b"POST /invocations HTTP/1.1\r\n: x",
            b"POST /invocations HTTP/11",
            b"PRI * HTTP/2.0",
            b"GET /pi\rng HTTP/1.1",
        ),
        *(
            b"POST /../../etc/passwd HTTP/1.1",
            b"GET /ping/../../../etc/passwd HTTP/1.1",
            b"\0" * 100,
            b"\xff" * 100,
        ),
    ):
        yield Case("first line", _post(length, body, first), Refused(), alone=True)
    # A version that no client sends; to take it for 1.1 does no harm.
    for version in (b"", b" HTTP/0.9", b" HTTP/2.0", b" HTTP/1.0"):
        yield Case("version", _post(length, body, b"POST /invocations" + version), None, alone=True)
    for header in (
        *(
            b"no colon\r\n",
            b": no name\r\n",
            b"a b: c\r\n",
            b"X: a\x00b\r\n",
            b" folded: x\r\n",
            b"X\xff: y\r\n",
        ),
        *(b"X: " + b"a" * 20_000 + b"\r\n", b"X: y\r\n" * 5_000, b"Expect: 200-ok\r\n"),
        *(
            b"Cookie: " + b"\x80" * 500 + b"\r\n",
            b"X-Amzn-SageMaker-Custom-Attributes: " + b"\x1b[31m" + b"\r\n",
        ),
    ):
        yield Case("header", _post(header + length, body), None, alone=True)


def _offers(body: bytes, rows: Predicted) -> Iterator[Case]:
    """Of another protocol, as Java's client makes: https://www.rfc-editor.org/rfc/rfc9110#section-7.8"""
    length = b"Content-Length: %d\r\n" % len(body)
    for offer in (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        b"Upgrade: h2c\r\n",
        b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
    ):
        yield Case("upgrade", _post(offer + length, body), rows, alone=True)


def _chunked(body: bytes, rows: Predicted) -> Iterator[Case]:
    te = b"Transfer-Encoding: chunked\r\n"
    half = len(body) // 2
    for chunks in (
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        b"%X\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (half, body[:half], len(body) - half, body[half:]),
        b"".join(b"1\r\n%b\r\n" % body[at : at + 1] for at in range(len(body))) + b"0\r\n\r\n",
        b"%x;name=value\r\n%b\r\n0\r\n\r\n" % (len(body), body),
        b"%08x\r\n%b\r\n0\r\n\r\n" % (len(body), body),
    ):
        yield Case("chunked", _post(te, chunks), rows, alone=True)
    for chunks in (
        *(
            b"\r\n",
            b"g\r\n",
            b"-1\r\n",
            b"0x5\r\n",
            b"ffffffffffffffff1\r\nx",
            b"7fffffffffffffff\r\nx",
            b" 5\r\n",
        ),
        *(b"5\r\nabc\r\n0\r\n\r\n", b"3\r\nabcdef\r\n0\r\n\r\n", b"3\nabc\n0\n\n", b"+3\r\nabc\r\n0\r\n\r\n"),
        *(
            b"0\r\n\r\n",
            b"3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n",
            b"3;" + b"x" * 40_000 + b"\r\nabc\r\n0\r\n\r\n",
        ),
    ):
        yield Case("broken chunks", _post(te, chunks), Refused(), complete=False, alone=True)


def _truncated(body: bytes) -> Iterator[Case]:
    whole = _post(b"Content-Length: %d\r\n" % len(body), body)
    for share in range(20):
        wire = whole[: len(whole) * share // 20]
        yield Case("truncated", wire, Refused() if wire else None, complete=False, alone=True)
    yield Case(
        "less than its length",
        _post(b"Content-Length: 1000\r\n", body),
        Refused(),
        complete=False,
        alone=True,
    )
    yield Case("type alone", CSV.encode(), Refused(), complete=False, alone=True)
