"""The body of a request: whole, too large, or broken off."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.adapter.exchange import CallerGone, answer, read


def received(*messages: dict[str, Any], most: int = 10) -> bytes | None:
    left = list(messages)

    async def receive() -> dict[str, Any]:
        return left.pop(0)

    found = asyncio.run(read(receive, most))
    assert not left, "the rest of the request would be taken for the next one"
    return found


def parts(chunks: Sequence[bytes]) -> list[dict[str, Any]]:
    last = len(chunks) - 1
    return [{"type": "http.request", "body": c, "more_body": i < last} for i, c in enumerate(chunks)]


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=5))
def test_a_body_is_whole_or_too_large(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert received(*parts(chunks)) == (whole if len(whole) <= 10 else None)


def test_a_request_that_breaks_off_is_none() -> None:
    with pytest.raises(CallerGone):
        received({"type": "http.request", "body": b"1,2", "more_body": True}, {"type": "http.disconnect"})


def test_an_answer_tells_its_length() -> None:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(answer(send, 200, {"Content-Type": "text/csv"}, b"0.5"))
    head, body = sent
    headers = dict(head["headers"])
    assert (head["status"], body["body"]) == (200, b"0.5")
    assert headers[b"content-length"] == b"3"
    assert headers[b"Content-Type"] == b"text/csv"
    assert {b"x-amzn-requestid", b"date"} <= headers.keys()
