"""sageloop run: an execution of the training pipeline, from its start or from one of its steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from cli import again as repetition
from cli import definition, executions, launch, models, output, projects, session
from cli.commands import runs
from cli.errors import CommandError
from cli.executions import Execution
from cli.launch import Launch
from cli.models import Likeness
from cli.options import AsJson, ProjectName

if TYPE_CHECKING:
    import boto3

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Started:
    """An execution that was started; `selected` is empty when all its steps run.

    `again` is the run that it repeats, and `same` what of it came out the same, once it has ended.
    """

    id: str
    arn: str
    status: str
    parameters: dict[str, str]
    selected: tuple[str, ...]
    source: str | None
    again: str | None = None
    same: Likeness | None = None


From = Annotated[
    str | None,
    typer.Option("--from", help="Repeat only this step and all after it.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="A parameter, such as max_depth=4; may be repeated.", show_default=False),
]

Source = Annotated[
    str | None,
    typer.Option(help="The run that lends the steps before; by default the newest that has them."),
]
Again = Annotated[
    str | None,
    typer.Option(help="Repeat this run on the same bytes; with --wait, compare what comes of it."),
]


def run(
    from_: From = None,
    set_: Set = None,
    data: Annotated[str | None, typer.Option(help="Read the data below this s3:// address.")] = None,
    source: Source = None,
    again: Again = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; fail when it fails.")] = False,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Run the training pipeline now, or a part of it again; new models compete with the approved one.

    A run from a step on keeps the other parameters of the run that it goes on from. One that is repeated
    reads what it read; what has changed since is taken from the versions that the bucket keeps.

    Example:  sageloop run --wait · sageloop run --from Train --set max_depth=4 · sageloop run --again k2x9
    """
    values = _values(set_ or [], data)
    if source and not from_:
        raise typer.BadParameter("a source lends the steps before --from STEP, which is missing.")
    if again and (values or from_ or source):
        raise typer.BadParameter("--again repeats a run as it was: leave the other options out.")
    aws = session.connect()
    found = projects.find(aws, project)
    known = definition.deployed(aws, found.output("training", "PipelineName"))
    champion = launch.champion(aws, found.output("training", "ModelPackageGroup"))
    repeated = executions.find(aws, known.pipeline, again) if again else None
    if repeated:
        asked = repetition.launch(aws, known, repeated)
    elif from_:
        with output.messages.status("Looking for results to use again ..."):
            asked = launch.from_step(aws, known, from_, values, champion, source)
    else:
        asked = launch.from_the_start(known, values, champion)
    request = asked.request(known.pipeline, _description(asked, values, repeated))
    arn = aws.client("sagemaker").start_pipeline_execution(**request)["PipelineExecutionArn"]
    ended = _wait(aws, arn) if wait else None
    same = models.compare(aws, repeated, ended) if repeated and ended else None
    if ended:
        _check(ended, repeated, same)
    started = Started(
        id=arn.rpartition("/")[2],
        arn=arn,
        status=ended.status if ended else "Executing",
        parameters=dict(asked.parameters),
        selected=asked.selected,
        source=asked.source.id if asked.source else None,
        again=repeated.id if repeated else None,
        same=same,
    )
    output.show(started, _ended(started, ended) if ended else _view(started), as_json=as_json)


def _values(texts: list[str], data: str | None) -> dict[str, str]:
    """What --set and --data say; a text without a name and a value is a wrong call."""
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise typer.BadParameter(f"{text!r} must be NAME=VALUE, such as max_depth=4.", param_hint="--set")
        values[name.strip()] = value.strip()
    if data is not None:
        if not data.startswith("s3://"):
            raise typer.BadParameter(f"{data!r} must begin with s3://.", param_hint="--data")
        values[launch.INPUT] = data
    return values


def _description(asked: Launch, values: dict[str, str], repeated: Execution | None) -> str:
    """What `sageloop runs` shows as the reason."""
    if repeated:
        return f"Run by hand, the same as {repeated.id}"
    begun = f" from {asked.selected[0]}" if asked.selected else ""
    of = f" of {asked.source.id}" if asked.source else ""
    chosen = ", ".join(f"{name}={value}" for name, value in values.items())
    return f"Run by hand{begun}{of}{f' with {chosen}' if chosen else ''}"


def _view(started: Started) -> Group:
    lines = [Text(f"Run {started.id} has begun; follow it with `sageloop runs {started.id[: runs.SHORT]}`.")]
    if started.selected:
        lent = f"; what comes before is taken from {started.source}" if started.source else ""
        lines.append(Text(f"It runs {', '.join(started.selected)}{lent}.", style="dim"))
    return Group(*lines)


def _ended(started: Started, ended: Execution) -> Group:
    lines = [runs.steps(ended)]
    if started.same:
        alike = [name for name in ("data", "model") if getattr(started.same, name)]
        said = f"The same {' and '.join(alike)}, byte for byte" if alike else "Nothing to compare"
        lines.append(Group(Text(f"{said}, as of run {started.again}.")))
    return Group(*lines)


def _wait(aws: "boto3.Session", arn: str) -> Execution:
    """The execution when it has ended."""
    if output.messages.is_terminal:
        with Live(Text("Starting ..."), console=output.messages, transient=True) as live:
            return _follow(aws, arn, lambda now: live.update(runs.steps(now)))
    told: set[str] = set()
    return _follow(aws, arn, lambda now: _tell(now, told))


def _check(ended: Execution, repeated: Execution | None, same: Likeness | None) -> None:
    """Raise CommandError when a run did not succeed, or one that was repeated came to something else."""
    if repeated and same and False in (same.data, same.model):
        what = "read other data" if same.data is False else "learnt another model"
        raise CommandError(
            f"Run {ended.id} has {what} than run {repeated.id}: see `sageloop diff "
            f"{repeated.id[: runs.SHORT]} {ended.id[: runs.SHORT]}`."
        )
    if ended.status != "Succeeded" and not (repeated and repeated.status == ended.status):
        raise CommandError(
            f"Run {ended.id} {ended.status.lower()}: {ended.failure or 'see its steps with `sageloop runs`'}"
        )


def _follow(aws: "boto3.Session", arn: str, seen: Callable[[Execution], None]) -> Execution:
    while True:
        now = executions.describe(aws, arn)
        seen(now)
        if not now.running:
            return now
        time.sleep(POLL_SECONDS)


def _tell(now: Execution, told: set[str]) -> None:
    for step in now.steps:
        if step.ended and step.name not in told:
            told.add(step.name)
            output.note(f"{step.name}: {step.status} {runs.took(step)}")
