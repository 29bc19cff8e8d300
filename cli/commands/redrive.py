"""sageloop redrive: dead letters back into the queues that they were for."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli import dead_letters, output, projects, session
from cli.dead_letters import Letter
from cli.options import AsJson, ProjectName

QUEUE = "DeadLetterQueueUrl"
Drop = Annotated[bool, typer.Option("--drop", help="Delete the malformed ones, which nothing can take.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would become of each.")]


def redrive(
    drop: Drop = False, dry_run: DryRun = False, project: ProjectName = None, as_json: AsJson = False
) -> None:
    """Send the events that could not be handled back to their functions, once the fault is repaired.

    Example:  sageloop redrive --dry-run && sageloop redrive
    """
    aws = session.connect()
    found = projects.find(aws, project)
    # Monitoring is a stack of its own, and only of projects that are watched.
    urls = (found.output("retraining", QUEUE), found.find("monitoring", QUEUE))
    letters: list[Letter] = []
    with output.messages.status("Reading the dead letters ...") as line:
        for url in filter(None, urls):
            for letter in dead_letters.redrive(aws, url, drop=drop, dry_run=dry_run):
                letters.append(letter)
                line.update(f"{len(letters)} read ...")
    output.show(letters, _view(found.name, letters, dry_run=dry_run), as_json=as_json)


def _view(name: str, letters: Sequence[Letter], *, dry_run: bool) -> RenderableType:
    if not letters:
        return f"{name} has no dead letters."
    alike = Counter((each.fate, each.queue, each.event, each.reason) for each in letters)
    rows = [
        (str(count), fate, queue, Text(event), Text(reason))
        for (fate, queue, event, reason), count in sorted(alike.items())
    ]
    parts: list[RenderableType] = [output.table(["", "Fate", "Queue", "Event", "Reason"], rows)]
    if dry_run:
        parts.append("Nothing was moved; leave --dry-run out to do this.")
    elif any(each.fate == "kept" and each.reason.startswith("malformed") for each in letters):
        parts.append("What is malformed stays; `sageloop redrive --drop` deletes it.")
    return Group(*parts)
