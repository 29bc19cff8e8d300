"""Small objects in S3, read with the caller's rights."""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3


def read(session: "boto3.Session", uri: str) -> bytes | None:
    """The bytes at an s3:// address; None when nothing lies there."""
    place = urlsplit(uri)
    s3 = session.client("s3")
    try:
        return s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
    except (s3.exceptions.NoSuchKey, s3.exceptions.NoSuchBucket):
        return None


def document(session: "boto3.Session", uri: str) -> dict[str, Any] | None:
    """The JSON object at an s3:// address, None when nothing lies there; CommandError for anything else."""
    content = read(session, uri)
    if content is None:
        return None
    try:
        found = json.loads(content)
    except ValueError as error:
        raise CommandError(f"{uri} is not JSON: {error}.") from error
    if not isinstance(found, dict):
        raise CommandError(f"{uri} holds no JSON object.")
    return found
