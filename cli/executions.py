"""The executions of a project's training pipeline."""

from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker.type_defs import PipelineExecutionStepTypeDef


@dataclass(frozen=True)
class Step:
    """A step of an execution, and the job that it ran."""

    name: str
    status: str
    started: datetime | None
    ended: datetime | None
    failure: str
    job_kind: str
    job_name: str


@dataclass(frozen=True)
class Execution:
    """One run of the pipeline; `failure` is the sentence of the step that failed."""

    id: str
    arn: str
    status: str
    description: str
    started: datetime
    ended: datetime | None
    failure: str
    steps: tuple[Step, ...]


def executions(session: "boto3.Session", pipeline: str, *, limit: int = 10) -> list[Execution]:
    """The newest executions with their steps, newest first."""
    sagemaker = session.client("sagemaker")
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    summaries = (summary for page in pages for summary in page["PipelineExecutionSummaries"])
    return [_execution(session, summary["PipelineExecutionArn"]) for summary in islice(summaries, limit)]


def find(session: "boto3.Session", pipeline: str, id_: str | None) -> Execution:
    """The execution whose id begins like this, by default the newest; raises CommandError."""
    pages = (
        session.client("sagemaker")
        .get_paginator("list_pipeline_executions")
        .paginate(PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending")
    )
    for page in pages:
        for summary in page["PipelineExecutionSummaries"]:
            if summary["PipelineExecutionArn"].rpartition("/")[2].startswith(id_ or ""):
                return _execution(session, summary["PipelineExecutionArn"])
    if id_:
        raise CommandError(f"Pipeline {pipeline} has no run {id_}: see them with `sageloop runs`.")
    raise CommandError(f"Pipeline {pipeline} has not run yet: upload data with `sageloop upload`.")


def _execution(session: "boto3.Session", arn: str) -> Execution:
    sagemaker = session.client("sagemaker")
    answer = sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    pages = sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
        PipelineExecutionArn=arn, SortOrder="Ascending"
    )
    steps = tuple(_step(step) for page in pages for step in page["PipelineExecutionSteps"])
    ends = [step.ended for step in steps if step.ended]
    running = answer["PipelineExecutionStatus"] in ("Executing", "Stopping")
    failures = [step.failure for step in steps if step.status == "Failed" and step.failure]
    return Execution(
        id=arn.rpartition("/")[2],
        arn=arn,
        status=answer["PipelineExecutionStatus"],
        description=answer.get("PipelineExecutionDescription", ""),
        started=answer["CreationTime"],
        ended=None if running else max(ends, default=answer.get("LastModifiedTime")),
        # The execution's own reason only says that some step failed.
        failure=failures[0] if failures else answer.get("FailureReason", ""),
        steps=steps,
    )


def _step(step: "PipelineExecutionStepTypeDef") -> Step:
    kind, arn = "", ""
    for kind_of_job in ("ProcessingJob", "TrainingJob"):
        job = step.get("Metadata", {}).get(kind_of_job)
        if isinstance(job, dict):
            kind, arn = f"{kind_of_job}s", str(job.get("Arn", ""))
    return Step(
        name=step["StepName"],
        status=step["StepStatus"],
        started=step.get("StartTime"),
        ended=step.get("EndTime"),
        failure=step.get("FailureReason", ""),
        job_kind=kind,
        job_name=arn.rpartition("/")[2],
    )
