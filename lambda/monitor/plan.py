"""What one look reads: pure functions from what there is to the files of its folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from monitor.calls import Counts
from monitor.model import Model
from monitor.rules import Rules

# What one job reads in minutes, however much was asked.
MOST_BYTES = 2_000_000_000
# SageMaker refuses an input without objects, so a list of nothing names this one.
NOTHING = "nothing.json"


@dataclass(frozen=True)
class File:
    """A file of captured calls, by its place below the endpoint's: primary/2026/11/01/13/x.jsonl."""

    name: str
    bytes: int

    @property
    def hour(self) -> str:
        """The variant and the hour of its calls."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True)
class Window:
    """A look: its model, and the epoch seconds after which and until which its files were written.

    `silent` says that there is no call where there should have been one.
    """

    project: str
    model: Model
    start: int
    end: int
    silent: bool

    @property
    def name(self) -> str:
        """The end as text, in the order of time."""
        return name_of(self.end)


def name_of(end: int) -> str:
    """The name of the window that ends at an epoch second: 20261101T130000Z."""
    return f"{datetime.fromtimestamp(end, UTC):%Y%m%dT%H%M%SZ}"


def chosen(files: Sequence[File], budget: int = MOST_BYTES) -> list[File]:
    """As many bytes of every hour as fit the budget; an hour with less leaves its rest to the others.

    Of an hour the same files are taken each time.
    """
    hours: dict[str, list[File]] = {}
    for file in files:
        hours.setdefault(file.hour, []).append(file)
    taken: list[File] = []
    smallest_first = sorted(hours.values(), key=lambda found: (_bytes(found), found[0].name))
    for index, found in enumerate(smallest_first):
        share = (budget - _bytes(taken)) // (len(smallest_first) - index)
        for file in sorted(found, key=_shuffled):
            if file.bytes <= share:
                share -= file.bytes
                taken.append(file)
    return sorted(taken, key=lambda file: file.name)


def manifest(prefix: str, names: Sequence[str], folder: str) -> list[Any]:
    """A list of objects below an S3 URI that ends with a slash; without any, of what says so in the folder.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_S3DataSource.html (ManifestFile)
    """
    return [{"prefix": prefix}, *names] if names else [{"prefix": f"{folder}/"}, NOTHING]


def document(
    window: Window,
    rules: Rules,
    counts: Counts,
    *,
    found: Sequence[File],
    read: Sequence[File],
    labels: Mapping[str, datetime],
) -> dict[str, Any]:
    """window.json: what the job must know that the files do not say."""
    model, total = window.model, _bytes(found)
    return {
        "format": 1,
        "project": window.project,
        "window": window.name,
        "start": _iso(window.start),
        "end": _iso(window.end),
        "deployed_at": _iso(model.deployed_at),
        "version": model.version,
        "package": model.package,
        "files": len(read),
        "bytes": _bytes(read),
        "share": _bytes(read) / total if total else 1.0,
        "invocations": counts.calls,
        "refused_4xx": counts.refused,
        "faults_5xx": counts.faults,
        "silent": window.silent,
        "labels": {name: f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for name, moment in labels.items()},
        "rules": rules.document(),
    }


def _bytes(files: Sequence[File]) -> int:
    return sum(file.bytes for file in files)


def _shuffled(file: File) -> bytes:
    """An order that has nothing to do with when the calls came."""
    return sha256(file.name.encode(errors="surrogatepass")).digest()


def _iso(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
