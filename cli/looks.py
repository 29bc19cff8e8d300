"""Looks at the calls of the model in service: how the watch stands, and what the last look has found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli import storage
from cli.errors import CommandError
from cli.projects import Project

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Feature:
    """A column of the calls beside the same of the training rows; figures are None where nothing is known."""

    name: str
    psi: float | None
    missing_before: float | None
    missing_now: float | None
    new_share: float | None
    drifted: bool


@dataclass(frozen=True)
class Quality:
    """What the answers were worth: the metric on labelled calls, with its interval and its bound."""

    metric: str
    value: float | None
    low: float | None
    high: float | None
    bound: float | None
    below: bool | None
    labelled: int | None
    coverage: float | None


@dataclass(frozen=True)
class Look:
    """The last look: its window (the UTC time of its end), and what it found.

    `failed` says why it found nothing, empty where it did; `drift` is None where nothing was compared.
    `report` is the S3 URI of its page.
    """

    window: str
    version: int
    failed: str
    reason: str
    silent: bool = False
    rows: int = 0
    drift: str | None = None
    features: Sequence[Feature] = ()
    quality: Quality | None = None
    report: str = ""


@dataclass(frozen=True)
class Watch:
    """What monitoring does: the look under way (its window), whether one is asked for, and the last one."""

    running: str | None
    asked: bool
    last: Look | None


def read(session: "boto3.Session", project: Project) -> Watch:
    """How the watch over a project stands; raises CommandError where nothing watches it."""
    # Only now, because the import takes longer than most commands' help.
    from boto3.dynamodb.types import TypeDeserializer

    pipeline = require(project, "MonitoringPipelineName")
    item: dict[str, Any] = (
        session.client("dynamodb")
        .get_item(
            TableName=project.output("retraining", "TableName"),
            Key={"pipeline": {"S": pipeline}},
            ConsistentRead=True,
        )
        .get("Item", {})
    )
    value_of = TypeDeserializer().deserialize
    state = {name: value_of(value) for name, value in item.items()}
    running, last = state.get("running"), state.get("last")
    return Watch(
        running=running["window"] if running else None,
        asked=bool(state.get("asked")),
        last=_look(session, project, last) if last else None,
    )


def require(project: Project, output: str) -> str:
    """An output of the stack that watches; raises CommandError where there is none."""
    found = project.find("monitoring", output)
    if found is None:
        raise CommandError(
            f"Nothing watches {project.name}: declare retrain=[OnDrift()] in app.py, then `sageloop deploy`."
        )
    return found


def _look(session: "boto3.Session", project: Project, last: dict[str, Any]) -> Look:
    window, version, failed = str(last["window"]), int(last["version"]), str(last["failed"])
    if failed:
        return Look(window, version, failed, "")
    folder = f"s3://{project.output('storage', 'ArtifactsBucket')}/monitoring/{window}/report"
    found = storage.document(session, f"{folder}/findings.json")
    if found is None:
        raise CommandError(f"The findings of {window} are gone: nothing lies at {folder}/findings.json.")
    drift, quality = found.get("drift") or {}, found.get("quality")
    return Look(
        window=window,
        version=version,
        failed="",
        reason=str(found.get("reason", "")),
        silent=bool(found.get("silent")),
        rows=int(found.get("rows") or 0),
        drift=drift.get("verdict"),
        features=[_feature(each) for each in drift.get("features") or []],
        quality=_quality(quality) if quality else None,
        report="" if found.get("silent") and not found.get("rows") else f"{folder}/report.html",
    )


def _feature(found: dict[str, Any]) -> Feature:
    return Feature(
        str(found["name"]),
        found.get("psi"),
        found.get("missing_before"),
        found.get("missing_now"),
        found.get("new_share"),
        bool(found.get("drifted")),
    )


def _quality(found: dict[str, Any]) -> Quality:
    names = ("value", "low", "high", "bound", "below", "labelled", "coverage")
    return Quality(str(found.get("metric", "")), *(found.get(name) for name in names))
