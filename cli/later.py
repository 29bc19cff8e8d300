"""Predictions that do not come at once: calls that wait in a queue, and files that a batch predicts.

What is asked lies in the incoming bucket under a name of its own, and so does the answer.
"""

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli import output
from cli.errors import CommandError
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

# As the stacks name them.
REQUESTS, ROWS, PREDICTIONS = "requests/", "rows/", "predictions/"
# The longest that SageMaker works on one call, after up to ten minutes without an instance.
TIMEOUT_SECONDS = 70 * 60
_POLL_SECONDS = 1.0


def queue(aws: "boto3.Session", project: Project, body: bytes, content_type: str, accept: str) -> bytes:
    """The answer of an asynchronous endpoint; raises CommandError with its refusal, or when none comes.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
    """
    bucket = project.output("storage", "IncomingBucket")
    key = f"{REQUESTS}{uuid.uuid4()}"
    aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    asked = aws.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=project.output("serving", "EndpointName"),
        InputLocation=f"s3://{bucket}/{key}",
        ContentType=content_type,
        Accept=accept,
    )
    answer, failure = asked["OutputLocation"], asked["FailureLocation"]

    def failed() -> str | None:
        refused = _content(aws, failure)
        if refused is None:
            return None
        return f"The call failed: {' '.join(refused.decode(errors='replace').split())}"

    return _awaited(aws, answer, failed, f"it will be {answer}, or {failure} if the call fails")


def batch(aws: "boto3.Session", project: Project, body: bytes) -> bytes:
    """What a batch predicts for CSV; raises CommandError when its run fails, or starts by the clock."""
    bucket, pipeline = project.output("storage", "IncomingBucket"), project.output("serving", "BatchPipeline")
    name = f"{uuid.uuid4()}.csv"
    source, answer = f"s3://{bucket}/{ROWS}{name}", f"s3://{bucket}/{PREDICTIONS}{name}.out"
    aws.client("s3").put_object(Bucket=bucket, Key=f"{ROWS}{name}", Body=body)
    if schedule := aws.client("events").describe_rule(Name=pipeline).get("ScheduleExpression"):
        raise CommandError(f"{source} waits for the next run, {schedule} (UTC); the answer will be {answer}.")

    def failed() -> str | None:
        reason = _failure(aws, pipeline, f"{ROWS}{name}")
        return reason and f"The run of {pipeline} for {source} failed: {reason}"

    return _awaited(aws, answer, failed, f"it will be {answer}")


def _awaited(aws: "boto3.Session", answer: str, failed: Callable[[], str | None], until_then: str) -> bytes:
    """The answer when it is there; raises CommandError when it has failed, or takes too long."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    with output.messages.status(f"Waiting for {answer} ..."):
        while time.monotonic() < deadline:
            if (found := _content(aws, answer)) is not None:
                output.note(f"The answer is {answer}")
                return found
            if reason := failed():
                raise CommandError(reason)
            time.sleep(_POLL_SECONDS)
    raise CommandError(f"There is no answer yet: {until_then}.")


def _content(aws: "boto3.Session", uri: str) -> bytes | None:
    s3, place = aws.client("s3"), urlsplit(uri)
    try:
        return s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def _failure(aws: "boto3.Session", pipeline: str, key: str) -> str | None:
    """Why the run for this file failed; None while it did not."""
    sagemaker = aws.client("sagemaker")
    listed = sagemaker.list_pipeline_executions(
        PipelineName=pipeline, SortBy="CreationTime", SortOrder="Descending"
    )
    for execution in listed["PipelineExecutionSummaries"]:
        arn = execution["PipelineExecutionArn"]
        if execution.get("PipelineExecutionStatus") == "Failed" and _rows_of(sagemaker, arn) == key:
            steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
            reasons = [step.get("FailureReason", "") for step in steps["PipelineExecutionSteps"]]
            whole = execution.get("PipelineExecutionFailureReason", "no reason is given")
            return " ".join(filter(None, reasons)) or whole
    return None


def _rows_of(sagemaker: Any, arn: str) -> str | None:
    given = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=arn)["PipelineParameters"]
    return next((each["Value"] for each in given if each["Name"] == "Rows"), None)
