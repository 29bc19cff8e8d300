"""What lies in data/ beside what the last execution was given, and what must be new at least: values only."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

MANIFEST, SNAPSHOT = "data.manifest", "snapshot.json"


@dataclass(frozen=True)
class Object:
    """An object below data/ by its whole key; the etag has no quotes, the size is in bytes."""

    key: str
    etag: str
    size: int
    modified: datetime

    @property
    def content(self) -> tuple[str, str, int]:
        """What is the same as long as nobody writes another content."""
        return self.key, self.etag, self.size


@dataclass(frozen=True)
class Measured:
    """The objects of data/, and how much of them is new to the executions; sizes are in bytes.

    `uri` is what an execution is to read. `oldest_new` is the epoch second in which the oldest new object was
    written. `admitted` are the etags of those that a person wants to be read whatever is wrong with them.
    `complete` is false where there is no list, or too much to list: then nobody knows what is new.
    """

    uri: str
    objects: tuple[Object, ...] = ()
    admitted: tuple[str, ...] = ()
    new_files: int = 0
    new_bytes: int = 0
    new_rows: float | None = None
    oldest_new: int = 0
    complete: bool = True
    definition: str = ""

    @property
    def digest(self) -> str:
        """16 digits that are the same for the same objects, in whatever order, and the same admissions.

        Objects are the same that have the same content and were written at the same time.
        """
        return digest(self.objects, self.admitted)


def digest(objects: Collection[Object], admitted: Collection[str]) -> str:
    """The name of a list: the same one always has the same, so that writing it twice changes nothing."""
    lines = sorted(
        f"{each.key}\0{each.etag}\0{each.size}\0{each.modified.astimezone(UTC).isoformat()}\n"
        for each in objects
    )
    text = "".join([*lines, *(f"admitted\0{etag}\n" for etag in sorted(admitted))])
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True)
class Least:
    """What must be new before data alone start an execution; all that is given must be met.

    `or_after` is the age in seconds of the oldest new object at which it starts anyhow.
    """

    bytes: int | None = None
    rows: int | None = None
    files: int | None = None
    or_after: int | None = None

    @classmethod
    def read(cls, text: str) -> "Least":
        """From JSON with these names."""
        return cls(**json.loads(text))

    def lacking(self, found: Measured) -> str:
        """How much there is of what is asked for, for people; empty when it is enough.

        Rows are estimated; where nothing says how long a row is, as before the first model, any number does.
        """
        said = []
        enough = True
        if self.files is not None:
            said.append(f"{found.new_files:,} of {self.files:,} files")
            enough &= found.new_files >= self.files
        if self.bytes is not None:
            said.append(f"{_size(found.new_bytes)} of {_size(self.bytes)}")
            enough &= found.new_bytes >= self.bytes
        if self.rows is not None and found.new_rows is not None:
            said.append(f"about {found.new_rows:,.0f} of {self.rows:,} rows")
            enough &= found.new_rows >= self.rows
        return "" if enough else f"New data so far: {', '.join(said)}"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.4g} {unit}"
        count /= 1000
    return f"{count:.4g} TB"
