"""Which of the files are learnt from: one that cannot be used is set aside and named, and stops no other.

A file is known when the reigning model learnt from its very content. Known files say what the others must be
like, and are never set aside: if one of them cannot be used any more, the declaration has changed, and a
person must know.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prepare import plausible, sources, target
from prepare.arguments import Settings
from prepare.inference import types
from prepare.queries import collected
from prepare.snapshot import PREFIX, Snapshot, named
from prepare.sources import ROW, Rejected, Source
from tabular.contract import DataError
from tabular.schema import LeftOut, Schema, Type

FILE, FORMAT = "intake.json", 1
# The pipeline reads the file as a whole; what does not fit is set aside again by the next execution.
_MOST_LISTED = 500
_MOST_SHOWN, _LONGEST = 20, 900


@dataclass(frozen=True)
class Intake:
    """The files to learn from, the types of their columns and their rows, and those that were set aside.

    `new` are all files that are not known, `usable` those of them that can be learnt from.
    """

    sources: list[Source]
    kinds: Mapping[str, Type | None]
    rows: Mapping[str, int]
    rejected: list[Rejected]
    new: int
    usable: int

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The first of those that were set aside, as the report shows them."""
        return tuple(LeftOut(each.name, each.reason) for each in self.rejected[:_MOST_SHOWN])

    def proceeds(self, settings: Settings) -> bool:
        """Whether there is a reason to go on: new files, or another one than them."""
        return settings.cause != "data" or self.usable > 0

    @property
    def reason(self) -> str:
        """Why there is nothing new to learn from."""
        if not self.new:
            return "the reigning model was trained on every one of the files"
        reasons = "; ".join(each.reason for each in self.rejected)
        return reasons if len(reasons) <= _LONGEST else f"{reasons[:_LONGEST]} …"


def take(
    found: Sequence[Source],
    rejected: Sequence[Rejected],
    settings: Settings,
    champion: Schema | None,
    snapshot: Snapshot,
) -> Intake:
    """Judge the files; DataError where none is left, or where one that is known cannot be used any more."""
    digests = frozenset(file.sha256 for file in champion.files) if champion else frozenset()
    files = _Files(digests, list(found))
    files.reject(rejected)
    if files.left:
        columns = sources.usual(files.known or files.left)
        files.set_aside(sources.unlike(files.left, columns))
    # What the declaration names, all files lack: none of them is to blame.
    files.require()
    _require_columns(files.left[0].columns, settings)
    columns_read = [column for column in files.left[0].columns if column not in settings.drop]
    agreement = types(files.left, columns_read, [source.name for source in files.known])
    files.set_aside(agreement.problems)
    files.require()
    kinds, agreed = agreement.kinds, len(files.left)
    _require_types(kinds, settings)
    for name, role in settings.roles.items():
        files.set_aside(target.incomplete(files.left, name, kinds[name], role))
    known_classes = champion.classes if champion and files.known else ()
    kind = kinds[settings.target]
    files.set_aside(target.strange(files.fresh, settings.target, kind, settings.problem, known_classes))
    files.require()
    rows = _counted(files.left)
    judged = [source for source in files.fresh if not snapshot.admits(source.name)]
    files.set_aside(plausible.implausible(plausible.enough(judged, rows), files.known, kinds, settings))
    files.require()
    if len(files.left) < agreed:
        # A file that was set aside since has no say in the types either.
        kinds = types(files.left, columns_read, [source.name for source in files.known]).kinds
    for sentence in plausible.small(files.fresh, files.known, rows):
        print(sentence)
    for each in files.rejected:
        print(f"left out: {each.reason}")
    usable = len(files.fresh)
    counts = {source.name: rows[source.name] for source in files.left}
    return Intake(files.left, kinds, counts, files.rejected, usable + len(files.rejected), usable)


def write(output: Path, taken: Intake, settings: Settings, snapshot: Snapshot) -> None:
    """Write the output `intake`, which the pipeline's condition and the function that quarantines read."""
    directory = output / "intake"
    directory.mkdir(parents=True, exist_ok=True)
    listed, rows = taken.rejected[:_MOST_LISTED], sum(taken.rows.values())
    proceeds = taken.proceeds(settings)
    document: dict[str, Any] = {
        "format": FORMAT,
        "snapshot": named(settings.snapshot),
        "new": taken.new,
        "usable_new": taken.usable,
        "rejected": [
            {"key": PREFIX + each.name, "etag": snapshot.etags.get(each.name), "reason": each.reason}
            for each in listed
        ],
        "more": len(taken.rejected) - len(listed),
        "rows": rows,
        "bytes_per_row": round(sum(source.bytes for source in taken.sources) / max(1, rows), 2),
        # A number, as conditions compare no truths: 1.0 or 0.0.
        "proceed": float(proceeds),
        "reason": "" if proceeds else taken.reason,
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    (directory / FILE).write_text(text + "\n", encoding="utf-8")


@dataclass
class _Files:
    """The files on their way: `left` are those that nothing was found against."""

    digests: frozenset[str]
    left: list[Source]
    rejected: list[Rejected] = field(default_factory=list)

    @property
    def known(self) -> list[Source]:
        return [source for source in self.left if source.sha256 in self.digests]

    @property
    def fresh(self) -> list[Source]:
        return [source for source in self.left if source.sha256 not in self.digests]

    def require(self) -> None:
        """DataError where none is left."""
        if not self.left:
            sources.complain(each.reason for each in self.rejected)

    def set_aside(self, problems: Mapping[str, str]) -> None:
        """Part with the files that have a problem."""
        wrong = [source for source in self.left if source.name in problems]
        self.reject([Rejected(each.name, each.sha256, problems[each.name]) for each in wrong])
        self.left = [source for source in self.left if source.name not in problems]

    def reject(self, rejected: Sequence[Rejected]) -> None:
        """Note them down; DataError where one of them is known."""
        sources.complain(each.reason for each in rejected if each.sha256 in self.digests)
        self.rejected += rejected


def _require_columns(columns: Sequence[str], settings: Settings) -> None:
    roles = {name: f"is the {role}" for name, role in settings.roles.items()}
    for name, role in (roles | dict.fromkeys(settings.drop, "is to be dropped")).items():
        if name not in columns:
            raise DataError(f"the files have no column {name!r}, which {role}; they have {tuple(columns)}")
        if name in settings.roles and name in settings.drop:
            raise DataError(f"the column {name!r} {roles[name]}, so it cannot be dropped")


def _require_types(kinds: Mapping[str, Type | None], settings: Settings) -> None:
    if settings.time is not None and kinds[settings.time] not in ("datetime", "number", "integer"):
        raise DataError(
            f"the time {settings.time!r} holds neither dates such as 2013-04-01T15:00:00Z nor numbers"
        )


def _counted(found: Sequence[Source]) -> dict[str, int]:
    """The rows of each file by its name."""
    queries = [source.rows.select(pl.col(ROW).len()) for source in found]
    counted = collected(queries)
    return {source.name: frame.item() for source, frame in zip(found, counted, strict=True)}
