"""sageloop api: what the API of a model takes and answers, and a page to try it."""

import json
import shlex
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from cli import description, output, predictions, projects, session
from cli.description import Description
from cli.options import AsJson, ProjectName

if TYPE_CHECKING:
    import boto3

    from cli.playground import Playground

_SHOWN_EXAMPLES = 6


def api(
    version: Annotated[
        int | None, typer.Argument(help="Which version; by default the one in service.", show_default=False)
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page about it into this file.")] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Open a page that tries it: calls are signed as you.")
    ] = False,
    port: Annotated[
        int, typer.Option(help="The page's port on this machine; 0 for any that is free.", min=0, max=65535)
    ] = 0,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Describe the API: its columns, formats and refusals; --json prints the OpenAPI document.

    Example:  sageloop api · sageloop api --json > openapi.json · sageloop api --open
    """
    if open_ and (as_json or html):
        raise typer.BadParameter(
            "it shows the page itself: leave out --json and --html.", param_hint="--open"
        )
    aws = session.connect()
    found = projects.find(aws, project)
    with output.messages.status("Reading the description ..."):
        described = description.describe(aws, found, version)
    if open_:
        serve(playground(aws, described, predictions.address(found), port))
        return
    if html is not None:
        from cli.pages import page

        page.write(html, "api.html", **_values(aws, described))
    output.show(described.document, _view(described, html), as_json=as_json)


def playground(aws: "boto3.Session", described: Description, address: str, port: int) -> "Playground":
    """The server of the page that tries the API at an address."""
    from cli.pages import page
    from cli.playground import Playground

    return Playground(
        port,
        lambda body, headers: predictions.ask(aws, address, body, headers),
        lambda secret, nonce: page.render("api.html", **_values(aws, described, secret, nonce)),
    )


def serve(server: "Playground") -> None:
    """Show the page until the user has had enough."""
    output.note(f"{server.url} tries the API with your credentials; Ctrl-C ends it.")
    webbrowser.open(server.url)
    with server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            output.note("Ended.")


def _values(
    aws: "boto3.Session", described: Description, secret: str = "", nonce: str = ""
) -> dict[str, Any]:
    """What the page shows; without a secret it only says how to call."""
    return {
        "described": described,
        "secret": secret,
        "nonce": nonce,
        "region": session.region_name(aws),
        "address": session.api_address(f"{described.url}/predict"),
        "responses": _responses(described.document),
    }


def _responses(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The status of each answer, and when it comes."""
    said = document["components"]["responses"]
    listed = document["paths"]["/predict"]["post"]["responses"]
    return [
        (status, said[one["$ref"].rpartition("/")[2]]["description"] if "$ref" in one else one["description"])
        for status, one in listed.items()
    ]


def _view(described: Description, html: Path | None) -> Group:
    document = described.document
    state = "in service" if described.in_service else "not in service"
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]
    example = json.dumps(body["application/json"]["examples"]["objects"]["value"], ensure_ascii=False)
    rows = [
        (name, _types(column), _examples(column), column.get("description", ""))
        for name, column in described.columns.items()
    ]
    parts: list[RenderableType] = [
        Text.assemble((document["info"]["title"], "bold"), f", version {described.version} ({state})"),
        Text(document["info"]["description"]),
        Text(f"POST {described.url}/predict with {', '.join(body)}; signed (SigV4, execute-api)"),
        Padding(output.table(["Column", "Type", "Examples", ""], rows), (1, 0)),
        output.table(["Status", "Meaning"], _responses(document)),
        Padding(Text(f"sageloop invoke - <<< {shlex.quote(example)}", style="dim"), (1, 0, 0, 0)),
    ]
    if html is not None:
        parts.append(Text(str(html)))
    return Group(*parts)


def _types(column: Mapping[str, Any]) -> str:
    if "pattern" in column:
        return "date or time"
    kinds = {"string": "text", "boolean": "true or false"}
    return " or ".join(kinds.get(kind, kind) for kind in column["type"] if kind != "null")


def _examples(column: Mapping[str, Any]) -> str:
    examples = column.get("examples", [])
    more = ", ..." if len(examples) > _SHOWN_EXAMPLES else ""
    return (
        ", ".join(json.dumps(each, ensure_ascii=False).strip('"') for each in examples[:_SHOWN_EXAMPLES])
        + more
    )
