"""Calls of a project's API, signed with the caller's credentials (Signature Version 4)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import session
from cli.errors import Unreachable
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

# An endpoint answers within 60 s, the API in front of it within 29 s.
TIMEOUT_SECONDS = 70
# The key of one of the declared clients, where the project names any.
API_KEY = "SAGELOOP_API_KEY"
MODEL_HEADER = "X-Amzn-SageMaker-Custom-Attributes"


@dataclass(frozen=True)
class Answer:
    """What the API answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def address(project: Project) -> str:
    """Where the project's predictions are asked for; raises CommandError when there is no API."""
    return session.api_address(project.output("serving", "ApiUrl").rstrip("/") + "/predict")


def ask(aws: "boto3.Session", url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a body to the `address` of an API; raises Unreachable, or NoCredentialsError.

    The header `x-api-key` is the variable SAGELOOP_API_KEY, where that is set.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import ConnectionError as NoConnectionError
    from botocore.exceptions import HTTPClientError, NoCredentialsError
    from botocore.httpsession import URLLib3Session

    credentials = aws.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    key = {"x-api-key": os.environ[API_KEY]} if API_KEY in os.environ else {}
    request = AWSRequest(method="POST", url=url, data=body, headers={**headers, **key})
    SigV4Auth(credentials.get_frozen_credentials(), "execute-api", session.region_name(aws)).add_auth(request)
    try:
        answer = URLLib3Session(timeout=TIMEOUT_SECONDS).send(request.prepare())
    except (HTTPClientError, NoConnectionError) as error:
        raise Unreachable(f"The API does not answer at {url}: see `sageloop status`.") from error
    return Answer(answer.status_code, answer.headers, answer.content)
