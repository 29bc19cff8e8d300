"""The details of events: what Describe shows, with times as the events of AWS have them.

Source of the forms: docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from local.model import shape_output
from local.sagemaker.store import Record


def iso(seconds: float) -> str:
    """A time as pipelines and the model registry write it, say 2021-03-15T16:03:13Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def milliseconds(seconds: float) -> int:
    """A time as jobs, endpoints and notebooks write it."""
    return round(seconds * 1000)


def detail(describe: str, record: Record, moment: Callable[[float], Any]) -> Record:
    """The answer of a Describe operation about the record, as the detail of an event."""
    described = shape_output("sagemaker", describe, record)
    for private in ("CreatedBy", "LastModifiedBy"):
        described.pop(private, None)
    converted: Record = _converted(described, moment)
    return converted


def _converted(value: Any, moment: Callable[[float], Any]) -> Any:
    if isinstance(value, dict):
        return {
            key: moment(item)
            if isinstance(item, int | float) and key.endswith(("Time", "Timestamp"))
            else _converted(item, moment)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_converted(item, moment) for item in value]
    return value
