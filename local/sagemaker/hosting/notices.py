"""What an asynchronous endpoint tells its SNS topics.

docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html; a failure has
`failureReason` instead of the response's place, or beside it where S3FailurePath keeps what the model said.
"""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from local.sagemaker.hosting.backlog import AsyncRequest

_MAX_INCLUDED = 128 * 1024
"""Bytes of a response that a notice may include.

docs.aws.amazon.com/sagemaker/latest/APIReference/API_AsyncInferenceNotificationConfig.html
"""


def notice(
    request: AsyncRequest,
    region: str,
    moment: float,
    *,
    place: str | None,
    content_type: str | None,
    failure: str | None = None,
    included: bytes | None = None,
) -> str:
    """The message: where the response lies, or why there is none, and the response if it is included."""
    asked = {
        "accept": request.headers.get("Accept"),
        "contentType": request.headers.get("Content-Type"),
        "customAttributes": request.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
        "endpointName": request.endpoint,
        "inputLocation": request.input,
    }
    message: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _iso(moment),
        "receivedTime": _iso(request.received),
        "invocationStatus": "Failed" if failure else "Completed",
    }
    if failure:
        message["failureReason"] = failure
    message["requestParameters"] = {key: value for key, value in asked.items() if value is not None}
    if place:
        message["responseParameters"] = {"contentType": content_type, "outputLocation": place}
    if included is not None and len(included) <= _MAX_INCLUDED:
        message["responseBody"] = {"content": base64.b64encode(included).decode(), "encoding": "BASE64"}
    message |= {
        "inferenceId": request.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return json.dumps(message, separators=(",", ":"))


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
