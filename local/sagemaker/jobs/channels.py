"""Input data: from S3 into the directories that the container reads."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.s3 import Location, location

_CHUNK = 2**20


def download(s3: Any, permissions: Permissions, uri: str, data_type: str, target: Path) -> None:
    """Copy the objects of an S3Prefix or a ManifestFile below `target`; the s3 client has the job's role.

    Raises JobFailed when there is nothing, when S3 refuses, or when a key would leave the directory.
    """
    target.mkdir(parents=True, exist_ok=True)
    for source, name in objects(s3, permissions, uri, data_type):
        fetch(s3, permissions, source, target, name)


def objects(s3: Any, permissions: Permissions, uri: str, data_type: str) -> list[tuple[Location, str]]:
    """Each object of an input with the path that it gets below the input directory.

    Raises JobFailed when there is nothing, or when S3 refuses.
    """
    try:
        found = list(_objects(s3, uri, data_type))
    except ClientError as error:
        raise JobFailed(f"ClientError: Data download failed: {error}") from None
    if not found:
        raise JobFailed(f"ClientError: Data download failed: {no_objects(uri, permissions)}")
    return found


def fetch(s3: Any, permissions: Permissions, source: Location, target: Path, name: str) -> Path:
    """Copy one object below `target`; its path. Raises JobFailed, as `download` does."""
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or name.startswith("/"):
        raise JobFailed(f"ClientError: Data download failed: {source} has no usable file name.")
    path = target.joinpath(*parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        # Not HeadObject, whose refusal has no body and so no reason.
        found = s3.get_object(Bucket=source.bucket, Key=source.key)
    except ClientError as error:
        raise JobFailed(f"ClientError: Data download failed: {error}") from None
    if found.get("ServerSideEncryption") == "aws:kms" and found.get("SSEKMSKeyId"):
        permissions.decrypt(found["SSEKMSKeyId"])
    with found["Body"] as body, path.open("wb") as file:
        shutil.copyfileobj(body, file, _CHUNK)
    return path


def no_objects(uri: str, permissions: Permissions, said: str = "") -> str:
    """AWS's sentence for an input without objects."""
    place = location(uri)
    return (
        f'No S3 objects found under S3 URL "{uri}" given in input data source. Please ensure that the bucket '
        f"exists in the selected region ({permissions.region}), that objects exist under that S3 prefix, and "
        f'that the role "{permissions.role}" has "s3:ListBucket" permissions on bucket "{place.bucket}".'
        + (f" Error message from S3: {said}" if said else "")
    )


def has_objects(s3: Any, uri: str) -> bool:
    """Whether there is an object under the prefix; ClientError where S3 refuses to tell."""
    place = location(uri)
    return bool(s3.list_objects_v2(Bucket=place.bucket, Prefix=place.key, MaxKeys=1).get("KeyCount"))


def _objects(s3: Any, uri: str, data_type: str) -> Iterator[tuple[Location, str]]:
    if data_type == "S3Prefix":
        yield from _prefixed(s3, location(uri))
    elif data_type == "ManifestFile":
        yield from _listed(s3, location(uri))
    else:
        raise JobFailed(f"ClientError: The embedded AWS does not read S3DataType {data_type}.")


def _prefixed(s3: Any, place: Location) -> Iterator[tuple[Location, str]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.key)
    for page in pages:
        for found in page.get("Contents", []):
            key = found["Key"]
            if not key.endswith("/"):
                yield Location(place.bucket, key), _relative(key, place.key)


def _relative(key: str, prefix: str) -> str:
    """A prefix names a directory (its slash may be missing), one object, or the start of names."""
    directory = prefix if prefix.endswith("/") else prefix + "/"
    if key.startswith(directory):
        return key.removeprefix(directory)
    parent, slash, _ = prefix.rpartition("/")
    return key.removeprefix(parent + slash)


def _listed(s3: Any, manifest: Location) -> Iterator[tuple[Location, str]]:
    """A manifest is `[{"prefix": "s3://bucket/path/"}, "name", …]` (API_S3DataSource)."""
    text = s3.get_object(Bucket=manifest.bucket, Key=manifest.key)["Body"].read()
    try:
        head, *names = json.loads(text)
        base = location(head["prefix"])
    except (ValueError, KeyError, TypeError):
        raise JobFailed(f"ClientError: {manifest} is not a manifest of S3 objects.") from None
    for name in names:
        yield Location(base.bucket, base.key + name), name
