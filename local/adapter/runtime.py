"""The SageMaker runtime (InvokeEndpoint): authenticated and authorised as all else, on a short path.

Every prediction comes this way, so it goes around ministack's router but not around its checks.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from local.adapter import authorization, seams
from local.host import AccessDenied

_INVOCATION = re.compile(r"/endpoints/([^/]+)/invocations")
MAX_BODY = 25 * 1024 * 1024
"""docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints.html: payloads of up to 25 MB"""
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Runtime:
    """Answers `POST /endpoints/NAME/invocations`."""

    def __init__(self, invoke: Any, account: str) -> None:
        self._invoke = invoke
        self._account = account

    @staticmethod
    def answers(scope: Mapping[str, Any]) -> bool:
        """Tell whether this request is one for the runtime."""
        path: str = scope["path"]
        return scope["method"] == "POST" and path.startswith("/endpoints/")

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer a request."""
        found = _INVOCATION.fullmatch(scope["path"])
        body = await _body(receive)
        if found is None:
            await _fail(send, 404, "UnknownOperationException", f"No operation at {scope['path']}.")
        elif body is None:
            await _fail(send, 413, "ValidationError", f"The body is larger than {MAX_BODY} bytes.")
        else:
            headers = {n.decode("latin-1").lower(): v.decode("latin-1") for n, v in scope["headers"]}
            try:
                self._authorize(scope, headers, body, found[1])
            except AccessDenied as error:
                await _fail(send, 403, "AccessDeniedException", str(error))
                return
            answer = await self._invoke(found[1], headers, body)
            await _answer(send, answer.status, answer.headers, answer.body)

    def _authorize(
        self, scope: Mapping[str, Any], headers: Mapping[str, str], body: bytes, endpoint: str
    ) -> None:
        """Raise AccessDenied unless the request is signed, and its caller may invoke the endpoint."""
        query = parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True)
        access_key = seams.router.extract_access_key_id(headers, query)
        seams.responses.set_request_account_id(access_key)
        region = seams.router.extract_region(headers, query)
        seams.responses.set_request_region(region)
        seams.iam_evaluator.pin_request_origin("127.0.0.1", True)
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        seams.iam_evaluator.pin_signed_request("POST", raw_path, query, scope["headers"])
        seams.iam_evaluator.pin_signed_body(body)
        arn = f"arn:aws:sagemaker:{region}:{self._account}:endpoint/{endpoint}"
        authorization.enforce(access_key, "sagemaker:InvokeEndpoint", arn, region)


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too large."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts) if size <= MAX_BODY else None


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
