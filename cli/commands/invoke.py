"""sageloop invoke: predictions from the API, as any client gets them."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import output, projects, session
from cli.errors import CommandError, Unreachable
from cli.options import AsJson, ProjectName

if TYPE_CHECKING:
    import boto3
    from botocore.awsrequest import AWSResponse

# An endpoint answers within 60 s, the API in front of it within 29 s.
TIMEOUT_SECONDS = 70
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
    url = found.output("serving", "ApiUrl").rstrip("/") + "/predict"
    accept = "application/json" if as_json else kind
    response = _post(aws, url, body, {"Content-Type": kind, "Accept": accept})
    text = response.content.decode(errors="replace")
    if response.status_code != 200:
        raise CommandError(_refusal(response.status_code, text, found.name))
    print(text.rstrip("\n"))
    if model := response.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
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


def _post(aws: "boto3.Session", url: str, body: bytes, headers: dict[str, str]) -> "AWSResponse":
    """Send a request, signed as AWS wants it (Signature Version 4)."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import HTTPClientError, NoCredentialsError
    from botocore.httpsession import URLLib3Session

    credentials = aws.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    request = AWSRequest(method="POST", url=session.api_address(url), data=body, headers=headers)
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", session.region_name(aws)).add_auth(request)
    try:
        return URLLib3Session(timeout=TIMEOUT_SECONDS).send(request.prepare())
    except HTTPClientError as error:
        raise Unreachable(f"The API does not answer at {request.url}: see `sageloop status`.") from error


def _refusal(code: int, text: str, project: str) -> str:
    try:
        answer = json.loads(text)
        message = str(answer.get("message") or answer.get("Message"))
    except (ValueError, AttributeError):
        message = " ".join(text.split())[:300] or "no reason given"
    hint = " Is a model approved? See `sageloop status`." if code in (404, 500, 503) else ""
    return f"The API of {project} answered {code}: {message}{hint}"
