"""The requests for training that no run covers yet, as retraining has counted them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.projects import Project

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Cause:
    """A kind of request (data, schedule, drift, quality, manual, replay), its reason, and who made it."""

    kind: str
    reason: str
    who: str


@dataclass(frozen=True)
class Waiting:
    """How many requests wait for their run, the first of their causes, and why the run does not start.

    `why` is empty where nothing but quiet, a cooldown or the run before is waited for. `inputs` is the
    manifest of the run that was last decided on, empty before the first.
    """

    requests: int
    causes: tuple[Cause, ...] = ()
    why: str = ""
    inputs: str = ""


def read(session: "boto3.Session", project: Project) -> Waiting | None:
    """What waits in a project; None where its retraining is not deployed."""
    table, pipeline = project.find("retraining", "TableName"), project.find("training", "PipelineName")
    if table is None or pipeline is None:
        return None
    item: dict[str, Any] = (
        session.client("dynamodb")
        .get_item(TableName=table, Key={"pipeline": {"S": pipeline}}, ConsistentRead=True)
        .get("Item", {})
    )
    requested, covered = (int(item.get(name, {}).get("N", "0")) for name in ("requested", "covered"))
    causes = [each["M"] for each in item.get("causes", {}).get("L", [])]
    return Waiting(
        requests=requested - covered,
        causes=tuple(Cause(*(each[name]["S"] for name in ("kind", "reason", "who"))) for each in causes),
        why=item.get("waits", {}).get("S", ""),
        inputs=item.get("inputs", {}).get("S", ""),
    )
