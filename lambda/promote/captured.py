"""The calls that SageMaker has captured of an endpoint's variants, as far as a comparison needs them.

They lie below <prefix><variant>/yyyy/mm/dd/hh/ as JSON Lines, by the hour in which they were made:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from promote.comparison import Answer, call

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Of one variant: what is read in a few seconds, whatever the endpoint's load.
MOST_PAGES = 5
MOST_OBJECTS = 200
MOST_LINES = 10_000
MOST_BYTES = 16_000_000
# The different requests of which the answers are kept.
MOST_REQUESTS = 5_000


class Captured:
    """Reads from the bucket, below a prefix that ends with a slash."""

    def __init__(self, s3: "S3Client", bucket: str, prefix: str) -> None:
        self._s3, self._bucket, self._prefix = s3, bucket, prefix

    def answers(
        self, variant: str, since: float, among: Collection[bytes] | None = None
    ) -> dict[bytes, Answer]:
        """The answers of a variant from the epoch second `since` on, by the digests of their requests.

        The oldest first, up to a bound; `among` are the only requests that are wanted.
        """
        answers: dict[bytes, Answer] = {}
        for line in islice(self._lines(variant, since), MOST_LINES):
            found = call(line)
            if found is None or found.at < int(since) or (among is not None and found.request not in among):
                continue
            answers[found.request] = found.answer
            if len(answers) >= MOST_REQUESTS:
                break
        return answers

    def _lines(self, variant: str, since: float) -> Iterator[bytes]:
        read = 0
        for key in islice(self._keys(variant, since), MOST_OBJECTS):
            for line in self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].iter_lines():
                read += len(line)
                if read > MOST_BYTES:
                    return
                yield line

    def _keys(self, variant: str, since: float) -> Iterator[str]:
        """The objects that were written since then, which is when the calls in them were made or later."""
        prefix = f"{self._prefix}{variant}/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket,
            Prefix=prefix,
            StartAfter=f"{prefix}{datetime.fromtimestamp(since, UTC):%Y/%m/%d/%H}",
        )
        for page in islice(pages, MOST_PAGES):
            for found in page.get("Contents", []):
                if found["LastModified"].timestamp() >= int(since):
                    yield found["Key"]
