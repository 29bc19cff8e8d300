"""What lies in S3: captured calls, labels, and what looks have read and written."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from monitor.plan import NOTHING, File, manifest, name_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

LABELS, LOOKS = "labels/", "monitoring/"
# How long after its hour a file of captured calls may come, and how many lists of 1,000 one look asks for.
LATE = timedelta(hours=6)
MOST_PAGES = 50
MOST_LABELS = 5_000
_WRITTEN = re.compile(r"(\d{8}T\d{6}Z)/report/(findings\.json|predictions\.parquet)")


@dataclass(frozen=True)
class Places:
    """The buckets, and the prefix of the endpoint's captured calls, which ends with a slash."""

    captured: str
    prefix: str
    incoming: str
    artifacts: str


@dataclass(frozen=True)
class Listing:
    """Files of captured calls, and the epoch second until which these are all."""

    files: tuple[File, ...]
    until: int


class Storage:
    """Reads and writes with the rights of the function."""

    def __init__(self, s3: "S3Client", places: Places, variant: str) -> None:
        self._s3, self._places, self._variant = s3, places, variant

    def folder(self, window: str) -> str:
        """The S3 URI of a look's folder, without a slash at the end."""
        return f"s3://{self._places.artifacts}/{LOOKS}{window}"

    def captured(self, start: int, end: int) -> Listing:
        """What was written after `start` until `end`, both epoch seconds, by the clock of S3.

        So a file that came late belongs to the next look, and no file to two. They lie below
        traffic/<endpoint>/<variant>/yyyy/mm/dd/hh/ by the hours of their calls:
        https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
        """
        earliest = datetime.fromtimestamp(start, UTC) - LATE
        prefix = f"{self._places.prefix}{self._variant}/"
        listed = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._places.captured, Prefix=prefix, StartAfter=f"{prefix}{earliest:%Y/%m/%d/%H}"
        )
        written: list[tuple[float, File]] = []
        until = end
        for number, page in enumerate(listed, start=1):
            for found in page.get("Contents", []):
                name = found["Key"].removeprefix(self._places.prefix)
                written.append((found["LastModified"].timestamp(), File(name, found["Size"])))
            if number == MOST_PAGES and page.get("IsTruncated") and written:
                # The hours before this one are listed whole; the next look goes on from there.
                until = _whole_until(written[-1][1].hour, start, end)
                break
        return Listing(tuple(file for moment, file in written if start < moment <= until), until)

    def labels(self, since: int) -> dict[str, datetime]:
        """The newest label files that were written since an epoch second, by their place below labels/."""
        found = [
            (each["LastModified"], each["Key"].removeprefix(LABELS))
            for each in self._objects(self._places.incoming, LABELS)
            if each["LastModified"].timestamp() >= since and not each["Key"].endswith("/")
        ]
        return {name: moment for moment, name in sorted(found)[-MOST_LABELS:]}

    def earlier(self, since: int, predicted_since: int, until: int, unjudged: Collection[str]) -> list[str]:
        """What looks that ended until then have written, by its place below monitoring/.

        The findings of those that ended after `since`, and the predictions of those after `predicted_since`,
        but for the unjudged: the next look makes theirs again.
        """
        oldest = {"findings.json": name_of(since), "predictions.parquet": name_of(predicted_since)}
        newest = name_of(until)
        names = []
        for each in self._objects(self._places.artifacts, LOOKS, after=LOOKS + min(oldest.values())):
            name = each["Key"].removeprefix(LOOKS)
            written = _WRITTEN.fullmatch(name)
            if not written or (written[1] in unjudged and name.endswith(".parquet")):
                continue
            if oldest[written[2]] < written[1] <= newest:
                names.append(name)
        return names

    def write_look(
        self,
        window: str,
        document: Mapping[str, Any],
        *,
        traffic: Sequence[str],
        labels: Sequence[str],
        earlier: Sequence[str],
    ) -> None:
        """Put the folder of a look: what it is about, and the lists of what it reads."""
        folder = self.folder(window)
        lists: Mapping[str, tuple[str, Sequence[str]]] = {
            "traffic": (f"s3://{self._places.captured}/{self._places.prefix}", traffic),
            "labels": (f"s3://{self._places.incoming}/{LABELS}", labels),
            "earlier": (f"s3://{self._places.artifacts}/{LOOKS}", earlier),
        }
        self._put(f"{window}/{NOTHING}", {})
        for name, (prefix, names) in lists.items():
            self._put(f"{window}/{name}.manifest", manifest(prefix, names, folder))
        self._put(f"{window}/window.json", document)

    def write_findings(self, window: str, findings: Mapping[str, Any]) -> None:
        """Put what a look has found that needed no job."""
        self._put(f"{window}/report/findings.json", findings)

    def look(self, window: str) -> dict[str, Any]:
        """What a look is about."""
        return dict(json.loads(self._get(f"{window}/window.json")))

    def findings(self, window: str) -> bytes | None:
        """What a look has found; None when its job has written nothing."""
        report = f"{window}/report/"
        # Whoever may not list all of a bucket hears of an object that is not there that it is forbidden.
        written = [each["Key"] for each in self._objects(self._places.artifacts, LOOKS + report)]
        name = f"{report}findings.json"
        return self._get(name) if LOOKS + name in written else None

    def _objects(self, bucket: str, prefix: str, after: str = "") -> Iterator["ObjectTypeDef"]:
        """The first 50,000 objects below a folder, or of those that come after a key of it."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=prefix, StartAfter=after or prefix
        )
        for page in islice(pages, MOST_PAGES):
            yield from page.get("Contents", [])

    def _get(self, name: str) -> bytes:
        return self._s3.get_object(Bucket=self._places.artifacts, Key=f"{LOOKS}{name}")["Body"].read()

    def _put(self, name: str, content: object) -> None:
        self._s3.put_object(
            Bucket=self._places.artifacts,
            Key=f"{LOOKS}{name}",
            Body=json.dumps(content, indent=1).encode(),
            ContentType="application/json",
        )


def _whole_until(hour: str, start: int, end: int) -> int:
    """The epoch second at which an hour of calls begins, or `end` where that leaves nothing to look at."""
    try:
        begins = datetime.strptime(hour[-13:], "%Y/%m/%d/%H").replace(tzinfo=UTC)
    except ValueError:
        return end
    return int(begins.timestamp()) if start < begins.timestamp() < end else end
