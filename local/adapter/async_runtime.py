"""InvokeEndpointAsync beside InvokeEndpoint: authenticated and authorised as all else."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.adapter import seams
from local.adapter.callers import Callers, Refused
from local.adapter.runtime import Receive, Runtime, Send

_INVOCATION = re.compile(r"/endpoints/([^/]+)/async-invocations")
_MAX_BODY = 128_000
"""Bytes that a request may bring itself (…/latest/APIReference/API_runtime_InvokeEndpointAsync.html)."""
Accept = Callable[[str, Mapping[str, str], bytes], Any]


class Runtimes:
    """Answers `POST /endpoints/NAME/async-invocations`, and leaves the rest to the synchronous runtime."""

    def __init__(self, accept: Accept, synchronous: Runtime, account: str) -> None:
        self._accept = accept
        self._synchronous = synchronous
        self._callers = Callers(account, "sagemaker:InvokeEndpointAsync")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        if not scope["path"].endswith("/async-invocations"):
            await self._synchronous(scope, receive, send)
            return
        found = _INVOCATION.fullmatch(scope["path"])
        body = await _body(receive)
        if found is None or body is None:
            message = "The request is larger than InvokeEndpointAsync allows, or names no endpoint."
            await _fail(send, 400, "ValidationError", message)
            return
        headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
        try:
            # Nothing is kept: these calls are few, and each is decided by what holds now.
            self._callers.forget()
            self._callers.check(scope, headers, body, found[1])
        except Refused as error:
            await _fail(send, error.status, error.code, str(error))
            return
        result = await asyncio.to_thread(self._accept, found[1], headers, body)
        await _answer(send, result.status, result.headers, result.body)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= _MAX_BODY:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts) if size <= _MAX_BODY else None


async def _answer(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw += [
        (b"content-length", str(len(body)).encode()),
        (b"x-amzn-requestid", seams.responses.new_uuid().encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def _fail(send: Send, status: int, code: str, message: str) -> None:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    await _answer(send, status, headers, json.dumps({"Message": message}).encode())
