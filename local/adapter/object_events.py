"""S3's events as EventBridge gets them from AWS, the object's version included.

docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import contextvars
import json
from typing import Any

from local.adapter import seams

_version: contextvars.ContextVar[str | None] = contextvars.ContextVar("version", default=None)


def install() -> None:
    """Complete the detail of the events that ministack makes."""
    fire, dispatch = seams.s3._fire_s3_event, seams.eventbridge._dispatch_event

    def fire_with_version(*arguments: Any, version_id: str | None = None, **options: Any) -> None:
        _version.set(version_id)
        fire(*arguments, version_id=version_id, **options)

    def dispatch_complete(event: dict[str, Any], *rest: Any) -> None:
        version = _version.get()
        if event.get("Source") == "aws.s3":
            detail = json.loads(event["Detail"])
            detail.pop("event-version", None)
            if version not in (None, "null"):
                detail["object"].setdefault("version-id", version)
            event = event | {"Detail": json.dumps(detail)}
        dispatch(event, *rest)

    seams.s3._fire_s3_event = fire_with_version
    seams.eventbridge._dispatch_event = dispatch_complete
