"""InvokeEndpoint: one request through to a container and its answer back, in the event loop of the server."""

import asyncio
import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from local.sagemaker.context import Context
from local.sagemaker.hosting.capture import Captured, Recorder, sampled
from local.sagemaker.hosting.connection import MAX_BODY, ConnectionBroken, Response
from local.sagemaker.hosting.instance import PORT, Instance
from local.sagemaker.hosting.live import LiveEndpoint
from local.sagemaker.hosting.metrics import Meter, Sample
from local.sagemaker.hosting.routing import Slot

INVOCATION_SECONDS = 60.0
"""docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html"""
_INSTANCES_TRIED = 2
_CUSTOM_ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
_INFERENCE_ID = "x-amzn-sagemaker-inference-id"
_TARGET_VARIANT = "x-amzn-sagemaker-target-variant"
# "SageMaker strips all POST headers except those supported by the API" (InvokeEndpoint).
_PASSED = ("content-type", "accept", _CUSTOM_ATTRIBUTES, _INFERENCE_ID)
_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency "
    "metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


@dataclass(frozen=True)
class InvokeResult:
    """The HTTP answer of the runtime API."""

    status: int
    headers: dict[str, str]
    body: bytes


class InvocationFailed(Exception):
    """An answer other than success: AWS's code, message and status, and what else the body holds."""

    def __init__(self, code: str, message: str, status: int, **members: str | int) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.members = members

    def result(self) -> InvokeResult:
        """The HTTP answer (REST JSON, as botocore reads it)."""
        body = json.dumps({"Message": str(self), **self.members}).encode()
        return InvokeResult(
            self.status, {"Content-Type": "application/json", "x-amzn-ErrorType": self.code}, body
        )


@dataclass
class _Call:
    """A request on its way."""

    live: LiveEndpoint
    headers: Mapping[str, str]
    body: bytes
    started: float = field(default_factory=time.perf_counter)


class Invoker:
    """Answers InvokeEndpoint; `invoke` belongs to one event loop."""

    def __init__(
        self, context: Context, live: Mapping[str, LiveEndpoint], meter: Meter, recorder: Recorder
    ) -> None:
        self._context = context
        self._live = live
        self._meter = meter
        self._recorder = recorder
        self._connecting = ThreadPoolExecutor(8, "endpoint-connect")

    async def invoke(self, endpoint: str, headers: Mapping[str, str], body: bytes) -> InvokeResult:
        """Send the body to an instance of the endpoint; never raises for what went wrong on the way.

        Header names are in lower case.
        """
        try:
            live = self._live.get(endpoint)
            if live is None:
                raise _not_found(endpoint, self._context.host.account)
            if len(body) > MAX_BODY:
                raise InvocationFailed("ValidationError", f"The body is larger than {MAX_BODY} bytes.", 413)
            return await self._send(_Call(live, headers, body))
        except InvocationFailed as failure:
            return failure.result()

    async def _send(self, call: _Call) -> InvokeResult:
        request = _request(call)
        tried: list[Instance] = []
        slot, instance = self._pick(call)
        for _ in range(_INSTANCES_TRIED):
            begun = time.perf_counter()
            instance.outstanding += 1
            try:
                async with asyncio.timeout(INVOCATION_SECONDS):
                    response = await instance.exchange(request, self._connecting)
                return self._answered(call, slot, begun, response)
            except ConnectionBroken:
                instance.usable = instance.usable and instance.alive
            except TimeoutError:
                self._record(call, slot, begun, 500)
                raise self._model_error(call.live, 0, _TIMED_OUT) from None
            finally:
                instance.outstanding -= 1
            tried.append(instance)
            if (other := call.live.routing.pick(call.headers.get(_TARGET_VARIANT), tried)) is None:
                break
            slot, instance = other
        self._record(call, slot, begun, 500)
        message = "The container closed the connection before it had answered."
        raise self._model_error(call.live, 500, message)

    def _pick(self, call: _Call) -> tuple[Slot[Instance], Instance]:
        routing, target = call.live.routing, call.headers.get(_TARGET_VARIANT)
        picked = routing.pick(target)
        if picked is None:
            if call.live.blue is None:
                raise _not_found(call.live.name, self._context.host.account)
            if target and not routing.has_variant(target):
                raise InvocationFailed(
                    "ValidationError", f"Variant {target} not found for endpoint {call.live.name}.", 400
                )
            raise InvocationFailed(
                "ServiceUnavailable",
                f"No instance of endpoint {call.live.name} is in service at the moment; try again.",
                503,
            )
        slot = picked[0]
        if slot.variant.concurrency and slot.outstanding >= slot.variant.concurrency:
            message = (
                f"The serverless endpoint runs {slot.variant.concurrency} requests already (MaxConcurrency)."
            )
            raise InvocationFailed("ThrottlingException", message, 429)
        return picked

    def _answered(self, call: _Call, slot: Slot[Instance], begun: float, response: Response) -> InvokeResult:
        self._record(call, slot, begun, response.status)
        if response.status >= 300:
            text = response.body.decode(errors="replace")
            raise self._model_error(call.live, response.status, text)
        headers = {"x-Amzn-Invoked-Production-Variant": slot.variant.name}
        response_type = response.headers.get("content-type", "application/octet-stream")
        headers["Content-Type"] = response_type
        if attributes := response.headers.get(_CUSTOM_ATTRIBUTES):
            headers["X-Amzn-SageMaker-Custom-Attributes"] = attributes
        if slot.capture and sampled(slot.capture):
            self._recorder.record(
                Captured(
                    endpoint=call.live.name,
                    variant=slot.variant.name,
                    role=slot.variant.role,
                    plan=slot.capture,
                    time=time.time(),
                    request_type=call.headers.get("content-type", "application/octet-stream"),
                    request=call.body,
                    response_type=response_type,
                    response=response.body,
                    custom_attributes=call.headers.get(_CUSTOM_ATTRIBUTES),
                    inference_id=call.headers.get(_INFERENCE_ID),
                )
            )
        return InvokeResult(200, headers, response.body)

    def _record(self, call: _Call, slot: Slot[Instance], begun: float, status: int) -> None:
        end = time.perf_counter()
        self._meter.record(
            Sample(
                call.live.name,
                slot.config,
                slot.variant.name,
                len(slot.instances),
                status,
                (end - begun) * 1e6,
                (begun - call.started) * 1e6,
            )
        )

    def _model_error(self, live: LiveEndpoint, status: int, text: str) -> InvocationFailed:
        host = self._context.host
        group = live.launcher.log_group
        side = "client" if 400 <= status < 500 else "server"
        return InvocationFailed(
            "ModelError",
            f'Received {side} error ({status}) from primary with message "{text}". See https://{host.region}.'
            f"console.aws.amazon.com/cloudwatch/home?region={host.region}#logEventViewer:group={group} in "
            f"account {host.account} for more information.",
            424,
            OriginalStatusCode=status,
            OriginalMessage=text,
            LogStreamArn=f"arn:aws:logs:{host.region}:{host.account}:log-group:{group}",
        )

    def close(self) -> None:
        """Let the threads end."""
        self._connecting.shutdown(wait=False)


def _request(call: _Call) -> bytes:
    """The request to the container, as bytes."""
    lines = ["POST /invocations HTTP/1.1", f"Host: 127.0.0.1:{PORT}"]
    for name in _PASSED:
        if value := call.headers.get(name):
            if not value.isprintable():
                raise InvocationFailed("ValidationError", f"The header {name} has a control character.", 400)
            lines.append(f"{name}: {value}")
    lines.append(f"Content-Length: {len(call.body)}\r\n\r\n")
    try:
        return "\r\n".join(lines).encode("latin-1") + call.body
    except UnicodeEncodeError:
        raise InvocationFailed("ValidationError", "A header has a character beyond Latin-1.", 400) from None


def _not_found(endpoint: str, account: str) -> InvocationFailed:
    return InvocationFailed("ValidationError", f"Endpoint {endpoint} of account {account} not found.", 400)
