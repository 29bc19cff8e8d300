"""What executions have read: the list of objects that each was started with, beside its manifest."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli import storage
from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3

# Where in the incoming bucket the data lie, and what Prepare has refused.
DATA, QUARANTINE = "data/", "quarantine/"
# The name of the list, in the folder of the manifest.
SNAPSHOT = "snapshot.json"
FORMAT = 1


@dataclass(frozen=True)
class Object:
    """An object of the incoming bucket; its etag, without quotes, is another for every content."""

    key: str
    etag: str
    size: int
    modified: datetime | None = None

    @property
    def content(self) -> tuple[str, str, int]:
        """What two objects have in common that hold the same in the same place."""
        return self.key, self.etag, self.size


@dataclass(frozen=True)
class Snapshot:
    """The objects below data/ that an execution was started with, by key."""

    bucket: str
    objects: Mapping[str, Object]
    document: Mapping[str, Any]


def folder(manifest: str) -> str:
    """The folder of a manifest, with a slash at the end."""
    return manifest.rpartition("/")[0] + "/"


def read(session: "boto3.Session", manifest: str) -> Snapshot | None:
    """The list beside a manifest; None where none was written, as when there was too much to list."""
    uri = folder(manifest) + SNAPSHOT
    found = storage.document(session, uri)
    if found is None or "objects" not in found:
        return None
    if found.get("format") != FORMAT:
        raise CommandError(f"{uri} has another format than this version reads: update your checkout.")
    listed = [
        Object(
            each["key"],
            each["etag"].strip('"'),
            int(each["size"]),
            datetime.fromisoformat(each["modified"]) if each.get("modified") else None,
        )
        for each in found["objects"]
    ]
    return Snapshot(found["bucket"], {each.key: each for each in listed}, found)


def below(session: "boto3.Session", bucket: str, prefix: str) -> Iterator[Object]:
    """The objects below a prefix, without the empty markers by which the console makes folders."""
    pages = session.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for each in page.get("Contents", []):
            if not each["Key"].endswith("/"):
                yield Object(each["Key"], each["ETag"].strip('"'), each["Size"], each["LastModified"])
