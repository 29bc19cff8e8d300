"""A project at a glance: its data, its last run, its models, and what serves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from cli import alarms, endpoint, executions, registry, session, waiting
from cli.alarms import Alarm
from cli.endpoint import Endpoint
from cli.executions import Execution
from cli.inputs import DATA, QUARANTINE
from cli.projects import Project
from cli.registry import Package
from cli.waiting import Waiting

if TYPE_CHECKING:
    import boto3

PAGES_OF_OBJECTS = 10
PACKAGES = 5


@dataclass(frozen=True)
class Data:
    """What lies in the incoming bucket; `more` when it was too much to count.

    `quarantined` is how many objects training has refused, as far as one page of them tells.
    """

    bucket: str
    objects: int
    bytes: int
    newest: datetime | None
    more: bool
    quarantined: int


@dataclass(frozen=True)
class Batch:
    """The pipeline that predicts files, and the version of the model that it has; None before an approval."""

    pipeline: str
    version: int | None


@dataclass(frozen=True)
class Rejection:
    """A version newer than the one in service that was rejected after its approval, and why."""

    version: int
    reason: str


@dataclass(frozen=True)
class Status:
    """A project, from its data to its endpoint."""

    project: str
    region: str
    stacks: dict[str, str]
    data: Data | None
    waiting: Waiting | None
    run: Execution | None
    packages: list[Package]
    endpoint: Endpoint | None
    batch: Batch | None
    rollback: Rejection | None
    not_deployed: Rejection | None
    alarms: list[Alarm]
    api: str | None


def look(aws: "boto3.Session", project: Project, names: Sequence[str]) -> Status:
    """A project as it is now; `names` are those of all projects."""
    pipeline = project.find("training", "PipelineName")
    group = project.find("training", "ModelPackageGroup")
    runs = executions.executions(aws, pipeline, limit=1) if pipeline else []
    packages = registry.packages(aws, group, limit=PACKAGES) if group else []
    served = endpoint.describe(aws, project)
    batch = _batch(project)
    return Status(
        project=project.name,
        region=session.region_name(aws),
        stacks={role: stack.status for role, stack in sorted(project.stacks.items())},
        data=_data(aws, project.find("storage", "IncomingBucket")),
        waiting=waiting.read(aws, project),
        run=runs[0] if runs else None,
        packages=packages,
        endpoint=served,
        batch=batch,
        rollback=_rejection(packages, batch or served, registry.ROLLED_BACK, registry.BY_HAND),
        not_deployed=_rejection(packages, served, registry.NOT_DEPLOYED),
        alarms=alarms.firing(aws, project, names),
        api=project.find("serving", "ApiUrl"),
    )


def _batch(project: Project) -> Batch | None:
    pipeline = project.find("serving", "BatchPipeline")
    if pipeline is None:
        return None
    package = project.stacks["serving"].parameters.get("ModelPackageArn", "")
    return Batch(pipeline, registry.version_of(package))


def _data(aws: "boto3.Session", bucket: str | None) -> Data | None:
    if bucket is None:
        return None
    s3 = aws.client("s3")
    pages = iter(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=DATA))
    objects = [item for page in islice(pages, PAGES_OF_OBJECTS) for item in page.get("Contents", [])]
    apart = s3.list_objects_v2(Bucket=bucket, Prefix=QUARANTINE).get("Contents", [])
    return Data(
        bucket=bucket,
        objects=len(objects),
        bytes=sum(item["Size"] for item in objects),
        newest=max((item["LastModified"] for item in objects), default=None),
        more=next(pages, None) is not None,
        quarantined=len(apart),
    )


def _rejection(
    packages: Sequence[Package], served: Endpoint | Batch | None, *beginnings: str
) -> Rejection | None:
    """The newest version that was rejected so, as long as none newer than it serves."""
    serving = served.version or 0 if served else 0
    for one in packages:
        reason = one.rejected_as(*beginnings)
        if reason and one.version > serving:
            return Rejection(one.version, reason)
    return None
