"""JSON documents in S3 that may not be there."""

import json
from typing import TYPE_CHECKING, Any

from retrain.faults import patient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef


def listed(s3: "S3Client", bucket: str, key: str) -> "ObjectTypeDef | None":
    """What the bucket's list says of an object, None if it is not there; raises Busy.

    A list, because S3 refuses to say that an object is missing to whom it does not let list the whole bucket.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html (permissions)
    """
    with patient():
        found = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return found[0] if found and found[0]["Key"] == key else None


def read(s3: "S3Client", bucket: str, key: str) -> Any:
    """The content of a document, None if it is not there; raises Busy, ValueError if it is no JSON."""
    if listed(s3, bucket, key) is None:
        return None
    with patient():
        text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return json.loads(text)


def write(s3: "S3Client", bucket: str, key: str, content: Any) -> None:
    """Write a document; raises Busy."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")
    with patient():
        s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")
