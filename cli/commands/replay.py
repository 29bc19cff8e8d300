"""sageloop replay: another look at data that have arrived since some time."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import caller, inputs, messages, output, projects, session, waiting
from cli.errors import CommandError
from cli.inputs import Object
from cli.options import AsJson, ProjectName
from cli.projects import Project

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Replayed:
    """The objects whose events were repeated, and those of them that no run has read.

    `new` is None where no list tells what the last run has read.
    """

    since: datetime
    objects: int
    new: int | None
    forced: bool


Since = Annotated[
    str,
    typer.Option(
        help="A date, a time (on your clock unless it names a zone), or an age such as '2 days'.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Train even if a run has read them all.")]


def replay(since: Since, force: Force = False, project: ProjectName = None, as_json: AsJson = False) -> None:
    """Repeat the events of all data that arrived since some time, as after a fault or a lost event.

    A run starts only if some of them were in no run yet; giving the command twice changes nothing.

    Example:  sageloop replay --since 2026-11-01 · sageloop replay --since "2 h" --force
    """
    moment = _moment(since, datetime.now(UTC))
    aws = session.connect()
    found = projects.find(aws, project)
    url = found.output("retraining", "RetrainQueueUrl")
    bucket = found.output("storage", "IncomingBucket")
    with output.messages.status(f"Looking through s3://{bucket}/{inputs.DATA} ..."):
        young = [
            each
            for each in inputs.below(aws, bucket, inputs.DATA)
            if each.modified is not None and each.modified >= moment
        ]
        new = _new(aws, found, young)
    with output.messages.status(f"Repeating the events of {len(young)} objects ..."):
        messages.send(aws, url, (messages.object_replayed(o.key, o.etag, o.size) for o in young))
    if force:
        request = messages.retrain_request(f"a replay of the data since {since}", caller.arn(aws))
        messages.send(aws, url, [request.body])
    result = Replayed(moment, len(young), new, force)
    output.show(result, _view(result, bucket), as_json=as_json)


def _moment(text: str, now: datetime) -> datetime:
    """The time that a text means; a text that is none is a wrong call."""
    from declaration.durations import parse
    from declaration.errors import Refusal

    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(text.strip()).astimezone()
    try:
        return now - parse(text)
    except (Refusal, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r} must be a date such as 2026-11-01, a time such as 2026-11-01T08:30, or an age such as "
            "'2 days'.",
            param_hint="--since",
        ) from error


def _new(aws: "boto3.Session", project: Project, young: Collection[Object]) -> int | None:
    """How many of the objects were in no run yet; None where that is not known."""
    state = waiting.read(aws, project)
    if state is None or not state.inputs:
        return None
    try:
        snapshot = inputs.read(aws, state.inputs)
    except CommandError as error:
        output.note(str(error))
        return None
    if snapshot is None:
        return None
    known = {each.content for each in snapshot.objects.values()}
    return sum(each.content not in known for each in young)


def _view(found: Replayed, bucket: str) -> str:
    since = output.time(found.since)
    if not found.objects:
        said = f"No object below s3://{bucket}/{inputs.DATA} is as new as {since}."
        return f"{said} Training is requested all the same." if found.forced else said
    said = f"{found.objects} objects since {since} are looked at again"
    if found.forced:
        return f"{said}, and training is requested; follow it with `sageloop runs`."
    if found.new is None:
        return f"{said}: a run starts if one of them was in none yet (see `sageloop runs`)."
    if not found.new:
        return f"{said}: the last run has read them all, so none will start; --force trains anyway."
    return f"{said}: {found.new} of them were in no run yet, so one will start (see `sageloop runs`)."
