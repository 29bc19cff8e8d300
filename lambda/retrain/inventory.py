"""The list of what lies in data/: it decides what an execution reads, and whether there is reason for one.

S3 lists what was written before it is asked, so every object whose event was counted before is in the list.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel

Each list that is acted on is kept under the digest of its content and never changed: a manifest that jobs
read, and beside it a snapshot that says of each object what it was.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from retrain import documents
from retrain.faults import patient
from retrain.measured import MANIFEST, SNAPSHOT, Measured, Object, digest

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DATA, INPUTS = "data/", "inputs/"
FORMAT = 1
# 50 pages of a list, a few seconds; beyond that, executions read the whole prefix.
MOST_OBJECTS = 50_000


@dataclass(frozen=True)
class Snapshot:
    """A list that was kept: its objects, and the etags of those that were admitted by a person."""

    objects: tuple[Object, ...]
    admitted: tuple[str, ...]


class Inventory:
    """Lists the bucket `incoming`, and keeps lists in the bucket `artifacts`; each method raises Busy.

    `admitted` gives the etags of what people took back out of the quarantine.
    """

    def __init__(
        self, s3: "S3Client", admitted: Callable[[], frozenset[str]], *, incoming: str, artifacts: str
    ) -> None:
        self._s3 = s3
        self._admitted = admitted
        self._incoming = incoming
        self._artifacts = artifacts

    def take(self, previous: str) -> Measured:
        """What lies in data/ now, beside what the manifest `previous` names; without one, all is new."""
        objects = self._list()
        everything = f"s3://{self._incoming}/{DATA}"
        if len(objects) > MOST_OBJECTS:
            return Measured(everything, complete=False)
        if not objects:
            return Measured(everything)
        admitted = tuple(sorted(self._admitted() & {each.etag for each in objects}))
        name = digest(objects, admitted)
        found = Measured(self._uri(name), tuple(objects), admitted)
        if found.uri == previous:
            return found
        snapshot = self._snapshot(previous)
        given = {each.content for each in snapshot.objects} if snapshot else set()
        taken_back = set(snapshot.admitted) if snapshot else set()
        # What was refused and is then admitted is new, though nothing of it has changed.
        now_admitted = set(admitted) - taken_back
        new = [each for each in objects if each.content not in given or each.etag in now_admitted]
        return replace(
            found,
            new_files=len(new),
            new_bytes=sum(each.size for each in new),
            oldest_new=min((int(each.modified.timestamp()) for each in new), default=0),
        )

    def keep(self, found: Measured) -> None:
        """Write the manifest that `found.uri` names, and its snapshot; doing it again changes nothing."""
        if not found.uri.endswith(f"/{MANIFEST}"):
            return
        folder = f"{INPUTS}{found.digest}/"
        snapshot = {
            "format": FORMAT,
            "bucket": self._incoming,
            "objects": [
                {
                    "key": each.key,
                    "etag": each.etag,
                    "size": each.size,
                    "modified": each.modified.isoformat(),
                }
                for each in found.objects
            ],
            "admitted": found.admitted,
        }
        names = [each.key.removeprefix(DATA) for each in found.objects]
        # In this order, so that every manifest has its snapshot.
        documents.write(self._s3, self._artifacts, folder + SNAPSHOT, snapshot)
        manifest = [{"prefix": f"s3://{self._incoming}/{DATA}"}, *names]
        documents.write(self._s3, self._artifacts, folder + MANIFEST, manifest)

    def known(self, manifest: str, refused: Collection[str]) -> str:
        """The manifest of what an execution that was given `manifest` has surely read of it.

        Jobs download by name. What was written anew since it was listed may have been read as it was for a
        while, even if it is the same again by now: it is left out, so that it is new. The keys that were
        `refused` were read, and are gone since.
        """
        snapshot = self._snapshot(manifest)
        if snapshot is None:
            return manifest
        there = {each.key: each for each in self._list()}
        if len(there) > MOST_OBJECTS:
            return manifest
        sure = tuple(
            each
            for each in snapshot.objects
            if there.get(each.key) == each or (each.key in refused and each.key not in there)
        )
        if len(sure) == len(snapshot.objects):
            return manifest
        kept = Measured(self._uri(digest(sure, snapshot.admitted)), sure, snapshot.admitted)
        self.keep(kept)
        return kept.uri

    def _uri(self, name: str) -> str:
        return f"s3://{self._artifacts}/{INPUTS}{name}/{MANIFEST}"

    def _list(self) -> list[Object]:
        """All objects by their keys, or one more than we list."""
        found: list[Object] = []
        with patient():
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._incoming, Prefix=DATA)
            for page in pages:
                for each in page.get("Contents", []):
                    # The console's empty marker of a folder is no data.
                    if not each["Key"].endswith("/"):
                        modified = each["LastModified"]
                        found.append(Object(each["Key"], each["ETag"].strip('"'), each["Size"], modified))
                if len(found) > MOST_OBJECTS:
                    break
        return sorted(found, key=lambda each: each.key)

    def _snapshot(self, manifest: str) -> Snapshot | None:
        """The list beside a manifest of ours."""
        folder = manifest.removeprefix(f"s3://{self._artifacts}/").removesuffix(MANIFEST)
        if folder == manifest or not folder.startswith(INPUTS):
            return None
        found = documents.read(self._s3, self._artifacts, folder + SNAPSHOT)
        if found is None:
            return None
        objects = [
            Object(each["key"], each["etag"], each["size"], datetime.fromisoformat(each["modified"]))
            for each in found["objects"]
        ]
        return Snapshot(tuple(objects), tuple(found["admitted"]))
