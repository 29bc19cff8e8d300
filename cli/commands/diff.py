"""sageloop diff: two runs side by side."""

import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import comparison, executions, outcome, output, projects, session, storage
from cli.commands.runs import SHORT, took
from cli.comparison import Comparison, MetricPair, Pair
from cli.errors import CommandError
from cli.executions import Step
from cli.options import AsJson, ProjectName

if TYPE_CHECKING:
    import boto3

WORDS = {"first": "the first", "second": "the second"}


def diff(
    first: Annotated[str, typer.Argument(help="A run, by the beginning of its id.", show_default=False)],
    second: Annotated[str, typer.Argument(help="The run that it is compared with.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option(help="Write a page with the curves of both into this file.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open that page in the browser.")] = False,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Compare two runs: parameters, hyperparameters, data, steps, metrics and gates.

    Example:  sageloop diff k2x9 p7m3 · sageloop diff k2x9 p7m3 --html diff.html --open
    """
    if open_ and html is None:
        raise typer.BadParameter("only a page can be opened: name its file with --html.", param_hint="--open")
    aws = session.connect()
    found_project = projects.find(aws, project)
    pipeline = found_project.output("training", "PipelineName")
    with output.messages.status("Reading what both have left ..."):
        runs = [executions.find(aws, pipeline, id_) for id_ in (first, second)]
        if runs[0].arn == runs[1].arn:
            raise CommandError(f"Both are run {runs[0].id}: name two different ones.")
        found = comparison.compare(*(outcome.outcome(aws, run) for run in runs))
        if html is not None:
            _write(aws, html, found_project.name, found)
    output.show(_document(found), _view(found, html), as_json=as_json)
    if html is not None and open_:
        webbrowser.open(html.resolve().as_uri())


def _write(aws: "boto3.Session", file: Path, project: str, found: Comparison) -> None:
    from cli.pages import curves, page

    read = []
    for one in (found.first, found.second):
        report = storage.read(aws, one.evaluation.report) if one.evaluation else None
        read.append(curves.read(report.decode(errors="replace")) if report else None)
    verdicts = [
        (one.execution.id, verdict)
        for one in (found.first, found.second)
        for verdict in (one.evaluation.verdicts if one.evaluation else ())
    ]
    page.write(
        file,
        "diff.html",
        project=project,
        found=found,
        charts=curves.overlaid(read[0], read[1]) if read[0] and read[1] else [],
        verdicts=verdicts,
        tuned=_tuned(found),
        steps=_steps(found),
    )


def _tuned(found: Comparison) -> set[str]:
    return {*found.first.tuned, *found.second.tuned}


def _steps(found: Comparison) -> list[Pair]:
    return [Pair(each.name, _said(each.first), _said(each.second)) for each in found.steps]


def _said(step: Step | None) -> str:
    return f"{step.status} {took(step)}".strip() if step else ""


def _document(found: Comparison) -> dict[str, Any]:
    """The comparison for machines."""
    return {
        "runs": [found.first, found.second],
        "parameters": [_pair(pair) for pair in found.parameters],
        "hyperparameters": [
            {**_pair(pair), "tuned": pair.name in _tuned(found)} for pair in found.hyperparameters
        ],
        "data": [_pair(pair) for pair in found.data],
        "same_holdout": found.same_holdout,
        "steps": found.steps,
        "metrics": found.metrics,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {"name": pair.name, "first": pair.first, "second": pair.second, "differs": pair.differs}


def _view(found: Comparison, html: Path | None) -> Group:
    ids = [one.execution.id[:SHORT] for one in (found.first, found.second)]
    parts: list[RenderableType] = []
    for one in (found.first, found.second):
        version = f"  version {one.version}" if one.version else ""
        run = one.execution
        parts.append(
            Text.assemble(f"{run.id[:SHORT]}  ", output.status(run.status), f"{version}  {run.description}")
        )
    if found.same_holdout is False:
        warning = "They were judged on different rows, so their metrics cannot be compared."
        parts.append(Text(warning, style="yellow"))
    if found.metrics:
        rows = [_metric(each) for each in found.metrics]
        parts.append(_below(output.table(["Metric", *ids, "Difference", "Better"], rows)))
    for one in (found.first, found.second):
        if one.evaluation:
            word = output.status("Approved" if one.evaluation.passed else "Rejected").style
            parts.append(Text.assemble(f"{one.execution.id[:SHORT]}  ", (one.evaluation.reason, word)))
    tuned = _tuned(found)
    marked = [
        Pair(f"{each.name} (tuned)" if each.name in tuned else each.name, each.first, each.second)
        for each in found.hyperparameters
    ]
    for title, pairs in (
        ("Hyperparameter", marked),
        ("Parameter", found.parameters),
        ("Data", found.data),
        ("Step", _steps(found)),
    ):
        parts.extend(_section(title, ids, pairs, everything=title == "Step"))
    if html is not None:
        parts.append(_below(Text(str(html))))
    return Group(*parts)


def _section(title: str, ids: list[str], pairs: Sequence[Pair], *, everything: bool) -> list[RenderableType]:
    """A table of what differs, and a word about what does not."""
    shown = [pair for pair in pairs if everything or pair.differs]
    same = len(pairs) - len(shown)
    if not pairs:
        return []
    if not shown:
        return [_below(Text(f"{title}: all {same} are the same", style="dim"))]
    rows = [(pair.name, pair.first or "", pair.second or "") for pair in shown]
    more = [Text(f"and {same} that are the same", style="dim")] if same else []
    return [_below(output.table([title, *ids], rows)), *more]


def _metric(each: MetricPair) -> tuple[RenderableType, ...]:
    values = [output.figure(value) for value in (each.first, each.second)]
    if each.difference is None:
        return each.name, *values, "", ""
    better = WORDS[each.better] if each.better else "neither"
    noise = ", within the intervals" if each.better and each.apart is False else ""
    colour = "" if noise else {"second": "green", "first": "red"}.get(each.better or "", "dim")
    return each.name, *values, Text(output.change(each.difference), style=colour), Text(better + noise)


def _below(part: RenderableType) -> Padding:
    return Padding(part, (1, 0, 0, 0))
