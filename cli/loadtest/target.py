"""What is called, and the signatures of the calls."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cli.loadtest.rows import Bodies

if TYPE_CHECKING:
    import boto3

# A signature is good for five minutes, so no run of the generator may go on for longer:
# docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
SIGNED_FOR_SECONDS = 240


@dataclass(frozen=True)
class Target:
    """An address, and the service and region that its calls are signed for."""

    url: str
    service: str
    region: str


def runtime(session: "boto3.Session", endpoint: str) -> Target:
    """SageMaker's runtime API, which has no front of its own: what an endpoint can do is seen here."""
    client = session.client("sagemaker-runtime")
    return Target(
        f"{client.meta.endpoint_url.rstrip('/')}/endpoints/{endpoint}/invocations",
        "sagemaker",
        client.meta.region_name,
    )


def write_signed(session: "boto3.Session", target: Target, bodies: Bodies, file: Path) -> None:
    """Sign each body, and write it with its headers for the generator, which takes one after the other.

    Signing ahead keeps it out of the measured time; botocore does it, at about 0.1 ms a call.
    """
    headers = signed(session, target, bodies.content_type, bodies.bodies)
    rows = [
        {"body": body.decode(), "authorization": each["Authorization"], "date": each["X-Amz-Date"]}
        for body, each in zip(bodies.bodies, headers, strict=True)
    ]
    file.write_text(json.dumps(rows), "utf-8")


def signed(
    session: "boto3.Session", target: Target, content_type: str, bodies: Sequence[bytes]
) -> list[dict[str, str]]:
    """The headers of a POST of each body, by Signature Version 4; raises NoCredentialsError."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import NoCredentialsError

    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    signer = SigV4Auth(credentials.get_frozen_credentials(), target.service, target.region)
    found = []
    for body in bodies:
        request = AWSRequest("POST", target.url, data=body, headers={"Content-Type": content_type})
        signer.add_auth(request)
        found.append(dict(request.headers.items()))
    return found


def security_token(session: "boto3.Session") -> str | None:
    """The token of temporary credentials, which travels with each call."""
    credentials = session.get_credentials()
    return credentials.get_frozen_credentials().token if credentials else None
