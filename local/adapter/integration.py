"""A REST API's AWS integration with the SageMaker runtime: the API calls an endpoint with a role of its own.

docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-integration-settings.html
"""

import asyncio
import binascii
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local.adapter import authorization, payloads, seams, templates
from local.host import AccessDenied

API_GATEWAY = "apigateway.amazonaws.com"
RUNTIME = "runtime.sagemaker"
TIMEOUT_SECONDS = 29.0
# docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
MAX_BODY = 10 * 1024 * 1024
_ENDPOINT = re.compile(r"/?endpoints/([^/]+)/invocations")
_SOURCES = {"header": "headers", "querystring": "query", "path": "path"}
Response = tuple[int, dict[str, str], bytes]


class Answer(Protocol):
    """What an endpoint answers."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def body(self) -> bytes:
        """The body."""


Invoke = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]


@dataclass(frozen=True)
class Request:
    """The call of the API as mappings and templates see it; header names in lower case."""

    headers: Mapping[str, str]
    query: Mapping[str, str]
    path: Mapping[str, str]
    body: bytes
    context: Mapping[str, Any]
    binary_types: Sequence[str] = ()

    def is_binary(self, media_type: str) -> bool:
        """Whether the API takes a body of this type for binary."""
        return bool(seams.apigateway._media_type_matches(media_type, self.binary_types))

    def parameters(self) -> dict[str, str]:
        """What $input.params() finds: path before query string before headers."""
        return {**self.headers, **self.query, **self.path}

    def source(self, expression: str) -> str | None:
        """The value of `method.request.header.X`, of a literal in quotes, or of `context.X`."""
        if expression.startswith("'"):
            return expression.strip("'")
        if expression.startswith("context."):
            value = self.context.get(expression.removeprefix("context."))
            return None if value is None else str(value)
        _, _, place, name = [*expression.split(".", 3), "", "", ""][:4]
        values: Mapping[str, str] = getattr(self, _SOURCES.get(place, "path"))
        return values.get(name.lower() if place == "header" else name)


def install(invoke: Invoke) -> None:
    """Let AWS integrations with runtime.sagemaker reach our endpoints."""
    templates.install()
    before = seams.apigateway._invoke_lambda_custom_v1

    async def integrate(
        integration: Mapping[str, Any],
        api_id: str,
        stage_name: str,
        stage: Any,
        resource: Mapping[str, Any],
        path: str,
        method: str,
        headers: Mapping[str, str],
        body: bytes,
        query_params: Mapping[str, Any],
        path_params: Mapping[str, str] | None,
        **options: Any,
    ) -> Any:
        uri = seams.apigateway._parse_service_integration_uri(integration.get("uri", ""))
        if not uri or uri[1] != RUNTIME:
            return await before(
                integration, api_id, stage_name, stage, resource, path, method, headers, body,
                query_params, path_params, **options,
            )  # fmt: skip
        identity = options.get("caller_identity") or {}
        context = {
            "apiId": api_id,
            "stage": stage_name,
            "httpMethod": method,
            "resourcePath": resource["path"],
            "requestId": seams.responses.new_uuid(),
            "identity": {key: identity.get(key) for key in ("userArn", "accountId", "user")},
        }
        query = {k: v[0] if isinstance(v, list) else v for k, v in (query_params or {}).items()}
        request = Request(
            {k.lower(): v for k, v in headers.items()},
            query,
            path_params or {},
            body,
            context,
            options.get("binary_media_types") or (),
        )
        answer = await _call(integration, uri[3], request, invoke)
        if isinstance(answer, tuple):
            # The id that templates know is that of the answer, too.
            answer[1]["x-amzn-requestid"] = context["requestId"]
        return answer

    seams.apigateway._invoke_lambda_custom_v1 = integrate


async def _call(integration: Mapping[str, Any], path: str, request: Request, invoke: Invoke) -> Any:
    """The response, or an error that API Gateway answers with its gateway response."""
    if len(request.body) > MAX_BODY:
        return seams.apigateway._gw_error("REQUEST_TOO_LARGE", "Request too large")
    endpoint = _ENDPOINT.fullmatch(path)
    if endpoint is None:
        return _message(500, f"The embedded API Gateway does not know the integration path {path}.")
    try:
        _authorize(integration.get("credentials") or "", endpoint[1])
        body, overrides = _request_body(integration, request)
    except AccessDenied as error:
        return _respond(integration, request, 403, {}, json.dumps({"Message": str(error)}).encode())
    except templates.UnknownTemplate as error:
        return _message(500, str(error))
    except binascii.Error:
        return _message(500, "Internal server error")
    if body is None:
        return seams.apigateway._gw_error("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type")
    headers = {"content-type": "application/json", "accept": "application/json"}
    for target, source in (integration.get("requestParameters") or {}).items():
        name = target.removeprefix("integration.request.header.")
        if name != target and (value := request.source(source)) is not None:
            headers[name.lower()] = value
    headers |= {
        k.removeprefix("header.").lower(): str(v) for k, v in overrides.items() if k.startswith("header.")
    }
    timeout = min(float(integration.get("timeoutInMillis") or 29_000) / 1000, TIMEOUT_SECONDS)
    try:
        answer = await asyncio.wait_for(invoke(endpoint[1], headers, body), timeout)
    except TimeoutError:
        return seams.apigateway._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")
    return _respond(integration, request, answer.status, answer.headers, answer.body)


def _authorize(role_arn: str, endpoint: str) -> None:
    """Raise AccessDenied unless API Gateway may take the role and the role may invoke the endpoint."""
    region, account = seams.responses.get_region(), seams.responses.get_account_id()
    arn = f"arn:aws:sagemaker:{region}:{account}:endpoint/{endpoint}"
    authorization.require(role_arn, API_GATEWAY, "sagemaker:InvokeEndpoint", arn)


def _request_body(integration: Mapping[str, Any], request: Request) -> tuple[bytes | None, dict[str, Any]]:
    """The body for the endpoint; None where the integration passes no such content type."""
    mapped = {_media(k): v for k, v in (integration.get("requestTemplates") or {}).items()}
    media = _media(request.headers.get("content-type", "application/json"))
    body = payloads.taken(request.body, integration.get("contentHandling"), binary=request.is_binary(media))
    template = mapped.get(media)
    if template is not None:
        text = body.decode("utf-8", "replace")
        rendered, overrides = templates.render(template, text, request.parameters(), request.context)
        return rendered.encode(), overrides
    behavior = (integration.get("passthroughBehavior") or "WHEN_NO_MATCH").upper()
    passes = behavior == "WHEN_NO_MATCH" or (behavior == "WHEN_NO_TEMPLATES" and not mapped)
    return (body if passes else None), {}


def _respond(
    integration: Mapping[str, Any],
    request: Request,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
) -> Response:
    """Map the endpoint's answer through the integration responses."""
    selected = seams.apigateway._select_service_integration_response(integration, status)
    if selected is None:
        return _message(500, "Internal server error")
    lower = {name.lower(): value for name, value in headers.items()}
    out = {"Content-Type": "application/json"}
    code = int(selected.get("statusCode") or status)
    mapped = selected.get("responseTemplates") or {}
    accept = _media(request.headers.get("accept", "application/json"))
    media = accept if accept in mapped else next(iter(mapped), None)
    if media is not None and mapped[media]:
        text = body.decode("utf-8", "replace")
        try:
            rendered, overrides = templates.render(mapped[media], text, {}, request.context)
        except (templates.UnknownTemplate, ValueError) as error:
            return _message(500, f"Internal server error: {error}")
        body, out["Content-Type"] = rendered.encode(), media
        code = int(overrides.get("status", code))
    else:
        overrides = {}
    try:
        body = payloads.given(
            body,
            selected.get("contentHandling"),
            # What a template has made is text.
            binary=media is None and request.is_binary(lower.get("content-type", "")),
            accepts_binary=request.is_binary(request.headers.get("accept", "").split(",", 1)[0]),
        )
    except binascii.Error:
        return _message(500, "Internal server error")
    for target, source in (selected.get("responseParameters") or {}).items():
        if (value := _response_value(source, lower, request)) is not None:
            out[_header(target.removeprefix("method.response.header."))] = value
    for name, value in overrides.items():
        if name.startswith("header."):
            out[_header(name.removeprefix("header."))] = str(value)
    return code, out, body


def _header(name: str) -> str:
    return "Content-Type" if name.lower() == "content-type" else name


def _response_value(source: Any, headers: Mapping[str, str], request: Request) -> str | None:
    """The value of `integration.response.header.X`, of a literal in quotes, or of `context.X`."""
    if not isinstance(source, str):
        return None
    name = source.removeprefix("integration.response.header.")
    return headers.get(name.lower()) if name != source else request.source(source)


def _media(content_type: str) -> str:
    return content_type.split(",", 1)[0].split(";", 1)[0].strip().lower()


def _message(status: int, text: str) -> Response:
    return status, {"Content-Type": "application/json"}, json.dumps({"message": text}).encode()
