"""The alarms of a project that are in ALARM."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cli.projects import Project

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Alarm:
    """An alarm that fires: what it watches, and what CloudWatch saw."""

    name: str
    description: str
    reason: str
    since: datetime | None


def firing(session: "boto3.Session", project: Project, others: Iterable[str]) -> list[Alarm]:
    """The project's alarms in ALARM; `others` are the names of all projects, of which some begin alike."""
    longer = tuple(f"{name}-" for name in others if name.startswith(f"{project.name}-"))
    pages = (
        session.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=f"{project.name}-", StateValue="ALARM")
    )
    return [
        Alarm(
            name=each["AlarmName"],
            description=each.get("AlarmDescription", ""),
            reason=each.get("StateReason", ""),
            since=each.get("StateUpdatedTimestamp"),
        )
        for page in pages
        for each in page.get("MetricAlarms", [])
        if each.get("StateValue") == "ALARM" and not each["AlarmName"].startswith(longer)
    ]
