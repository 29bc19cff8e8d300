"""sageloop quarantine: data that were refused, and their release."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from cli import output, projects, quarantined, session
from cli.options import AsJson, ProjectName
from cli.quarantined import Quarantined

quarantine = typer.Typer(name="quarantine", no_args_is_help=False, rich_markup_mode="rich")

Key = Annotated[
    str, typer.Argument(help="The object, as `sageloop quarantine` lists it.", show_default=False)
]


@quarantine.callback(invoke_without_command=True)
def listed(context: typer.Context, project: ProjectName = None, as_json: AsJson = False) -> None:
    """List the data that training has refused and put apart, each with the reason.

    A corrected file is uploaded under its old name; one that is right as it is can be released.

    Example:  sageloop quarantine · sageloop quarantine release 2013-08.csv
    """
    if context.invoked_subcommand:
        context.obj = project
        return
    aws = session.connect()
    found = projects.find(aws, project)
    bucket = found.output("storage", "IncomingBucket")
    apart = list(quarantined.listed(aws, bucket))
    output.show(apart, _view(found.name, apart), as_json=as_json)


@quarantine.command()
def release(context: typer.Context, key: Key, project: ProjectName = None, as_json: AsJson = False) -> None:
    """Put an object back among the data and let it pass as it is; its arrival starts a run.

    Example:  sageloop quarantine release 2013-08.csv
    """
    aws = session.connect()
    found = projects.find(aws, project or context.obj)
    name = quarantined.name(key, found.output("storage", "IncomingBucket"))
    uri = quarantined.release(aws, found, name)
    view = f"{uri} is back and passes from now on; follow its run with `sageloop runs`."
    output.show({"key": name, "uri": uri}, view, as_json=as_json)


def _view(project: str, apart: Sequence[Quarantined]) -> RenderableType:
    if not apart:
        return f"Nothing of {project} is in quarantine."
    rows = [
        (Text(each.key), output.size(each.bytes), output.time(each.since), each.execution, Text(each.reason))
        for each in apart
    ]
    return output.table(["Object", "Size", "Since", "Refused by run", "Reason"], rows)
