"""The executions of a project's training pipeline."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker.type_defs import PipelineExecutionStepTypeDef

# What a step runs, as its metadata name it.
_JOBS = ("ProcessingJob", "TrainingJob", "TuningJob", "TransformJob")
_MADE = ("Model", "RegisterModel")


@dataclass(frozen=True)
class Step:
    """A step of an execution, and the job that it ran or the thing that it made.

    `taken_from` is the run whose results it took instead of running, `cached` whether the step cache found
    them; else the run was named by whoever started this one.
    """

    name: str
    status: str
    started: datetime | None
    ended: datetime | None
    failure: str
    job_kind: str
    job_name: str
    taken_from: str = ""
    cached: bool = False
    made: str = ""


@dataclass(frozen=True)
class Execution:
    """One run of the pipeline; `failure` is the sentence of the step that failed.

    When only `selected` steps run, `source` is the ARN of the run that lends the others.
    """

    id: str
    arn: str
    status: str
    description: str
    started: datetime
    ended: datetime | None
    failure: str
    steps: tuple[Step, ...]
    source: str = ""
    selected: tuple[str, ...] = ()

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.ended is None

    def step(self, name: str) -> Step | None:
        """The step of this name, None when it has not begun."""
        return next((step for step in self.steps if step.name == name), None)


def executions(session: "boto3.Session", pipeline: str, *, limit: int = 10) -> list[Execution]:
    """The newest executions with their steps, newest first."""
    return list(islice(newest_first(session, pipeline), limit))


def newest_first(session: "boto3.Session", pipeline: str) -> Iterator[Execution]:
    """All executions, each described when its turn comes."""
    return (describe(session, arn) for arn in _arns(session, pipeline))


def find(session: "boto3.Session", pipeline: str, id_: str | None) -> Execution:
    """The execution whose id begins like this, by default the newest; raises CommandError."""
    for arn in _arns(session, pipeline):
        if arn.rpartition("/")[2].startswith(id_ or ""):
            return describe(session, arn)
    if id_:
        raise CommandError(f"Pipeline {pipeline} has no run {id_}: see them with `sageloop runs`.")
    raise CommandError(f"Pipeline {pipeline} has not run yet: upload data with `sageloop upload`.")


def parameters(session: "boto3.Session", arn: str) -> dict[str, str]:
    """The values that an execution was started with, defaults included."""
    pages = session.client("sagemaker").get_paginator("list_pipeline_parameters_for_execution")
    return {
        each["Name"]: each["Value"]
        for page in pages.paginate(PipelineExecutionArn=arn)
        for each in page["PipelineParameters"]
    }


def describe(session: "boto3.Session", arn: str) -> Execution:
    """One execution, as it is now."""
    sagemaker = session.client("sagemaker")
    answer = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    steps = tuple(_step(step) for page in pages for step in page["PipelineExecutionSteps"])
    ends = [step.ended for step in steps if step.ended]
    selection = answer.get("SelectiveExecutionConfig") or {"SelectedSteps": []}
    running = answer["PipelineExecutionStatus"] in ("Executing", "Stopping")
    failures = [step.failure for step in steps if step.status == "Failed" and step.failure]
    return Execution(
        id=arn.rpartition("/")[2],
        arn=arn,
        status=answer["PipelineExecutionStatus"],
        description=answer.get("PipelineExecutionDescription", ""),
        started=answer["CreationTime"],
        ended=None if running else max(ends, default=answer.get("LastModifiedTime", answer["CreationTime"])),
        # The execution's own reason only says that some step failed.
        failure=failures[0] if failures else answer.get("FailureReason", ""),
        steps=steps,
        source=selection.get("SourcePipelineExecutionArn", ""),
        selected=tuple(step["StepName"] for step in selection.get("SelectedSteps", [])),
    )


def _arns(session: "boto3.Session", pipeline: str) -> Iterator[str]:
    pages = (
        session.client("sagemaker")
        .get_paginator("list_pipeline_executions")
        .paginate(PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending")
    )
    return (one["PipelineExecutionArn"] for page in pages for one in page["PipelineExecutionSummaries"])


def _step(step: "PipelineExecutionStepTypeDef") -> Step:
    kind, arn, made = "", "", ""
    for name, about in step.get("Metadata", {}).items():
        if name in _JOBS and isinstance(about, dict):
            kind, arn = f"{name}s", str(about.get("Arn", ""))
        elif name in _MADE and isinstance(about, dict):
            made = str(about.get("Arn", ""))
    hit = step.get("CacheHitResult", {}).get("SourcePipelineExecutionArn", "")
    lent = step.get("SelectiveExecutionResult", {}).get("SourcePipelineExecutionArn", "")
    return Step(
        name=step["StepName"],
        status=step["StepStatus"],
        started=step.get("StartTime"),
        ended=step.get("EndTime"),
        failure=step.get("FailureReason", ""),
        job_kind=kind,
        job_name=arn.rpartition("/")[2],
        taken_from=(hit or lent).rpartition("/")[2],
        cached=bool(hit),
        made=made,
    )
