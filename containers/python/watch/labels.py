"""What the answers should have been: labels, which may come late, twice, contradict each other, or never.

A file below labels/ is CSV, Parquet or JSON Lines with `inference_id`, the target, and, where a call had
several rows, `row` (from 0); `labelled_at` says when the truth was known. Ground truth as SageMaker's own
monitor takes it is understood as well:
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-merge.html
"""

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from tabular.contract import DataError
from tabular.schema import Schema
from watch.window import moment

_TYPES: Mapping[str, Any] = {
    "inference_id": pl.String, "row": pl.UInt32, "text": pl.String, "labelled_at": pl.Datetime("us"),
}  # fmt: skip
_LINES = frozenset({".jsonl", ".jsonlines", ".ndjson"})
# What lies there where no label file was to be read.
_NOTHING = "nothing.json"
# Sentences on files that are told.
_TOLD = 5
# A call has fewer rows by far.
_MOST_ROWS = 2**32
_ROW = "a row in it is no whole number from 0 on, which counts the rows of a call"
KEY = ("inference_id", "row")


@dataclass(frozen=True)
class Labels:
    """One label of each row: columns inference_id, row, truth (a number, or the place of the class),
    known_at (when it was known or came, null where nobody says).

    `conflicts` of them were given more than one value, of which the newest counts. `rejected` has sentences
    on files or labels that could not be used.
    """

    table: pl.DataFrame
    conflicts: int
    rejected: tuple[str, ...]


def read(directory: Path, schema: Schema, uploaded: Callable[[str], datetime | None]) -> Labels:
    """All label files below a directory, in whatever order they came; `uploaded` tells when each one did."""
    tables, rejected = [], []
    for path in sorted(directory.rglob("*")):
        # Programs that write many files mark their end with a _SUCCESS or the like.
        if not path.is_file() or path.name == _NOTHING or path.name.startswith(("_", ".")):
            continue
        name = path.relative_to(directory).as_posix()
        try:
            found = _opened(path, schema)
        except (
            DataError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            OverflowError,
            pl.exceptions.PolarsError,
        ) as error:
            rejected.append(f"{name} is left out: {_sentence(error)}")
            continue
        usable = found.filter(pl.col("truth").is_not_null() & pl.col("inference_id").is_not_null())
        if usable.height < found.height:
            what = f"one of the classes of {schema.target!r}" if schema.classes else "a number"
            rejected.append(
                f"{name}: {found.height - usable.height:,} of {found.height:,} labels have no inference_id, "
                f"or are not {what}"
            )
        came = pl.lit(uploaded(name), dtype=pl.Datetime("us"))
        tables.append(usable.with_columns(uploaded=came, file=pl.lit(name)).with_row_index("line"))
    more = len(rejected) - _TOLD
    told = (*rejected[:_TOLD], *([f"and {more} more"] if more > 0 else []))
    return _decided(pl.concat(tables) if tables else _nothing(), told)


def _decided(labels: pl.DataFrame, rejected: tuple[str, ...]) -> Labels:
    """Of several labels of one row the one that was known last counts, of these the one that came last.

    A label that does not say when it was known was so when its file came: a correction counts without it.
    The same files give the same labels in whatever order they came.
    """
    timed = labels.with_columns(known_at=pl.coalesce("labelled_at", "uploaded"))
    ordered = timed.sort("known_at", "uploaded", "file", "line", nulls_last=False)
    decided = ordered.group_by(KEY, maintain_order=True).agg(
        truth=pl.col("truth").last(),
        known_at=pl.col("known_at").last(),
        contradicted=pl.col("truth").n_unique() > 1,
    )
    conflicts = int(decided["contradicted"].sum())
    return Labels(decided.drop("contradicted").sort(KEY), conflicts, rejected)


def _opened(path: Path, schema: Schema) -> pl.DataFrame:
    """inference_id, row, truth and labelled_at of one file; raises an error that says what is wrong."""
    kind = path.suffix.lower()
    if kind in _LINES:
        rows = [row for line in path.read_bytes().split(b"\n") if line.strip() for row in _line(line, schema)]
        table = pl.DataFrame(rows, schema=dict(_TYPES), orient="row")
    elif kind in {".csv", ".parquet"}:
        raw = pl.read_csv(path, infer_schema=False) if kind == ".csv" else pl.read_parquet(path)
        table = _columns(raw, schema.target)
    else:
        raise DataError("labels are .csv, .parquet or .jsonl files")
    return table.with_columns(_truths(table["text"], schema.classes)).drop("text")


def _columns(raw: pl.DataFrame, target: str) -> pl.DataFrame:
    for name in ("inference_id", target):
        if name not in raw.columns:
            raise DataError(f"it has no column {name!r}; it needs inference_id and {target}")
    known_at = _moments(raw["labelled_at"]) if "labelled_at" in raw.columns else [None] * raw.height
    return pl.DataFrame(
        {
            "inference_id": raw["inference_id"].cast(pl.String).str.strip_chars(),
            "row": _places(raw["row"]) if "row" in raw.columns else [0] * raw.height,
            "text": raw[target].cast(pl.String).str.strip_chars(),
            "labelled_at": known_at,
        },
        schema=dict(_TYPES),
    )


def _places(values: pl.Series) -> Sequence[int]:
    """Rows within their calls; a column with gaps comes as 1.0 from many programs, and a gap is row 0."""
    texts = values.cast(pl.String).str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False).fill_nan(None)
    if (
        not all(_is_place(number) for number in numbers.drop_nulls())
        or (numbers.is_null() & ~texts.is_in(["", "NaN"]) & texts.is_not_null()).any()
    ):
        raise DataError(_ROW)
    return numbers.fill_null(0).cast(pl.UInt32).to_list()


def _is_place(number: float) -> bool:
    return 0 <= number < _MOST_ROWS and number == int(number)


def _moments(values: pl.Series) -> Sequence[datetime | None]:
    if values.dtype.is_temporal():
        aware = isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone
        utc = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else values
        return utc.cast(pl.Datetime("us")).to_list()
    return [_moment(text) if text else None for text in values.cast(pl.String).to_list()]


def _moment(text: Any) -> datetime:
    """Of one label; of a time that cannot be read nobody knows whether it is old or new."""
    try:
        return moment(text)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError("a labelled_at in it is no time as ISO 8601 writes it") from error


def _line(line: bytes, schema: Schema) -> Iterator[tuple[str | None, int, str | None, datetime | None]]:
    """The labels of one line: ours has one, SageMaker's one for each row of the call."""
    record = orjson.loads(line)
    if "groundTruthData" in record:
        truth, event = record["groundTruthData"], record["eventMetadata"]["eventId"]
        for row, value in enumerate(_ground_truth(truth["data"], truth.get("encoding", "CSV"))):
            yield str(event), row, _text(value), None
        return
    if schema.target not in record or "inference_id" not in record:
        raise DataError(f"a line lacks inference_id or {schema.target}")
    known_at = record.get("labelled_at")
    yield (
        _text(record["inference_id"]),
        _places(pl.Series([_text(record.get("row"))], dtype=pl.String))[0],
        _text(record[schema.target]),
        _moment(known_at) if known_at else None,
    )


def _ground_truth(data: str, encoding: str) -> list[Any]:
    if encoding == "JSON":
        found = orjson.loads(data)
        return found if isinstance(found, list) else [found]
    text = base64.b64decode(data).decode() if encoding == "BASE64" else data
    return [value for line in text.splitlines() for value in line.split(",")]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _truths(texts: pl.Series, classes: tuple[str, ...]) -> pl.Series:
    """A number, or the place of a class by its name, or by its value where names are numbers; else null."""
    numbers = texts.cast(pl.Float64, strict=False).fill_nan(None).alias("truth")
    if not classes:
        return numbers
    by_value = {_value(name): float(place) for place, name in enumerate(classes)}
    found = {text: by_value.get(_value(text)) for text in texts.drop_nulls().unique().to_list()}
    usable = {text: place for text, place in found.items() if place is not None}
    if not usable:
        return pl.Series("truth", [None] * len(texts), dtype=pl.Float64)
    return texts.replace_strict(usable, default=None, return_dtype=pl.Float64).alias("truth")


def _value(name: str) -> float | str:
    """A class as what it stands for, so that 1 and 1.0 are the same one."""
    try:
        return float(name)
    except ValueError:
        return name


def _nothing() -> pl.DataFrame:
    types: dict[str, Any] = {
        "inference_id": pl.String, "row": pl.UInt32, "truth": pl.Float64, "labelled_at": pl.Datetime("us"),
        "uploaded": pl.Datetime("us"), "file": pl.String, "line": pl.UInt32,
    }  # fmt: skip
    return pl.DataFrame(schema=types)


def _sentence(error: Exception) -> str:
    """The first line: what comes after it may quote the data."""
    if isinstance(error, DataError):
        return str(error)
    return f"it cannot be read ({type(error).__name__})"
