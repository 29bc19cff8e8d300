"""sageloop report: what the evaluation has written about a model."""

import re
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.text import Text

from cli import checkout, executions, outcome, output, projects, registry, session, storage
from cli.errors import CommandError
from cli.options import AsJson, ProjectName
from cli.outcome import Evaluation
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

# Versions count from 1; the ids of runs have twelve letters and digits.
VERSION = re.compile(r"v?(\d{1,6})", re.IGNORECASE)


@dataclass(frozen=True)
class Report:
    """A report on this machine, and the key figures of its evaluation."""

    file: Path
    uri: str
    of: str
    passed: bool
    reason: str
    metrics: dict[str, float | None]


What = Annotated[
    str | None,
    typer.Argument(
        help="A version of the model, or a run; by default the newest version.", show_default=False
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open it in the browser.")]


def report(
    what: What = None, open_: Open = False, project: ProjectName = None, as_json: AsJson = False
) -> None:
    """Download the report of a model, also of one that the gate has refused, and print its key figures.

    Example:  sageloop report --open · sageloop report 3 · sageloop report k2x9
    """
    aws = session.connect()
    found = projects.find(aws, project)
    with output.messages.status("Downloading the report ..."):
        name, of, evaluated = _find(aws, found, what)
        page = storage.read(aws, evaluated.report)
    if page is None:
        raise CommandError(f"The report of {of} is gone: nothing lies at {evaluated.report}.")
    file = checkout.state() / "reports" / f"{found.name}-{name}.html"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(page)
    values = {name: metric.value for name, metric in evaluated.metrics.items()}
    made = Report(file, evaluated.report, of, evaluated.passed, evaluated.reason, values)
    output.show(made, _view(made, evaluated), as_json=as_json)
    if open_:
        webbrowser.open(file.resolve().as_uri())


def _find(aws: "boto3.Session", project: Project, what: str | None) -> tuple[str, str, Evaluation]:
    """A name for the file, whose report it is, and the evaluation; raises CommandError."""
    if what is None or VERSION.fullmatch(what):
        return _of_version(aws, project, int(what.lower().lstrip("v")) if what else None)
    pipeline = project.output("training", "PipelineName")
    execution = executions.find(aws, pipeline, what)
    evaluated = outcome.evaluation(aws, execution)
    if evaluated is None:
        raise CommandError(
            f"Run {execution.id} has no report, because its evaluation has not ended well: "
            f"see `sageloop runs {execution.id}`."
        )
    return f"run-{execution.id}", f"run {execution.id}", evaluated


def _of_version(aws: "boto3.Session", project: Project, version: int | None) -> tuple[str, str, Evaluation]:
    group = project.output("training", "ModelPackageGroup")
    arn = registry.arn_of(aws, group, version)
    answer = aws.client("sagemaker").describe_model_package(ModelPackageName=arn)
    of = f"version {answer['ModelPackageVersion']}"
    metrics = answer.get("ModelMetrics", {})
    page = metrics.get("Explainability", {}).get("Report", {}).get("S3Uri")
    figures = metrics.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri")
    if page is None or figures is None:
        raise CommandError(f"{of.capitalize()} of {group} has no report: it was registered without one.")
    found = storage.document(aws, figures)
    if found is None:
        raise CommandError(f"The metrics of {of} are gone: nothing lies at {figures}.")
    return f"v{answer['ModelPackageVersion']}", of, outcome.read_evaluation(found, page)


def _view(made: Report, evaluated: Evaluation) -> Group:
    verdict = Text("passed", style="green") if made.passed else Text("refused", style="red")
    rows = [
        (name, output.figure(each.value), _interval(each.low, each.high))
        for name, each in evaluated.metrics.items()
    ]
    head = Text.assemble(f"{made.of.capitalize()} ", verdict, f": {made.reason}")
    return Group(head, output.table(["Metric", "Value", "Interval"], rows), Text(str(made.file)))


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{output.figure(low)} to {output.figure(high)}"
