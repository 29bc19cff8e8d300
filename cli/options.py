"""Options that several commands share."""

from typing import Annotated

import typer

ProjectName = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Which project, when several are deployed.", show_default=False),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
