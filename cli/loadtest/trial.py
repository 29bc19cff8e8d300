"""One call before the load: what the model refuses is said at once, and not a hundred thousand times."""

import json
import os
from typing import TYPE_CHECKING

from cli.errors import CommandError
from cli.loadtest.rows import Bodies
from cli.loadtest.target import Target, signed
from cli.predictions import API_KEY, TIMEOUT_SECONDS

if TYPE_CHECKING:
    import boto3

_MOST_SHOWN = 500
_TOO_MANY = 429


def call(session: "boto3.Session", target: Target, bodies: Bodies) -> None:
    """Send the first row; raises CommandError with what is answered when that is a refusal (4xx).

    What is busy or broken at the moment (429, 5xx, no answer) is for the load test to count.
    """
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import ConnectionError as NoConnectionError
    from botocore.exceptions import HTTPClientError
    from botocore.httpsession import URLLib3Session

    body = bodies.bodies[0]
    [headers] = signed(session, target, bodies.content_type, [body])
    request = AWSRequest("POST", target.url, data=body, headers=headers | api_key(target))
    try:
        answer = URLLib3Session(timeout=TIMEOUT_SECONDS).send(request.prepare())
    except (HTTPClientError, NoConnectionError):
        return
    if 400 <= answer.status_code < 500 and answer.status_code != _TOO_MANY:
        said = reason(answer.content)
        raise CommandError(
            f"The first row is refused with {answer.status_code}, so no load was put on: {said}"
        )


def api_key(target: Target) -> dict[str, str]:
    """The header with the key of a client, where the project names any and the API is called."""
    key = os.environ.get(API_KEY)
    return {"x-api-key": key} if key and target.service == "execute-api" else {}


def reason(answer: bytes) -> str:
    """What an answer says, of JSON its message: the model's own where SageMaker passes it on."""
    text = answer.decode(errors="replace").strip()
    try:
        found = json.loads(text)
    except ValueError:
        return text[:_MOST_SHOWN]
    if isinstance(found, dict):
        for name in ("OriginalMessage", "Message", "message", "error"):
            if isinstance(said := found.get(name), str) and said:
                return reason(said.encode())
    return text[:_MOST_SHOWN]
