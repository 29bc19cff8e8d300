"""sageloop invoke: predictions from the API, as any client gets them."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import output, predictions, projects, session
from cli.errors import CommandError
from cli.options import AsJson, ProjectName
from cli.predictions import MODEL_HEADER

TYPES = {".csv": "text/csv", ".json": "application/json"}


def invoke(
    file: Annotated[
        Path, typer.Argument(help="Rows as CSV or JSON; - reads stdin.", allow_dash=True, show_default=False)
    ],
    content_type: Annotated[
        str | None, typer.Option(help="By default by the file's name, or by its first character.")
    ] = None,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Predict rows through the project's API, signed with your AWS credentials.

    Example:  sageloop invoke flights.csv · head -2 flights.csv | sageloop invoke -
    """
    body = _read(file)
    kind = content_type or TYPES.get(file.suffix.lower()) or _sniff(body)
    aws = session.connect()
    found = projects.find(aws, project)
    headers = {"Content-Type": kind, "Accept": "application/json" if as_json else kind}
    answer = predictions.ask(aws, predictions.address(found), body, headers)
    text = answer.body.decode(errors="replace")
    if answer.status != 200:
        raise CommandError(_refusal(answer.status, text, found.name))
    print(text.rstrip("\n"))
    if model := answer.headers.get(MODEL_HEADER):
        output.note(f"Answered by {model}")


def _read(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error


def _sniff(body: bytes) -> str:
    return "application/json" if body.lstrip()[:1] in (b"{", b"[") else "text/csv"


def _refusal(code: int, text: str, project: str) -> str:
    try:
        answer = json.loads(text)
        message = str(answer.get("message") or answer.get("Message"))
    except (ValueError, AttributeError):
        message = " ".join(text.split())[:300] or "no reason given"
    hint = " Is a model approved? See `sageloop status`." if code in (404, 500, 503) else ""
    return f"The API of {project} answered {code}: {message}{hint}"
