"""sageloop tuning: tuning jobs, and what their trials have found."""

import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from cli import output, projects, session
from cli import tuning as jobs
from cli.errors import CommandError
from cli.options import AsJson, ProjectName
from cli.tuning import Summary, Trial, TuningJob

if TYPE_CHECKING:
    import boto3

POLL_SECONDS = 1.0
# Lines of a terminal that the head and the best trial need besides the trials.
HEAD = 9

Job = Annotated[
    str | None,
    typer.Argument(help="A tuning job, or the run that made it, by the beginning.", show_default=False),
]


def tuning(
    job: Job = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on until the job ends.")] = False,
    html: Annotated[Path | None, typer.Option(help="Draw the trials on a page, into this file.")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open that page in the browser.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many tuning jobs in the list.")] = 10,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """List the tuning jobs, or show the trials of one: live, as a table, or drawn on a page.

    Example:  sageloop tuning --watch · sageloop tuning k2x9 --html trials.html --open
    """
    if open_ and html is None:
        raise typer.BadParameter("only a page can be opened: name its file with --html.", param_hint="--open")
    aws = session.connect()
    pipeline = projects.find(aws, project).output("training", "PipelineName")
    if job is None and not watch and html is None:
        with output.messages.status("Looking for tuning jobs ..."):
            found = jobs.jobs(aws, pipeline, limit=limit)
        none = "No tuning job yet: say tune=30 in app.py, deploy, and `sageloop run`."
        output.show(found, _list(found) if found else none, as_json=as_json)
        return
    name = jobs.find(aws, pipeline, job)
    one = _watch(aws, name) if watch else jobs.describe(aws, name)
    if html is not None:
        _write(html, one)
    output.show(_document(one), _view(one, html=html), as_json=as_json)
    if html is not None and open_:
        webbrowser.open(html.resolve().as_uri())
    if watch and one.status == "Failed":
        raise CommandError(f"Tuning job {one.name} failed: {one.failure or 'no trial succeeded'}")


def _watch(aws: "boto3.Session", name: str) -> TuningJob:
    """The job when it has ended; a terminal sees it change, anything else a line per trial."""
    if not output.messages.is_terminal:
        told: set[str] = set()
        return _follow(aws, name, lambda now: _tell(now, told))
    with Live(Text("Looking ..."), console=output.messages, transient=True) as live:
        height = max(3, output.messages.height - HEAD)
        return _follow(aws, name, lambda now: live.update(_view(now, rows=height)))


def _write(file: Path, one: TuningJob) -> None:
    if not any(trial.objective is not None for trial in one.trials):
        raise CommandError(f"Tuning job {one.name} has no trial with a result yet: draw it later.")
    from cli.pages import trials

    with output.messages.status("Drawing ..."):
        trials.write(file, one)


def _list(found: list[Summary]) -> RenderableType:
    rows = [
        (
            one.name,
            output.status(one.status),
            output.time(one.started),
            output.seconds(one.started, one.ended),
            str(one.trials),
            f"{one.metric} {output.figure(one.best)}" if one.best is not None else "",
        )
        for one in found
    ]
    return output.table(["Job", "Status", "Started", "Took", "Trials", "Best"], rows)


def _document(one: TuningJob) -> dict[str, object]:
    return {**vars(one), "best": one.best}


def _view(one: TuningJob, *, rows: int | None = None, html: Path | None = None) -> Group:
    """The job; with a number of rows, only its newest trials."""
    best = one.best
    of = f" of {one.wanted}" if one.wanted else ""
    took = output.seconds(one.started, one.ended)
    head = Text.assemble(
        f"{one.name} ",
        output.status(one.status),
        f"  {one.strategy}, {len(one.trials)}{of} trials{f' in {took}' if took else ''}",
    )
    parts: list[RenderableType] = [head]
    if one.failure:
        parts.append(Text(one.failure, style="red"))
    shown = one.trials if rows is None else one.trials[-rows:]
    names = list(dict.fromkeys(name for trial in one.trials for name in trial.hyperparameters))
    columns = ["Trial", "Status", one.metric or "objective", "Took", *names]
    table = output.table(columns, [_row(trial, names, best) for trial in shown])
    if shown:
        parts.append(Padding(table, (1, 0, 0, 0)))
    if best is not None and best.objective is not None:
        values = ", ".join(f"{name}={output.short(value)}" for name, value in best.hyperparameters.items())
        parts.append(
            Padding(
                Text(f"Best is trial {best.number}: {output.figure(best.objective)} with {values}"),
                (1, 0, 0, 0),
            )
        )
    if html is not None:
        parts.append(Text(str(html)))
    return Group(*parts)


def _row(trial: Trial, names: list[str], best: Trial | None) -> tuple[RenderableType, ...]:
    style = "bold green" if best and trial.name == best.name else ""
    said = output.figure(trial.objective) or trial.failure[:60]
    values = [output.short(trial.hyperparameters.get(name, "")) for name in names]
    seconds = f"{trial.seconds:.0f} s" if trial.seconds is not None else ""
    return str(trial.number), output.status(trial.status), Text(said, style=style), seconds, *values


def _follow(aws: "boto3.Session", name: str, seen: Callable[[TuningJob], None]) -> TuningJob:
    while True:
        now = jobs.describe(aws, name)
        seen(now)
        if not now.running:
            return now
        time.sleep(POLL_SECONDS)


def _tell(now: TuningJob, told: set[str]) -> None:
    for trial in now.trials:
        if trial.status not in ("InProgress", "Stopping") and trial.name not in told:
            told.add(trial.name)
            value = output.figure(trial.objective) or "no result"
            output.note(f"trial {trial.number}: {trial.status} {value}")
