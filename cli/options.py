"""Options that several commands share."""

from typing import Annotated

import typer

ProjectName = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Which project, when several are deployed.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it serves.")]
Minutes = Annotated[float, typer.Option("--timeout", help="Minutes to wait at most.", min=0)]
