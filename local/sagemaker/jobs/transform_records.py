"""The records of a batch transform: mini-batches, filters over columns, answers joined with inputs.

docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

import csv
import gzip
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local.errors import ValidationException
from local.sagemaker.jobs.failure import JobFailed

_MISMATCH = "Fail to join data: mismatched line count between the input and the output"
_ALL = "$"
_PATH = re.compile(r"\$\[([^\]]+)\]")
_PART = re.compile(r"(-?\d+)?(?:(:)(-?\d+)?)?")


class RecordError(ValueError):
    """A record does not fit its filter or its answer; the text is for the job's log."""


@dataclass(frozen=True)
class Columns:
    """Some columns of a row, in order, by a JSONPath over arrays such as `$`, `$[1:]` or `$[0,5:]`."""

    path: str
    parts: tuple[slice | int, ...]

    @classmethod
    def parse(cls, member: str, path: str) -> "Columns":
        """The columns of that filter; ValidationException for a path that selects none of an array."""
        found = _PATH.fullmatch(path)
        if path != _ALL and not found:
            raise ValidationException(
                f"{member} {path} is not for CSV: the embedded AWS reads paths such as $, $[1:] or $[0,5:]."
            )
        return cls(path, tuple(_part(member, text.strip()) for text in found[1].split(",")) if found else ())

    @property
    def all(self) -> bool:
        """Whether every column stays."""
        return self.path == _ALL

    def of(self, row: Sequence[str]) -> list[str]:
        """The columns of a row; RecordError when it has not that many."""
        if self.all:
            return list(row)
        chosen: list[str] = []
        for part in self.parts:
            if isinstance(part, slice):
                chosen += row[part]
            elif -len(row) <= part < len(row):
                chosen.append(row[part])
            else:
                raise RecordError(f"{self.path} selects column {part} of a record with {len(row)} columns")
        return chosen


@dataclass(frozen=True)
class Processing:
    """DataProcessing of a job: what the model sees of a record, and what is kept of record and answer."""

    input: Columns
    output: Columns
    join: bool

    @classmethod
    def of(cls, config: Mapping[str, str]) -> "Processing":
        """What a DataProcessing asks for; ValidationException for a filter that is none."""
        return cls(
            Columns.parse("InputFilter", config.get("InputFilter", _ALL)),
            Columns.parse("OutputFilter", config.get("OutputFilter", _ALL)),
            config.get("JoinSource", "None") == "Input",
        )

    @property
    def plain(self) -> bool:
        """Whether records and answers stay as they are."""
        return self.input.all and self.output.all and not self.join

    def payload(self, batch: Sequence[bytes]) -> bytes:
        """What is sent to the model."""
        if self.input.all:
            return b"".join(batch)
        return _text(self.input.of(row) for row in _rows(b"".join(batch)))

    def result(self, batch: Sequence[bytes], answer: bytes) -> bytes:
        """What is kept of the records of a mini-batch and the answer to them."""
        if self.output.all and not self.join:
            return answer
        answered = _rows(answer)
        if not self.join:
            return _text(self.output.of(row) for row in answered)
        asked = _rows(b"".join(batch))
        if len(asked) != len(answered):
            raise RecordError(_MISMATCH)
        return _text(self.output.of([*one, *other]) for one, other in zip(asked, answered, strict=True))


def records(path: Path, *, split: bool, compressed: bool) -> Iterator[bytes]:
    """The records of an object, each line with its end; unsplit, the whole object is one record."""
    try:
        with gzip.open(path, "rb") if compressed else path.open("rb") as file:
            if split:
                yield from file
            elif content := file.read():
                yield content
    except (gzip.BadGzipFile, EOFError) as error:
        raise JobFailed(f"ClientError: {path.name} cannot be decompressed: {error}") from None


def batches(found: Iterable[bytes], *, multiple: bool, limit: int) -> Iterator[list[bytes]]:
    """Mini-batches of one record, or of as many as fit into `limit` bytes (0 is no limit)."""
    batch: list[bytes] = []
    size = 0
    for record in found:
        if batch and (not multiple or (limit and size + len(record) > limit)):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield batch


def _part(member: str, text: str) -> slice | int:
    found = _PART.fullmatch(text)
    if not found or not text:
        raise ValidationException(f"{member} has the part {text!r}, which is neither an index nor a range.")
    first, colon, last = found.groups()
    if not colon:
        return int(first)
    return slice(int(first) if first else None, int(last) if last else None)


def _rows(content: bytes) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(content.decode(), newline="")))
    except (UnicodeDecodeError, csv.Error):
        raise RecordError("Failed to parse data as CSV") from None


def _text(rows: Iterable[Sequence[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()
