"""InvokeEndpointAsync beside InvokeEndpoint: authenticated and authorised as all else."""

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from local.adapter.callers import Callers, Refused
from local.adapter.exchange import CallerGone, Receive, Send, answer, fail, headers_of, read
from local.adapter.runtime import Runtime

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
        try:
            body = await read(receive, _MAX_BODY)
        except CallerGone:
            return
        if found is None or body is None:
            message = "The request is larger than InvokeEndpointAsync allows, or names no endpoint."
            await fail(send, 400, "ValidationError", message)
            return
        headers = headers_of(scope)
        try:
            # Nothing is kept: these calls are few, and each is decided by what holds now.
            self._callers.forget()
            self._callers.check(scope, headers, body, found[1])
        except Refused as error:
            await fail(send, error.status, error.code, str(error))
            return
        result = await asyncio.to_thread(self._accept, found[1], headers, body)
        await answer(send, result.status, result.headers, result.body)
