"""Data capture: requests and answers as JSON Lines in S3.

Format and path: docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html.
"""

import base64
import json
import random
import uuid
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.hosting.plan import CapturePlan


class Captured(NamedTuple):
    """One request and its answer."""

    endpoint: str
    variant: str
    role: str
    plan: CapturePlan
    time: float
    request_type: str
    request: bytes
    response_type: str
    response: bytes
    custom_attributes: str | None
    inference_id: str | None


def sampled(plan: CapturePlan | None) -> bool:
    """Whether this request is one of those to keep."""
    return plan is not None and (plan.percent >= 100 or random.random() * 100 < plan.percent)  # noqa: S311


def line(captured: Captured) -> str:
    """One line of a capture file."""
    plan = captured.plan
    data = {}
    if "Input" in plan.modes:
        data["endpointInput"] = _side("INPUT", captured.request_type, captured.request, plan)
    if "Output" in plan.modes:
        data["endpointOutput"] = _side("OUTPUT", captured.response_type, captured.response, plan)
    metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
    if captured.custom_attributes:
        metadata["customAttributes"] = [captured.custom_attributes]
    if captured.inference_id:
        metadata["inferenceId"] = captured.inference_id
    metadata["inferenceTime"] = f"{datetime.fromtimestamp(captured.time, UTC):%Y-%m-%dT%H:%M:%SZ}"
    record = {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False)


def _side(mode: str, content_type: str, body: bytes, plan: CapturePlan) -> dict[str, str]:
    """One direction; without a header in CaptureContentTypeHeader that fits, the body is in base64."""
    plain = content_type.partition(";")[0].strip().lower()
    encoding = "CSV" if plain in plan.csv_types else "JSON" if plain in plan.json_types else "BASE64"
    try:
        data = body.decode() if encoding != "BASE64" else base64.b64encode(body).decode()
    except UnicodeDecodeError:
        encoding, data = "BASE64", base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


class Recorder:
    """Collects in the event loop; a thread writes one file per variant and hour at a time."""

    def __init__(self, client: Callable[[str], Any], complain: Callable[[Captured, str], None]) -> None:
        self._client = client
        self._complain = complain
        self._waiting: deque[Captured] = deque()
        self.record = self._waiting.append

    def flush(self) -> None:
        """Write everything recorded so far; what cannot be written is dropped with a line in the log."""
        files: dict[tuple[str, str, str, CapturePlan], list[Captured]] = {}
        while self._waiting:
            captured = self._waiting.popleft()
            hour = f"{datetime.fromtimestamp(captured.time, UTC):%Y/%m/%d/%H}"
            files.setdefault((captured.endpoint, captured.variant, hour, captured.plan), []).append(captured)
        for (endpoint, variant, hour, plan), lines in files.items():
            self._write(f"{endpoint}/{variant}/{hour}", plan, lines)

    def _write(self, path: str, plan: CapturePlan, lines: list[Captured]) -> None:
        parts = urlsplit(plan.destination)
        moment = datetime.fromtimestamp(lines[0].time, UTC)
        name = f"{moment:%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
        key = "/".join(filter(None, (parts.path.strip("/"), path, name)))
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": plan.kms_key} if plan.kms_key else {}
        body = "".join(line(captured) + "\n" for captured in lines).encode()
        try:
            self._client(lines[0].role).put_object(Bucket=parts.netloc, Key=key, Body=body, **encryption)
        except (ClientError, BotoCoreError) as error:
            self._complain(lines[0], f"Data capture lost {len(lines)} requests: {error}")
