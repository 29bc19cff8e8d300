"""Objects that an execution could not use go from data/ to quarantine/ with the reason, and block nothing."""

import string
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from botocore.exceptions import ClientError

from retrain import documents
from retrain.faults import patient
from retrain.inventory import DATA

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

QUARANTINE = "quarantine/"
# All metadata of an object are 2 KB at most, in US-ASCII.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
REASON_LENGTH = 1000
PLAIN = (string.punctuation + " ").replace("%", "")
CHANGED = {"NoSuchKey", "PreconditionFailed"}


@dataclass(frozen=True)
class Rejected:
    """An object that Prepare refused, by its whole key; without `etag` nobody knows which content it had."""

    key: str
    etag: str
    reason: str


class Quarantine:
    """Reads from the bucket `artifacts` what executions refused, and moves it within that of the data."""

    def __init__(
        self,
        s3: "S3Client",
        *,
        incoming: str,
        artifacts: str,
        report: Callable[..., object] = lambda *_args, **_fields: None,
    ) -> None:
        self._s3 = s3
        self._incoming = incoming
        self._artifacts = artifacts
        self._report = report
        self._read: dict[str, tuple[Rejected, ...]] = {}

    def rejected(self, execution: str) -> tuple[Rejected, ...]:
        """What the execution with this id has refused; empty if it has not come as far. Raises Busy."""
        if execution not in self._read:
            # Of one execution at a time: it is asked for again while its objects are moved.
            self._read = {execution: self._rejected(execution)}
        return self._read[execution]

    def move(self, rejected: Rejected, execution: str) -> str:
        """Take an object away, unless it is gone or has another content by now; raises Busy.

        The answer says why it stays, and is empty otherwise. To delete is to put a marker on the version that
        was copied, and only while that is the newest: versions stay, and a newer one is not touched.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
        """
        if not rejected.etag or not rejected.key.startswith(DATA):
            return "it is not known which object of data/ this is"
        found = documents.listed(self._s3, self._incoming, rejected.key)
        if found is None or found["ETag"].strip('"') != rejected.etag:
            return ""
        try:
            with patient():
                self._copy(rejected, execution)
                self._s3.delete_object(Bucket=self._incoming, Key=rejected.key, IfMatch=f'"{rejected.etag}"')
        except ClientError as error:
            said = error.response["Error"]
            # Larger than 5 GB, or a right is missing: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
            return "" if said["Code"] in CHANGED else f"{said['Code']}: {said['Message']}"
        return ""

    def _copy(self, rejected: Rejected, execution: str) -> None:
        self._s3.copy_object(
            Bucket=self._incoming,
            Key=QUARANTINE + rejected.key.removeprefix(DATA),
            CopySource={"Bucket": self._incoming, "Key": rejected.key},
            CopySourceIfMatch=f'"{rejected.etag}"',
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
            Metadata={"reason": _ascii(rejected.reason), "execution": execution, "etag": rejected.etag},
        )

    def _rejected(self, execution: str) -> tuple[Rejected, ...]:
        key = f"executions/{execution}/prepare/intake/intake.json"
        try:
            document = documents.read(self._s3, self._artifacts, key)
            return tuple(
                Rejected(str(each["key"]), each["etag"] or "", str(each["reason"]))
                for each in (() if document is None else document["rejected"])
            )
        except (ValueError, KeyError, TypeError) as error:
            # It must not keep the next execution from starting.
            self._report("What the execution refused cannot be read", key=key, reason=repr(error))
            return ()


def _ascii(text: str) -> str:
    """A text as a header takes it: what is not plain as %XX."""
    written = ""
    for character in text:
        piece = quote(character, safe=PLAIN, errors="replace")
        if len(written) + len(piece) > REASON_LENGTH:
            break
        written += piece
    return written
