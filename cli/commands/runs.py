"""sageloop runs: the executions of the training pipeline."""

from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from cli import executions, output, projects, session
from cli.executions import Execution, Step
from cli.options import AsJson, ProjectName

SHORT = 8


def runs(
    run: Annotated[str | None, typer.Argument(help="Show the steps of this run.", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many runs.")] = 10,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """List the training runs, or the steps of one with the reason why it failed.

    Example:  sageloop runs · sageloop runs k2x9
    """
    aws = session.connect()
    pipeline = projects.find(aws, project).output("training", "PipelineName")
    if run is not None:
        one = executions.find(aws, pipeline, run)
        output.show(one, steps(one), as_json=as_json)
        return
    found = executions.executions(aws, pipeline, limit=limit)
    rows = [
        (
            one.id[:SHORT],
            output.status(one.status),
            output.time(one.started),
            output.seconds(one.started, one.ended),
            one.failure or one.description,
        )
        for one in found
    ]
    view = output.table(["Run", "Status", "Started", "Took", "Why"], rows)
    output.show(found, view if found else "No run yet: upload data with `sageloop upload`.", as_json=as_json)


def steps(one: Execution) -> Group:
    """An execution and what each of its steps came to."""
    rows = [
        (
            step.name,
            output.status(step.status),
            output.time(step.started),
            took(step),
            step.failure or step.job_name or step.made.rpartition(":")[2],
        )
        for step in one.steps
    ]
    head = Text.assemble(f"Run {one.id} ", output.status(one.status), f"  {one.description}")
    return Group(head, output.table(["Step", "Status", "Started", "Took", "Job or reason"], rows))


def took(step: Step) -> str:
    """How long a step took, or where its results come from."""
    if step.taken_from:
        return f"{'cached' if step.cached else 'reused'} from {step.taken_from[:SHORT]}"
    return output.seconds(step.started, step.ended)
