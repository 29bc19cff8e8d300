"""sageloop invoke: predictions, as any client gets them: from the API, by way of the queue, or of a batch."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import later, output, predictions, projects, session
from cli.errors import CommandError
from cli.options import AsJson, ProjectName
from cli.predictions import API_KEY, MODEL_HEADER
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

PARQUET = "application/vnd.apache.parquet"
TYPES = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".parquet": PARQUET,
}


def invoke(
    file: Annotated[
        Path,
        typer.Argument(
            help="Rows as CSV, JSON, JSON Lines or Parquet; - reads stdin.",
            allow_dash=True,
            show_default=False,
        ),
    ],
    content_type: Annotated[
        str | None, typer.Option(help="By default by the file's name, or by its first character.")
    ] = None,
    project: ProjectName = None,
    as_json: AsJson = False,
) -> None:
    """Predict rows through the project's API, signed with your AWS credentials.

    Where calls wait in a queue, or files are predicted in batches, it waits for the answer. SAGELOOP_API_KEY
    is the API key, where the project names clients.

    Example:  sageloop invoke flights.csv · head -2 flights.csv | sageloop invoke -
    """
    body = _read(file)
    kind = content_type or TYPES.get(file.suffix.lower()) or _sniff(body)
    aws = session.connect()
    found = projects.find(aws, project)
    accept = "application/json" if as_json else "text/csv" if kind == PARQUET else kind
    if found.find("serving", "AnswersTopicArn"):
        print(later.queue(aws, found, body, kind, accept).decode(errors="replace").rstrip("\n"))
        return
    if found.find("serving", "BatchPipeline"):
        if kind != "text/csv":
            raise CommandError(f"{found.name} predicts files of CSV alone, and this is {kind}.")
        print(later.batch(aws, found, body).decode(errors="replace").rstrip("\n"))
        return
    _call(aws, found, body, {"Content-Type": kind, "Accept": accept})


def _call(aws: "boto3.Session", found: Project, body: bytes, headers: Mapping[str, str]) -> None:
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
    if body[:4] == b"PAR1":
        return PARQUET
    return "application/json" if body.lstrip()[:1] in (b"{", b"[") else "text/csv"


def _refusal(code: int, text: str, project: str) -> str:
    try:
        answer = json.loads(text)
        message = str(answer.get("message") or answer.get("Message"))
    except (ValueError, AttributeError):
        message = " ".join(text.split())[:300] or "no reason given"
    hint = " Is a model approved? See `sageloop status`." if code in (404, 500, 503) else ""
    if code == 403 and "x-api-key" in message:
        found = f"aws apigateway get-api-keys --include-values --name-query {project}-"
        hint = f". Set {API_KEY} to the key of a client, which `{found}` shows."
    if "no capacity" in message:
        hint = " This call has started its instances: repeat it in some minutes."
    return f"The API of {project} answered {code}: {message}{hint}"
