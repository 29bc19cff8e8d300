"""Results: from the directories that the container wrote into S3."""

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.s3 import Location

# S3 is this very process: the threads of a transfer would be made for nothing.
_TRANSFER = TransferConfig(use_threads=False)


class Uploader:
    """Uploads with the role of the job, encrypted with the job's output key where it names one."""

    def __init__(self, s3: Any, permissions: Permissions, key: str | None) -> None:
        self._s3 = s3
        self._permissions = permissions
        self._key = key

    def file(self, path: Path, target: Location) -> None:
        """Upload one file."""
        extra = {}
        if self._key:
            self._permissions.encrypt(self._key)
            extra = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._key}
        try:
            self._s3.upload_file(str(path), target.bucket, target.key, ExtraArgs=extra, Config=_TRANSFER)
        except (ClientError, S3UploadFailedError) as error:
            raise JobFailed(f"ClientError: Data upload failed: {error}") from None

    def directory(self, directory: Path, target: Location) -> None:
        """Upload every regular file below a directory; symbolic links are left out, as on AWS."""
        for path in files(directory):
            self.file(path, target.under(path.relative_to(directory).as_posix()))


def files(directory: Path) -> Iterator[Path]:
    """The regular files below a directory, in order."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path


def pack(directory: Path, archive: Path) -> None:
    """Write the files of a directory as a tar.gz with the same bytes for the same files."""
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for path in files(directory):
            member = tar.gettarinfo(str(path), arcname=path.relative_to(directory).as_posix())
            member.mtime, member.uid, member.gid, member.uname, member.gname = 0, 0, 0, "", ""
            with path.open("rb") as content:
                tar.addfile(member, content)
