"""sageloop logs: what a job, the endpoint or a function wrote to CloudWatch."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from cli import executions, output, projects, session
from cli.errors import CommandError
from cli.executions import Execution, Step
from cli.options import AsJson, ProjectName
from cli.projects import Project

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_logs import CloudWatchLogsClient

# The trials of a tuning job are training jobs, and nothing but they write a log.
GROUPS = {"TuningJobs": "TrainingJobs"}
# As Pipelines names jobs, and tuning jobs theirs: pipelines-RUN-STEP-RANDOM, RUN-STEP-RANDOM-NUMBER-RANDOM.
JOB = re.compile(r"(?:pipelines-)?(?P<run>[a-z0-9]+)-(?P<step>\w+)-.+")
SAGEMAKER = "/aws/sagemaker"
# By the word for each function: its stack, and the output that names it.
FUNCTIONS = {
    "retrain": ("retraining", "RetrainFunction"),
    "promote": ("retraining", "PromoteFunction"),
    "tell": ("retraining", "TellFunction"),
    "approve": ("retraining", "ApproveFunction"),
    "monitor": ("monitoring", "MonitorFunction"),
}
FOLLOW_SECONDS = 1.0
STREAMS = 20


@dataclass(frozen=True)
class Source:
    """A log group, and how the names of its streams begin."""

    group: str
    prefix: str = ""


@dataclass(frozen=True)
class Line:
    """A line of a log."""

    time: datetime
    stream: str
    message: str


def logs(
    what: Annotated[
        str | None,
        typer.Argument(
            help="A step (prepare, tune, train, evaluate, ...), `endpoint`, `retrain`, `promote`, `tell`, "
            "`approve`, `monitor` or the name of a job or trial; by default the failed step, or the last.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[str | None, typer.Option(help="Of which run; by default the newest.")] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")] = 100,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Print the log of a job, of the endpoint or of a function.

    Example:  sageloop logs train · sageloop logs tune --run k2x9 · sageloop logs endpoint --follow
    """
    aws = session.connect()
    source = _source(aws, projects.find(aws, project), what, run)
    client = aws.client("logs")
    found = _last(client, source, lines)
    if as_json:
        output.show(found, "", as_json=True)
        return
    if not found and not follow:
        raise CommandError(f"Log group {source.group} has no line of {source.prefix or 'anything'} yet.")
    for line in found:
        _print(line)
    if follow:
        for line in _following(client, source, found[-1].time if found else datetime.now(UTC)):
            _print(line)


def _source(aws: "boto3.Session", project: Project, what: str | None, run: str | None) -> Source:
    if what == "endpoint":
        return Source(_served(aws, project))
    if what in FUNCTIONS:
        return Source(f"/aws/lambda/{project.output(*FUNCTIONS[what])}")
    pipeline = project.output("training", "PipelineName")
    if what and (named := JOB.fullmatch(what)):
        step = _job(executions.find(aws, pipeline, named["run"]), named["step"])
        return Source(_group(step), what)
    step = _job(executions.find(aws, pipeline, run), what)
    return Source(_group(step), step.job_name)


def _served(aws: "boto3.Session", project: Project) -> str:
    """The log group of the model servers; raises CommandError when there are none."""
    if batches := project.find("serving", "BatchPipeline"):
        group = f"{SAGEMAKER}/TransformJobs"
        raise CommandError(f"{project.name} has no endpoint: the jobs of {batches} write to {group}.")
    name = project.output("serving", "EndpointName")
    component = f"{SAGEMAKER}/InferenceComponents/{name}"
    listed = aws.client("logs").describe_log_groups(logGroupNamePrefix=component)["logGroups"]
    # What scales to zero is an inference component of the endpoint's name.
    is_component = any(group["logGroupName"] == component for group in listed)
    return component if is_component else f"{SAGEMAKER}/Endpoints/{name}"


def _group(step: Step) -> str:
    return f"{SAGEMAKER}/{GROUPS.get(step.job_kind, step.job_kind)}"


def _job(execution: Execution, step_name: str | None) -> Step:
    """The step of this name, or the one that failed, or the last one, among those that run a job."""
    jobs = [step for step in execution.steps if step.job_name]
    if step_name:
        jobs = [step for step in jobs if step.name.lower() == step_name.lower()]
    if not jobs:
        raise CommandError(
            f"Run {execution.id} has no job {step_name or 'at all'}: see its steps with "
            f"`sageloop runs {execution.id}`."
        )
    failed = [step for step in jobs if step.status == "Failed"]
    return (failed or jobs)[-1]


def _last(client: "CloudWatchLogsClient", source: Source, count: int) -> list[Line]:
    """The last lines of the newest streams, oldest first."""
    found: list[Line] = []
    for stream in _streams(client, source):
        events = client.get_log_events(
            logGroupName=source.group, logStreamName=stream, limit=min(count, 10_000), startFromHead=False
        )["events"]
        found += [_line(stream, event["timestamp"], event["message"]) for event in events]
    return sorted(found, key=lambda line: line.time)[-count:]


def _streams(client: "CloudWatchLogsClient", source: Source) -> list[str]:
    try:
        if source.prefix:
            # By name, which for trials is by number: the newest come last.
            pages = client.get_paginator("describe_log_streams").paginate(
                logGroupName=source.group, logStreamNamePrefix=source.prefix
            )
            return [stream["logStreamName"] for page in pages for stream in page["logStreams"]][-STREAMS:]
        answer = client.describe_log_streams(
            logGroupName=source.group, orderBy="LastEventTime", descending=True, limit=STREAMS
        )
    except client.exceptions.ResourceNotFoundException:
        return []
    return [stream["logStreamName"] for stream in answer["logStreams"]]


def _following(client: "CloudWatchLogsClient", source: Source, since: datetime) -> Iterator[Line]:
    """New lines as they come, until the user has seen enough."""
    seen: set[str] = set()
    start = round(since.timestamp() * 1000) + 1
    while True:
        for stream in _streams(client, source):
            pages = client.get_paginator("filter_log_events").paginate(
                logGroupName=source.group, logStreamNames=[stream], startTime=start
            )
            for event in (event for page in pages for event in page["events"]):
                if event["eventId"] not in seen:
                    seen.add(event["eventId"])
                    yield _line(stream, event["timestamp"], event["message"])
        time.sleep(FOLLOW_SECONDS)


def _line(stream: str, timestamp: int, message: str) -> Line:
    return Line(datetime.fromtimestamp(timestamp / 1000, UTC), stream, message.rstrip("\n"))


def _print(line: Line) -> None:
    moment = line.time.astimezone().strftime("%H:%M:%S")
    output.results.print(Text.assemble((f"{moment} ", "dim"), line.message), soft_wrap=True)
