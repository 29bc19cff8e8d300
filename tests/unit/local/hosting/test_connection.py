"""The HTTP client of the invocation path, on bytes that come in pieces of any size."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.hosting.connection import Response, ResponseParser

bodies = st.binary(max_size=300)
statuses = st.sampled_from([200, 204, 400, 413, 500, 503])


def with_length(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d Some Reason\r\nX-Seen: yes\r\nContent-Length: %d\r\n\r\n%b" % (
        status,
        len(body),
        body,
    )


def chunked(status: int, body: bytes, size: int) -> bytes:
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    head = b"HTTP/1.1 %d OK\r\nTransfer-Encoding: chunked\r\n\r\n" % status
    return head + chunks + b"0\r\nX-Trailer: 1\r\n\r\n"


def read(parser: ResponseParser, data: bytes, cuts: list[int]) -> list[Response]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    answers = []
    for start, end in pairwise(edges):
        if answer := parser.feed(data[start:end]):
            answers.append(answer)
    return answers


@given(st.sampled_from([200, 400, 500]), bodies, st.lists(st.integers(0, 1000)))
def test_an_answer_with_a_length_is_read_from_pieces(status: int, body: bytes, cuts: list[int]) -> None:
    parser = ResponseParser()
    (answer,) = read(parser, with_length(status, body), cuts)
    assert (answer.status, answer.body, answer.headers["x-seen"]) == (status, body, "yes")
    assert parser.fresh


@given(bodies, st.integers(1, 50), st.lists(st.integers(0, 1000)))
def test_a_chunked_answer_is_read_from_pieces(body: bytes, size: int, cuts: list[int]) -> None:
    parser = ResponseParser()
    (answer,) = read(parser, chunked(200, body, size), cuts)
    assert answer.body == body
    assert parser.fresh


@given(bodies, st.lists(st.integers(0, 1000)))
def test_an_answer_without_a_length_ends_with_the_connection(body: bytes, cuts: list[int]) -> None:
    parser = ResponseParser()
    assert read(parser, b"HTTP/1.1 200 OK\r\n\r\n" + body, cuts) == []
    answer = parser.end()
    assert answer is not None
    assert answer.body == body
    assert not parser.fresh


def test_a_connection_is_kept_as_http_says() -> None:
    kept = {
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n": True,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n": False,
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n": False,
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n": True,
    }
    for data, expected in kept.items():
        parser = ResponseParser()
        assert parser.feed(data) is not None
        assert parser.fresh is expected


def test_what_comes_after_the_answer_makes_the_connection_useless() -> None:
    parser = ResponseParser()
    assert parser.feed(with_length(200, b"a") + b"HTTP/1.1 200") is not None
    assert not parser.fresh


def test_an_interim_answer_is_skipped() -> None:
    parser = ResponseParser()
    answer = parser.feed(b"HTTP/1.1 100 Continue\r\n\r\n" + with_length(200, b"x"))
    assert answer is not None
    assert answer.body == b"x"


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_not_http_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        ResponseParser().feed(data)
