"""S3's versioned buckets in memory, which tell EventBridge of every object that is created.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from urllib.parse import unquote

from botocore.response import StreamingBody

from tests.histories.aws.points import Refused

MOST_KEYS = 1_000


@dataclass(frozen=True)
class Version:
    """One version of an object; a `marker` says that it was deleted."""

    id: str
    body: bytes
    modified: float
    metadata: Mapping[str, str] = field(default_factory=dict)
    marker: bool = False

    @property
    def etag(self) -> str:
        """The ETag with its quotation marks, as the API has it."""
        return f'"{md5(self.body, usedforsecurity=False).hexdigest()}"'

    @property
    def time(self) -> datetime:
        """When it was written, in whole seconds."""
        return datetime.fromtimestamp(int(self.modified), UTC)


@dataclass(frozen=True)
class Created:
    """An object was created: what the event says of it."""

    bucket: str
    key: str
    version: Version
    sequencer: str


class S3:
    """Buckets by their names; `created` hears of every new object."""

    def __init__(
        self, buckets: Iterable[str], clock: Callable[[], float], created: Callable[[Created], None]
    ) -> None:
        self.buckets: dict[str, dict[str, list[Version]]] = {name: {} for name in buckets}
        self._clock, self._created = clock, created
        self._written = 0

    def put_object(
        self,
        *,
        Bucket: str,
        Key: str,
        Body: Any = b"",
        Metadata: Mapping[str, str] | None = None,
        IfNoneMatch: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        """Write a version."""
        if IfNoneMatch and self.newest(Bucket, Key):
            raise Refused("PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
        body = Body if isinstance(Body, bytes) else Body.encode() if isinstance(Body, str) else Body.read()
        version = self._write(Bucket, Key, body, Metadata or {})
        return {"ETag": version.etag, "VersionId": version.id}

    def get_object(
        self, *, Bucket: str, Key: str, VersionId: str = "", IfMatch: str = "", **_: Any
    ) -> dict[str, Any]:
        """Read a version."""
        version = self._read(Bucket, Key, VersionId, IfMatch)
        stream = StreamingBody(io.BytesIO(version.body), len(version.body))
        return {"Body": stream, **self._head(version)}

    def head_object(
        self, *, Bucket: str, Key: str, VersionId: str = "", IfMatch: str = "", **_: Any
    ) -> dict[str, Any]:
        """What is known of a version; without a body, AWS has no words for what is not there."""
        try:
            return self._head(self._read(Bucket, Key, VersionId, IfMatch))
        except Refused as refused:
            raise Refused(str(refused.status), refused.message, refused.status) from None

    def copy_object(
        self,
        *,
        Bucket: str,
        Key: str,
        CopySource: Any,
        CopySourceIfMatch: str = "",
        Metadata: Mapping[str, str] | None = None,
        MetadataDirective: str = "COPY",
        **_: Any,
    ) -> dict[str, Any]:
        """Write a version with the content of another object."""
        bucket, key, version = _source(CopySource)
        found = self._read(bucket, key, version, CopySourceIfMatch)
        metadata = Metadata if MetadataDirective == "REPLACE" else found.metadata
        written = self._write(Bucket, Key, found.body, metadata or {})
        copied = {"ETag": written.etag, "LastModified": written.time}
        return {"CopyObjectResult": copied, "VersionId": written.id}

    def delete_object(
        self, *, Bucket: str, Key: str, VersionId: str = "", IfMatch: str = "", **_: Any
    ) -> dict[str, Any]:
        """Put a marker over the object, or remove one version for good.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
        """
        versions = self._bucket(Bucket).setdefault(Key, [])
        if VersionId:
            gone = [version for version in versions if version.id == VersionId]
            versions[:] = [version for version in versions if version.id != VersionId]
            return {"VersionId": VersionId, "DeleteMarker": any(version.marker for version in gone)}
        newest = self.newest(Bucket, Key)
        if IfMatch and newest is None:
            raise Refused("NoSuchKey", "The specified key does not exist.", 404)
        if IfMatch and newest and newest.etag != _quoted(IfMatch):
            raise Refused("PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
        marker = Version(self._next(), b"", self._clock(), marker=True)
        versions.append(marker)
        return {"DeleteMarker": True, "VersionId": marker.id}

    def list_objects_v2(
        self,
        *,
        Bucket: str,
        Prefix: str = "",
        ContinuationToken: str = "",
        StartAfter: str = "",
        MaxKeys: int = MOST_KEYS,
        **_: Any,
    ) -> dict[str, Any]:
        """A page of the newest versions, in the order of their keys; what was just written is in it.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel
        """
        after = ContinuationToken or StartAfter
        there = {key: self.newest(Bucket, key) for key in self._bucket(Bucket) if key.startswith(Prefix)}
        keys = sorted(key for key, newest in there.items() if newest and key > after)
        page, rest = keys[:MaxKeys], keys[MaxKeys:]
        contents = [
            {"Key": key, "ETag": found.etag, "Size": len(found.body), "LastModified": found.time}
            for key in page
            if (found := there[key])
        ]
        more = {"NextContinuationToken": page[-1]} if rest else {}
        listed = {"Contents": contents} if contents else {}
        return {"KeyCount": len(page), "IsTruncated": bool(rest), "Name": Bucket, **listed, **more}

    def list_object_versions(self, *, Bucket: str, Prefix: str = "", **_: Any) -> dict[str, Any]:
        """All versions and markers, newest first."""
        versions, markers = [], []
        for key in sorted(key for key in self._bucket(Bucket) if key.startswith(Prefix)):
            newest = True
            for found in reversed(self._bucket(Bucket)[key]):
                common = {"Key": key, "VersionId": found.id, "IsLatest": newest, "LastModified": found.time}
                newest = False
                if found.marker:
                    markers.append(common)
                else:
                    versions.append(common | {"ETag": found.etag, "Size": len(found.body)})
        return {"IsTruncated": False, "Versions": versions, "DeleteMarkers": markers}

    def newest(self, bucket: str, key: str) -> Version | None:
        """The object as it is; None when there is none."""
        versions = self._bucket(bucket).get(key)
        return versions[-1] if versions and not versions[-1].marker else None

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The objects that are there, for those who look at a history from outside."""
        there = self._bucket(bucket)
        return sorted(key for key in there if key.startswith(prefix) and self.newest(bucket, key))

    def _write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> Version:
        version = Version(self._next(), body, self._clock(), dict(metadata))
        self._bucket(bucket).setdefault(key, []).append(version)
        self._created(Created(bucket, key, version, f"{self._written:018X}"))
        return version

    def _next(self) -> str:
        self._written += 1
        return f"version-{self._written}"

    def _read(self, bucket: str, key: str, version: str, if_match: str) -> Version:
        if version:
            listed = self._bucket(bucket).get(key, [])
            found = next((one for one in listed if one.id == version and not one.marker), None)
            if found is None:
                raise Refused("NoSuchVersion", "The specified version does not exist.", 404)
        else:
            found = self.newest(bucket, key)
            if found is None:
                raise Refused("NoSuchKey", "The specified key does not exist.", 404)
        if if_match and found.etag != _quoted(if_match):
            raise Refused("PreconditionFailed", "At least one of the pre-conditions did not hold", 412)
        return found

    def _head(self, version: Version) -> dict[str, Any]:
        return {
            "ContentLength": len(version.body),
            "ETag": version.etag,
            "LastModified": version.time,
            "Metadata": dict(version.metadata),
            "VersionId": version.id,
        }

    def _bucket(self, name: str) -> dict[str, list[Version]]:
        if name not in self.buckets:
            raise Refused("NoSuchBucket", "The specified bucket does not exist", 404)
        return self.buckets[name]


def _source(source: Any) -> tuple[str, str, str]:
    """Bucket, key and version id of a copy's source, in either form."""
    if isinstance(source, dict):
        return source["Bucket"], source["Key"], source.get("VersionId", "")
    path, _, version = source.partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    return bucket, key, version


def _quoted(etag: str) -> str:
    return f'"{etag.strip(chr(34))}"'
