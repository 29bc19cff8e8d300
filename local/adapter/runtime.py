"""The SageMaker runtime (InvokeEndpoint): authenticated and authorised as all else, on a short path.

Every prediction comes this way, so it goes around ministack's router but not around its checks.
"""

import re
from collections.abc import Mapping
from typing import Any

from local.adapter.callers import Callers, Refused
from local.adapter.exchange import CallerGone, Receive, Send, answer, fail, headers_of, read

_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")
MAX_BODY = 25 * 1024 * 1024
"""docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints.html: payloads of up to 25 MB"""


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
            body = await read(receive, MAX_BODY)
        except CallerGone:
            return
        if found is None:
            await fail(send, 404, "UnknownOperationException", f"No operation at {scope['path']}.")
        elif body is None:
            await fail(send, 413, "ValidationError", f"The body is larger than {MAX_BODY} bytes.")
        else:
            headers = headers_of(scope)
            try:
                self.callers.check(scope, headers, body, found[1])
            except Refused as error:
                await fail(send, error.status, error.code, str(error))
                return
            result = await self._invoke(found[1], headers, body)
            await answer(send, result.status, result.headers, result.body)
