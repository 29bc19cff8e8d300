"""The model artifact: from S3, with the role's credentials, into /opt/ml/model."""

import gzip
import shutil
import tarfile
import tempfile
import zlib
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.s3 import location

_MAX_BYTES = 30 * 1024**3
"""An instance's own volume (docs.aws.amazon.com/sagemaker/latest/dg/host-instance-storage.html)."""
_MAX_MEMBERS = 100_000
_CHUNK = 2**20


class ModelDataError(Exception):
    """The artifact cannot be had; the text is one sentence for FailureReason."""


def fetch(s3: Any, permissions: Permissions, uri: str, directory: Path) -> None:
    """Download a model.tar.gz and extract it; ModelDataError, in AWS's words where it has any."""
    place = location(uri)
    with tempfile.TemporaryFile() as archive:
        try:
            found = s3.get_object(Bucket=place.bucket, Key=place.key)
            if found.get("ServerSideEncryption") == "aws:kms" and found.get("SSEKMSKeyId"):
                permissions.decrypt(found["SSEKMSKeyId"])
            with found["Body"] as body:
                shutil.copyfileobj(body, archive, _CHUNK)
        except (ClientError, BotoCoreError) as error:
            raise ModelDataError(
                f'Failed to download model data for container "container_1" from URL: "{uri}". Please ensure '
                "that there is an object located at the URL and that the role passed to CreateModel has "
                f"permissions to download the object. ({error})"
            ) from error
        archive.seek(0)
        try:
            with gzip.open(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
                _extract(tar, uri, directory)
                # Up to gzip's checksum, which tarfile does not read: damaged data may unpack all the same.
                while unzipped.tell() < _MAX_BYTES and unzipped.read(_CHUNK):
                    continue
        except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
            raise ModelDataError(f"Failed to extract the model data archive {uri}: {error}.") from error


def _extract(tar: tarfile.TarFile, uri: str, directory: Path) -> None:
    """Extract member by member, so that a bomb is noticed before it has gone off."""
    size = 0
    for count, member in enumerate(tar, start=1):
        size += member.size
        if size > _MAX_BYTES or count > _MAX_MEMBERS:
            raise ModelDataError(
                f"The model data archive {uri} is larger than {_MAX_BYTES // 1024**3} GiB or has more than "
                f"{_MAX_MEMBERS} files."
            )
        _extract_member(tar, member, directory)


def _extract_member(tar: tarfile.TarFile, member: tarfile.TarInfo, directory: Path) -> None:
    """Extract a file, a directory or a link that stays inside; TarError for everything else.

    The standard library's filter="data" is missing from Python 3.11.0 to 3.11.3.
    """
    inside = directory.resolve()
    # Links extracted before are followed: nothing is written through one that leads out.
    target = (inside / member.name).resolve()
    source = tar.extractfile(member) if member.isfile() else None
    if not target.is_relative_to(inside):
        raise tarfile.TarError(f"{member.name!r} lies outside of it")
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if source is not None:
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
        target.chmod(0o755 if member.mode & 0o100 else 0o644)
    elif member.issym() and (target.parent / member.linkname).resolve().is_relative_to(inside):
        target.symlink_to(member.linkname)
    else:
        raise tarfile.TarError(f"{member.name!r} is neither a file nor a link inside it")
