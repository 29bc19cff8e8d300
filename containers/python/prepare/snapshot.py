"""What is known of the objects that an execution was started with: snapshot.json, beside their manifest."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tabular.contract import DataError

FILE = "snapshot.json"
# Where the objects lie in their bucket; the input has their names without it.
PREFIX = "data/"
NONE = "none"
_FORMAT = 1


@dataclass(frozen=True)
class Snapshot:
    """Etag and time of upload (UTC, without a zone) of each file by its name, and what a person lets pass."""

    etags: Mapping[str, str] = field(default_factory=dict)
    modified: Mapping[str, datetime] = field(default_factory=dict)
    admitted: frozenset[str] = frozenset()

    def admits(self, name: str) -> bool:
        """Whether a person has looked at this very content and wants it."""
        return self.etags.get(name, "") in self.admitted


def read(directory: Path) -> Snapshot:
    """The snapshot.json of the input, nothing where nobody listed the objects; DataError for another form."""
    path = directory / FILE
    if not path.is_file():
        return Snapshot()
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != _FORMAT:
            raise DataError(f"{FILE} has format {found['format']!r}, and this image reads format {_FORMAT}")
        objects = {str(each["key"]).removeprefix(PREFIX): each for each in found["objects"]}
        return Snapshot(
            {name: str(each["etag"]) for name, each in objects.items()},
            {name: _moment(each["modified"]) for name, each in objects.items() if each.get("modified")},
            frozenset(map(str, found["admitted"])),
        )
    except DataError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"the input 'snapshot' holds no usable {FILE}: {error}") from error


def named(uri: str) -> str:
    """The name of the list at a URI, by which its execution can be found again; "none" for no list."""
    folder, _, file = uri.rpartition("/")
    return folder.rpartition("/")[2] if file == FILE else NONE


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
