"""The SageMaker runtime (InvokeEndpoint): authenticated and authorised as all else, on a short path.

Every prediction comes this way, so it goes around ministack's router but not around its checks.
"""

import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from local.adapter.callers import Callers, Refused

_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")
MAX_BODY = 25 * 1024 * 1024
"""docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints.html: payloads of up to 25 MB"""
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Runtime:
    """Answers `POST /endpoints/NAME/invocations`."""

    def __init__(self, invoke: Any, callers: Callers) -> None:
        self._invoke = invoke
        self.callers = callers

    @staticmethod
    def answers(scope: Mapping[str, Any]) -> bool:
        """Tell whether this request is one for the runtime."""
        path: str = scope["path"]
        return scope["method"] == "POST" and path.startswith("/endpoints/")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        found = _INVOCATION.fullmatch(scope["path"])
        try:
            body = await _body(receive)
        except _CallerGone:
            return
        if found is None:
            await _fail(send, 404, "UnknownOperationException", f"No operation at {scope['path']}.")
        elif body is None:
            await _fail(send, 413, "ValidationError", f"The body is larger than {MAX_BODY} bytes.")
        else:
            headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
            try:
                self.callers.check(scope, headers, body, found[1])
            except Refused as error:
                await _fail(send, error.status, error.code, str(error))
                return
            answer = await self._invoke(found[1], headers, body)
            await _answer(send, answer.status, answer.headers, answer.body)


class _CallerGone(Exception):
    """The caller went away before it had sent its whole request."""


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large. Raises _CallerGone."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _CallerGone
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts) if size <= MAX_BODY else None


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw += [
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        (b"date", _date(int(time.time()))),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


@lru_cache(maxsize=4)
def _date(seconds: int) -> bytes:
    return formatdate(seconds, usegmt=True).encode()


async def _fail(send: Send, status: int, code: str, message: str) -> None:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    await _answer(send, status, headers, json.dumps({"Message": message}).encode())
