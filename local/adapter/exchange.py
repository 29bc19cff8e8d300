"""One exchange over ASGI: the body of a request, read whole, and an answer as AWS sends it."""

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class CallerGone(Exception):
    """The caller went away before it had sent its whole request."""


async def read(receive: Receive, most: int) -> bytes | None:
    """The whole body; None when it has more than so many bytes. Raises CallerGone."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= most:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts) if size <= most else None


def headers_of(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers of a request, their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Send an answer with the headers that every one of AWS's has."""
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw += [
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        (b"date", _date(int(time.time()))),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def fail(send: Send, status: int, code: str, message: str) -> None:
    """Answer with an error of AWS's."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    await answer(send, status, headers, json.dumps({"Message": message}).encode())


@lru_cache(maxsize=4)
def _date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()
