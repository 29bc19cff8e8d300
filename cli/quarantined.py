"""Data that Prepare has refused: they lie apart, with the reason, until a person decides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from cli import messages
from cli.errors import CommandError
from cli.inputs import DATA, QUARANTINE, below
from cli.projects import Project

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef

# What a released object says of the one that it was copied from: the etag.
RELEASED = "released"
# As many of the contents that persons have let through are remembered.
MOST_ADMITTED = 500
ATTEMPTS = 10


@dataclass(frozen=True)
class Quarantined:
    """An object apart: its key below data/ and below quarantine/, why, and the run that refused it."""

    key: str
    reason: str
    execution: str
    since: datetime | None
    bytes: int


def listed(session: "boto3.Session", bucket: str) -> Iterator[Quarantined]:
    """What is in quarantine, by key."""
    s3 = session.client("s3")
    for each in below(session, bucket, QUARANTINE):
        told: Mapping[str, str] = s3.head_object(Bucket=bucket, Key=each.key)["Metadata"]
        yield Quarantined(
            key=each.key.removeprefix(QUARANTINE),
            reason=unquote(told.get("reason", "")),
            execution=told.get("execution", "").rpartition("/")[2],
            since=each.modified,
            bytes=each.size,
        )


def name(text: str, bucket: str) -> str:
    """The key below data/ of what a person names: by that, by the whole key, or by its s3:// address."""
    text = text.removeprefix(f"s3://{bucket}/")
    for folder in (QUARANTINE, DATA):
        text = text.removeprefix(folder)
    return text


def release(session: "boto3.Session", project: Project, key: str) -> str:
    """Put an object back among the data and let its content pass from now on; returns its address.

    After a crash it is still in quarantine, and giving the command again does the rest. Raises CommandError
    when it is not there, or when other data of its name have come meanwhile.
    """
    s3 = session.client("s3")
    bucket = project.output("storage", "IncomingBucket")
    apart, back = QUARANTINE + key, DATA + key
    source = _head(s3, bucket, apart)
    if source is None:
        raise CommandError(f"{key} is not in quarantine: see `sageloop quarantine`.")
    # Known before the copy where content makes the etag, which it does not under a KMS key:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    _admit(session, project, source["ETag"].strip('"'))
    there = _head(s3, bucket, back)
    if there is None:
        etag = _copy(s3, bucket, source, apart, back)
    elif there["Metadata"].get(RELEASED) == source["ETag"].strip('"'):
        etag = there["ETag"]
    else:
        raise _taken(bucket, apart, back)
    etag = etag.strip('"')
    _admit(session, project, etag)
    # Its arrival is an event only where new data are waited for, and may have been looked at too early.
    url = project.output("retraining", "RetrainQueueUrl")
    messages.send(session, url, [messages.object_replayed(back, etag, source["ContentLength"])])
    s3.delete_object(Bucket=bucket, Key=apart)
    return f"s3://{bucket}/{back}"


def _head(s3: "S3Client", bucket: str, key: str) -> "HeadObjectOutputTypeDef | None":
    try:
        return s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            return None
        raise


def _copy(s3: "S3Client", bucket: str, source: "HeadObjectOutputTypeDef", apart: str, back: str) -> str:
    """Copy it back, and give the new etag; raises CommandError when the place was taken meanwhile."""
    try:
        copied = s3.copy_object(
            Bucket=bucket,
            Key=back,
            CopySource={"Bucket": bucket, "Key": apart},
            CopySourceIfMatch=source["ETag"],
            MetadataDirective="REPLACE",
            Metadata={RELEASED: source["ETag"].strip('"')},
            ContentType=source["ContentType"],
            # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
            IfNoneMatch="*",
        )
    except s3.exceptions.ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        raise _taken(bucket, apart, back) from error
    return copied["CopyObjectResult"]["ETag"]


def _taken(bucket: str, apart: str, back: str) -> CommandError:
    return CommandError(
        f"There is another {back} by now, which releasing the old one would replace: remove one of the two, "
        f"or copy s3://{bucket}/{apart} under another name."
    )


def _admit(session: "boto3.Session", project: Project, etag: str) -> None:
    """Write down that a person wants this content; Prepare then takes it as it is."""
    dynamodb = session.client("dynamodb")
    table = project.output("retraining", "TableName")
    key = {"pipeline": {"S": f"{project.name}-admitted"}}
    for _ in range(ATTEMPTS):
        item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item", {})
        before = item.get("etags", {}).get("L", [])
        if {"S": etag} in before:
            return
        try:
            dynamodb.update_item(
                TableName=table,
                Key=key,
                UpdateExpression="SET etags = :after",
                ConditionExpression="attribute_not_exists(etags) OR etags = :before",
                ExpressionAttributeValues={
                    ":before": {"L": before},
                    ":after": {"L": [*before, {"S": etag}][-MOST_ADMITTED:]},
                },
            )
        except dynamodb.exceptions.ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
        else:
            return
    raise CommandError(f"Others write {table} at the same time: give the command again.")
