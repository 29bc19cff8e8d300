"""sageloop loadtest: a load on the model, its latency and errors, and what one instance can carry."""

import contextlib
import os
import webbrowser
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import declared, endpoint, output, projects, session
from cli.errors import CommandError
from cli.loadtest import find as search
from cli.loadtest import fleet, generator, rows, stored, trial
from cli.loadtest.load import Load
from cli.loadtest.rows import Bodies
from cli.loadtest.samples import Latency, Outcome, Samples
from cli.loadtest.target import Target, runtime
from cli.options import AsJson, ProjectName
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

    from declaration.measured import Measured

# Without a p99 in the declaration or the call, one instance is loaded until one call in 100 takes this long.
P99_MS = 100
# What --find starts with, and how long each of its steps is.
FIRST_CALLS_PER_MINUTE = 6_000
STEP_SECONDS = 8
MOST_CALLS_PER_MINUTE = 6_000_000

CallsPerMinute = Annotated[
    int | None,
    typer.Option(
        min=1, max=MOST_CALLS_PER_MINUTE, help="The load; by default the declared one.", show_default=False
    ),
]
Seconds = Annotated[
    int | None,
    typer.Option("--for", min=1, max=3_600, help="Seconds; 60, with --find 8 a step.", show_default=False),
]


@dataclass(frozen=True)
class _Place:
    """What is called, on how many instances of which type, and which version of the model answers."""

    target: Target
    endpoint: str
    instance: str | None
    version: str
    alone: bool


def loadtest(
    file: Annotated[
        Path | None,
        typer.Argument(help="Rows as CSV or JSON; by default the newest training data.", show_default=False),
    ] = None,
    calls_per_minute: CallsPerMinute = None,
    seconds: Seconds = None,
    api: Annotated[bool, typer.Option("--api", help="Through the API, not the endpoint.")] = False,
    to_endpoint: Annotated[bool, typer.Option("--endpoint", help="To the endpoint: the default.")] = False,
    instance_only: Annotated[
        bool, typer.Option("--instance-only", help="To one instance of its own, for the time of the test.")
    ] = False,
    instance: Annotated[
        str | None, typer.Option(help="The type of that one instance.", show_default=False)
    ] = None,
    find: Annotated[bool, typer.Option("--find", help="Find the most that one instance carries.")] = False,
    p99_ms: Annotated[
        int | None,
        typer.Option(min=1, max=60_000, help="What 99 of 100 calls may take.", show_default=False),
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep it for `sageloop plan` and the CDK.")] = False,
    html: Annotated[Path | None, typer.Option(help="Draw it on a page, into this file.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open that page in the browser.")] = False,
    project: ProjectName = None,
    app: declared.App = None,
    as_json: AsJson = False,
) -> None:
    """Call the model at a steady rate, each call when it is due, and say how fast and how well it answered.

    Example:  sageloop loadtest --calls-per-minute 100000 --for 60 · sageloop loadtest --find --save
    """
    if api + to_endpoint + (instance_only or find) > 1:
        raise typer.BadParameter("choose one of --api, --endpoint and --instance-only (which --find means).")
    if open_ and html is None:
        raise typer.BadParameter("only a page can be opened: name its file with --html.", param_hint="--open")
    if instance and not (instance_only or find):
        raise typer.BadParameter("it goes with --instance-only or --find.", param_hint="--instance")
    if save and not (instance_only or find):
        raise typer.BadParameter("only what one instance carries is kept: add --find or --instance-only.")
    aws = session.connect()
    found = projects.find(aws, project)
    # Only a save needs to know where app.py is, so that a load can be put on from anywhere.
    program = declared.program(app) if save else None
    limit = p99_ms or _declared(app, found.name, "p99_ms") or P99_MS
    bodies = rows.read(file) if file else stored.newest(aws, found.output("storage", "IncomingBucket"))
    if instance:
        _check_type(instance)
    with _place(aws, found, api=api, alone=instance_only or find, instance=instance) as place:
        trial.call(aws, place.target, bodies)
        if find:
            steps, best = _find(aws, place, bodies, seconds or STEP_SECONDS, limit)
            if best is None:
                raise CommandError(
                    f"One {place.instance} carried none of the loads with a p99 of {limit} ms without error, "
                    f"{_said(steps[-1])}: allow more with --p99-ms, or see `sageloop logs`."
                )
        else:
            load = calls_per_minute or _declared(app, found.name, "calls_per_minute")
            if load is None:
                raise CommandError("No load is declared in app.py: name one with --calls-per-minute.")
            best = _test(aws, place, bodies, Load.steady(load, seconds or 60))
            steps = [best]
    kept = _save(program, found, place, best, limit) if program else None
    if html is not None:
        from cli.pages import load as page

        page.write(html, found.name, place.target.url, best, steps)
    output.show(_document(best, steps, kept), _view(place, best, steps, html, kept), as_json=as_json)
    if html is not None and open_:
        webbrowser.open(html.resolve().as_uri())
    if best.errors:
        raise CommandError(f"{best.errors:,} of {best.calls + best.unsent:,} calls failed: {_said(best)}.")


def _check_type(instance: str) -> None:
    from declaration.instances import usable

    if instance not in usable("endpoint"):
        rule = f"{instance} is no instance type that endpoints run this image on; ml.c5.large is one."
        raise typer.BadParameter(rule, param_hint="--instance")


@contextlib.contextmanager
def _place(
    aws: "boto3.Session", project: Project, *, api: bool, alone: bool, instance: str | None
) -> Iterator[_Place]:
    served = endpoint.describe(aws, project)
    if served is None or served.status == "Failed":
        raise CommandError(f"{project.name} serves no model: approve one with `sageloop approve`.")
    version = f"version {served.version}" if served.version else "a model without a version"
    if alone:
        kind = instance or str(fleet.served_on(aws, served.name)["InstanceType"])
        with fleet.one_instance(aws, served.name, instance) as name:
            yield _Place(runtime(aws, name), name, kind, version, alone=True)
        return
    target = runtime(aws, served.name)
    if api:
        url = session.api_address(project.output("serving", "ApiUrl").rstrip("/") + "/predict")
        target = Target(url, "execute-api", session.region_name(aws))
    yield _Place(target, served.name, None, version, alone=False)


def _test(aws: "boto3.Session", place: _Place, bodies: Bodies, load: Load) -> Outcome:
    """One load, told of while it lasts."""
    told = f"{load.calls_per_minute:,} calls/min for {load.seconds:g} s"
    with (
        fleet.watched(aws, place.endpoint) as instances,
        output.messages.status(f"Calling: {told} ...") as status,
    ):

        def seen(samples: Samples) -> None:
            if newest := samples.newest():
                calls, errors, p99 = newest
                status.update(f"Calling: {told} ... {calls:,}/s, {errors:,} errors, p99 {_ms(p99)} ms")

        ran = generator.run(aws, place.target, bodies, load, seen)
    return ran.samples.outcome(
        load.calls_per_minute, load.seconds, instances, generator_bound=ran.generator_bound
    )


def _find(
    aws: "boto3.Session", place: _Place, bodies: Bodies, seconds: int, p99_ms: int
) -> tuple[list[Outcome], Outcome | None]:
    # Unmeasured: the first calls find cold caches.
    _test(aws, place, bodies, Load.steady(FIRST_CALLS_PER_MINUTE // 10, 3))

    def test(calls_per_minute: int) -> Outcome:
        outcome = _test(aws, place, bodies, Load.steady(calls_per_minute, seconds))
        word = "carried" if outcome.keeps(p99_ms) else "too much"
        output.note(f"{calls_per_minute:,} calls/min: {word} ({_said(outcome)})")
        return outcome

    found = search.find(test, FIRST_CALLS_PER_MINUTE, p99_ms, MOST_CALLS_PER_MINUTE)
    return found.steps, found.best


def _declared(app: Path | None, name: str, member: str) -> int | None:
    """A figure of the declared endpoint; None where app.py or the project in it is not at hand."""
    try:
        of_project = declared.project(app, name)
    except CommandError:
        if app is not None:
            raise
        return None
    value = getattr(of_project.endpoint, member, None)
    return value if isinstance(value, int) else None


def _save(program: Path, project: Project, place: _Place, best: Outcome, p99_ms: int) -> Path:
    """Write what one instance carried; raises CommandError when it did not."""
    from declaration import measured

    if not best.keeps(p99_ms) or place.instance is None or best.sent is None or best.due is None:
        raise CommandError(f"Nothing was saved: the load was not carried within {p99_ms} ms, {_said(best)}.")
    record = _measured(place.version, place.instance, best.calls_per_minute, best.sent, best.due)
    file = measured.file_of(program.parent, project.name)
    measured.write(file, record)
    return file


def _measured(version: str, instance: str, calls_per_minute: int, sent: Latency, due: Latency) -> "Measured":
    from declaration.instances import vcpus
    from declaration.measured import Measured

    embedded = bool(os.environ.get("AWS_ENDPOINT_URL"))
    offered = vcpus(instance)
    return Measured(
        model=version,
        instance=instance,
        where="embedded" if embedded else "aws",
        vcpus=min(offered, os.cpu_count() or offered) if embedded else offered,
        calls_per_minute=calls_per_minute,
        p50_ms=sent.p50,
        p99_ms=due.p99,
        date=datetime.now(UTC).date().isoformat(),
    )


def _ms(value: float | None) -> str:
    """Milliseconds, as finely as they mean something: the generator's clock ticks once a millisecond."""
    return "-" if value is None else f"{value:,.1f}"


def _said(outcome: Outcome) -> str:
    """An outcome in a few words."""
    answers = ", ".join(f"{count:,} x {status}" for status, count in outcome.statuses.items())
    unsent = f", {outcome.unsent:,} not sent because all connections waited" if outcome.unsent else ""
    p99 = f", p99 {_ms(outcome.due.p99)} ms" if outcome.due else ""
    return f"{answers or 'no answers'}{unsent}{p99}"


def _document(best: Outcome, steps: list[Outcome], kept: Path | None) -> dict[str, Any]:
    return {
        **asdict(best),
        "calls": best.calls,
        "errors": best.errors,
        "achieved_per_minute": round(best.achieved_per_minute, 1),
        "steps": [
            {"calls_per_minute": each.calls_per_minute, "errors": each.errors, "due": each.due}
            for each in steps
        ],
        "saved": kept,
    }


def _view(place: _Place, best: Outcome, steps: list[Outcome], html: Path | None, kept: Path | None) -> Group:
    where = f"one {place.instance}" if place.alone else place.target.url
    parts: list[RenderableType] = [
        Text(f"{place.version} on {where}", style="bold"),
        Text(
            f"{best.calls:,} calls in {best.seconds:g} s ({best.achieved_per_minute:,.0f} good answers a "
            f"minute of {best.calls_per_minute:,}), {best.errors:,} errors: {_said(best)}"
        ),
    ]
    latencies = [(name, each) for name, each in (("due", best.due), ("sent", best.sent)) if each]
    cells = [(name, *(_ms(value) for value in asdict(each).values())) for name, each in latencies]
    if cells:
        columns = ["ms since", "p50", "p90", "p99", "p99.9", "max"]
        parts.append(Padding(output.table(columns, cells), (1, 0, 0, 0)))
    if len(steps) > 1:
        most = f"One {place.instance} carries {best.calls_per_minute:,} calls a minute"
        parts.append(Text(f"{most} ({len(steps)} steps).", style="green"))
    if best.generator_bound:
        parts.append(
            Text("This machine was short of CPU, so times include the generator's own.", style="yellow")
        )
    parts += [Text(str(each)) for each in (kept, html) if each]
    return Group(*parts)
