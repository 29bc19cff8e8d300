"""Rows for a load test out of what the project has been given to learn from."""

from typing import TYPE_CHECKING

from cli.errors import CommandError
from cli.loadtest import rows
from cli.loadtest.rows import Bodies

if TYPE_CHECKING:
    import boto3

# Enough for thousands of rows.
_BYTES = 4_000_000


def newest(session: "boto3.Session", bucket: str) -> Bodies:
    """The rows at the beginning of the newest CSV file with a header; raises CommandError.

    The server takes columns that the model does not use, the target among them, where a header names them.
    """
    s3 = session.client("s3")
    objects = s3.list_objects_v2(Bucket=bucket, Prefix="data/").get("Contents", [])
    files = [each for each in objects if each["Key"].endswith(".csv") and each["Size"]]
    if not files:
        raise CommandError(
            f"There is no CSV file in s3://{bucket}/data/ to take rows from: name a file with rows to send."
        )
    key = max(files, key=lambda each: each["LastModified"])["Key"]
    content = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{_BYTES - 1}")["Body"].read()
    if len(content) == _BYTES:
        # The last line is cut off.
        content = content[: content.rfind(b"\n") + 1]
    return rows.parse(f"s3://{bucket}/{key}", content)
