"""Which AWS the commands talk to."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cli import checkout, output
from local import cloud

if TYPE_CHECKING:
    import boto3

# Any of these means that the user has chosen an AWS.
CHOICES = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ACCESS_KEY_ID")


def choose() -> None:
    """Take the embedded AWS of this checkout, if it runs and the environment names no other."""
    if any(os.environ.get(name) for name in CHOICES):
        return
    if embedded := cloud.running(checkout.state()):
        os.environ.update(embedded.environment())
        output.note(f"Using the embedded AWS of this checkout ({embedded.url}).")


def connect() -> "boto3.Session":
    """A session of the chosen AWS, which boto3 finds in the environment."""
    choose()
    import boto3
    from botocore.exceptions import NoCredentialsError

    # Three attempts: boto3's older default tries an absent AWS for a quarter of a minute.
    os.environ.setdefault("AWS_RETRY_MODE", "standard")
    # Every other AWS client takes this name too.
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if session.get_credentials() is None:
        raise NoCredentialsError
    region_name(session)
    return session


def region_name(session: "boto3.Session") -> str:
    """The session's region; raises NoRegionError where boto3 would only do so at the first call."""
    from botocore.exceptions import NoRegionError

    if not session.region_name:
        raise NoRegionError
    return session.region_name


def api_address(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """The API's own address, or its path at the endpoint that stands for all of AWS."""
    endpoint = environment.get("AWS_ENDPOINT_URL_EXECUTE_API") or environment.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return url
    parts = urlsplit(url)
    api = (parts.hostname or "").split(".")[0]
    return f"{endpoint.rstrip('/')}/_aws/execute-api/{api}{parts.path}"
