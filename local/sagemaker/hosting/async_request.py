"""InvokeEndpointAsync: what a request may say, and what it is answered.

docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

import json
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.model import StructureShape

from local.errors import ApiError
from local.model import check_input, operation_model
from local.sagemaker.hosting.backlog import AsyncRequest
from local.sagemaker.hosting.invoke import InvocationFailed, InvokeResult
from local.sagemaker.hosting.plan import AsyncPlan

OPERATION = "InvokeEndpointAsync"
_TTL_SECONDS, _TIMEOUT_SECONDS = 21_600, 900
_PASSED = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}


def read(
    endpoint: str, plan: AsyncPlan, headers: Mapping[str, str], body: bytes, speed: float
) -> AsyncRequest:
    """The request of an HTTP call, header names in lower case; InvocationFailed if AWS would refuse it.

    The time in the queue passes as fast as all waits of AWS; the container's time is the container's own.
    """
    params = _checked(endpoint, headers, body)
    if "InputLocation" in params and body:
        raise InvocationFailed("ValidationError", "Give either InputLocation or Body, not both.", 400)
    if "InputLocation" not in params and not body:
        raise InvocationFailed("ValidationError", "InputLocation or Body is required.", 400)
    inference_id = params.setdefault("InferenceId", str(uuid.uuid4()))
    received = time.time()
    name, extension = params.get("Filename"), params.get("S3OutputPathExtension", "")
    unique = str(uuid.uuid4())
    return AsyncRequest(
        endpoint=endpoint,
        inference_id=inference_id,
        input=params.get("InputLocation"),
        output=_place(plan.output, extension, name or f"{unique}.out"),
        failure=plan.failure and _place(plan.failure, extension, name or f"{unique}-error.out"),
        headers={header: params[member] for member, header in _PASSED.items() if member in params},
        timeout=float(params.get("InvocationTimeoutSeconds", _TIMEOUT_SECONDS)),
        received=received,
        expires=received + params.get("RequestTTLSeconds", _TTL_SECONDS) / speed,
    )


def accepted(request: AsyncRequest) -> InvokeResult:
    """The answer 202."""
    headers = {
        "Content-Type": "application/json",
        "X-Amzn-SageMaker-OutputLocation": request.output,
    }
    if request.failure:
        headers["X-Amzn-SageMaker-FailureLocation"] = request.failure
    return InvokeResult(202, headers, json.dumps({"InferenceId": request.inference_id}).encode())


def _place(prefix: str, extension: str, name: str) -> str:
    return "/".join(
        part.strip("/") if part is not prefix else part.rstrip("/")
        for part in (prefix, extension, name)
        if part
    )


def _checked(endpoint: str, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    params: dict[str, Any] = {"EndpointName": endpoint}
    for header, (member, kind) in _members().items():
        if (value := headers.get(header)) is None:
            continue
        if kind == "integer":
            if not value.removeprefix("-").isdecimal():
                raise InvocationFailed("ValidationError", f"{member} must be a number of seconds.", 400)
            params[member] = int(value)
        else:
            if not value.isprintable():
                raise InvocationFailed("ValidationError", f"{member} has a control character.", 400)
            params[member] = value
    if body:
        params["Body"] = body
    try:
        return check_input("sagemaker-runtime", OPERATION, params)
    except ApiError as error:
        raise InvocationFailed("ValidationError", error.message, 400) from None


@cache
def _members() -> Mapping[str, tuple[str, str]]:
    """Header of the request, in lower case: the member that it holds, and its type."""
    shape = operation_model("sagemaker-runtime", OPERATION).input_shape
    members = shape.members if isinstance(shape, StructureShape) else {}
    return {
        member.serialization["name"].lower(): (name, member.type_name)
        for name, member in members.items()
        if member.serialization.get("location") == "header"
    }
