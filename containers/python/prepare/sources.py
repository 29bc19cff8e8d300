"""Finding the uploaded files and setting aside those that are not what they claim to be."""

import csv
import gzip
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tabular.contract import DataError

ROW = "__row__"
_CHUNK = 1 << 20
_SHOWN = 8


@dataclass(frozen=True)
class Source:
    """One readable file: `rows` has text columns for CSV, typed ones for Parquet, and ROW, counted from 1."""

    name: str
    sha256: str
    bytes: int
    columns: tuple[str, ...]
    rows: pl.LazyFrame


@dataclass(frozen=True)
class Rejected:
    """A file that cannot be learnt from, and why, in one sentence that names it."""

    name: str
    sha256: str
    reason: str


def find(directory: Path, scratch: Path, target: str) -> tuple[list[Source], list[Rejected]]:
    """Every CSV and Parquet file below a directory, in the order of their names, and those that are neither.

    Equal ones are read once. Raises DataError where there are no files at all.
    """
    paths = sorted(path for path in directory.rglob("*") if path.is_file() and not _hidden(path, directory))
    if not paths:
        raise DataError("there are no files: upload at least one CSV or Parquet file below data/")
    with ThreadPoolExecutor() as pool:
        contents = list(zip(pool.map(_sha256, paths), (path.suffix for path in paths), strict=True))
        first = dict(zip(reversed(contents), reversed(paths), strict=True))
        keys = list(dict.fromkeys(contents))
        found = pool.map(lambda key: _opened(first[key], directory, key[0], scratch, target), keys)
        opened = dict(zip(keys, found, strict=True))
    sources = [each for each in opened.values() if isinstance(each, Source)]
    rejected = [each for each in opened.values() if isinstance(each, Rejected)]
    for path, key in zip(paths, contents, strict=True):
        known = opened[key]
        if first[key] is path:
            continue
        name = path.relative_to(directory).as_posix()
        if isinstance(known, Source):
            print(f"{name} has the content of {known.name}: it is read once")
        else:
            rejected.append(Rejected(name, key[0], f"{name} has the content of {known.name}: {known.reason}"))
    return sources, rejected


def complain(problems: Iterable[str]) -> None:
    """Raise one error for all the files that have a problem; do nothing when none has."""
    sentences = list(problems)
    if sentences:
        more = len(sentences) - 3
        rest = [f"and {more} more files have problems"] if more > 0 else []
        raise DataError("; ".join([*sentences[:3], *rest]))


def usual(sources: Sequence[Source]) -> frozenset[str]:
    """The columns that most files have."""
    return Counter(frozenset(source.columns) for source in sources).most_common(1)[0][0]


def unlike(sources: Sequence[Source], columns: frozenset[str]) -> dict[str, str]:
    """The files with other columns than these, in any order, by name, and how they differ."""
    alike = sum(set(source.columns) == columns for source in sources)
    others = f"the other {alike} files" if alike > 1 else "the other files"
    found = {}
    for source in sources:
        if set(source.columns) != columns:
            missing = [column for column in sorted(columns) if column not in source.columns]
            extra = [column for column in source.columns if column not in columns]
            changes = [f"it lacks {_listed(missing)}"] if missing else []
            changes += [f"it adds {_listed(extra)}"] if extra else []
            found[source.name] = f"{source.name} has other columns than {others}: {' and '.join(changes)}"
    return found


def _hidden(path: Path, directory: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(directory).parts)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _opened(path: Path, directory: Path, digest: str, scratch: Path, target: str) -> Source | Rejected:
    name = path.relative_to(directory).as_posix()
    try:
        return _open(path, name, digest, scratch, target)
    except DataError as error:
        return Rejected(name, digest, str(error))


def _open(path: Path, name: str, digest: str, scratch: Path, target: str) -> Source:
    size = path.stat().st_size
    if size == 0:
        raise DataError(f"{name} is empty (0 bytes): remove it or upload it again")
    if path.suffix == ".parquet":
        rows = _scan_parquet(path, name)
    elif name.endswith((".csv", ".csv.gz")):
        text = _decompress(path, scratch / f"{digest}.csv", name) if path.suffix == ".gz" else path
        rows = _scan_csv(text, name)
    else:
        raise DataError(f"{name} is neither CSV nor Parquet: name it .csv, .csv.gz or .parquet, or remove it")
    columns = tuple(column for column in rows.collect_schema().names() if column != ROW)
    if target not in columns:
        raise DataError(f"{name} has no column {target!r}, which is the target; it has {_listed(columns)}")
    return Source(name, digest, size, columns, rows)


def _decompress(path: Path, into: Path, name: str) -> Path:
    try:
        with gzip.open(path) as packed, into.open("wb") as plain:
            while chunk := packed.read(_CHUNK):
                plain.write(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{name} is a broken gzip file ({error}): compress and upload it again") from error
    return into


def _scan_parquet(path: Path, name: str) -> pl.LazyFrame:
    rows = pl.scan_parquet(path, row_index_name=ROW, row_index_offset=1)
    try:
        count = rows.select(pl.len()).collect().item()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{name} is not a readable Parquet file: write and upload it again") from error
    if count == 0:
        raise DataError(f"{name} has columns but no rows: remove it or upload it with its rows")
    return rows


def _scan_csv(path: Path, name: str) -> pl.LazyFrame:
    columns = _header(path, name)
    _rectangular(path, name, len(columns))
    rows = pl.scan_csv(path, infer_schema=False, row_index_name=ROW, row_index_offset=1)
    # An empty line is no row.
    return rows.filter(pl.any_horizontal(pl.col(columns).is_not_null()))


def _header(path: Path, name: str) -> list[str]:
    with path.open("rb") as file:
        start = file.read(_CHUNK)
    line = start.split(b"\n", 1)[0]
    try:
        text = line.decode("utf-8-sig").rstrip("\r")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text or not text.strip():
        raise DataError(f"{name} is not a CSV file: its first line is not text with the columns' names")
    columns = next(csv.reader([text]))
    repeated = [column for column, times in Counter(columns).items() if times > 1]
    if repeated:
        raise DataError(
            f"{name} has the column {repeated[0]!r} more than once: give each column its own name"
        )
    if "" in columns:
        raise DataError(f"{name} has no name for column {columns.index('') + 1}: name it in the first line")
    if len(columns) == 1 and any(separator in text for separator in ";\t|"):
        raise DataError(f"{name} does not separate its columns by commas: write it with ',' between values")
    return columns


def _rectangular(path: Path, name: str, width: int) -> None:
    """Every row must have as many values as the header; polars would fill short ones with nothing."""
    line = pl.col("line")
    plain = (
        pl.when(line.str.contains('"', literal=True))
        .then(line.str.replace_all('"[^"]*"', ""))
        .otherwise(line)
    )
    values = plain.str.count_matches(",", literal=True) + 1
    blank = line.str.strip_chars() == ""
    try:
        found = (
            pl.scan_lines(path, row_index_name=ROW)
            .select(
                ROW,
                values=values,
                wrong=~blank & (values != width),
                open=plain.str.contains('"', literal=True),
                blank=blank,
            )
            .select(
                rows=(~pl.col("blank")).sum(),
                open=pl.col("open").any(),
                row=pl.col(ROW).filter(pl.col("wrong")).first(),
                values=pl.col("values").filter(pl.col("wrong")).first(),
            )
            .collect(engine="streaming")
            .row(0, named=True)
        )
    except pl.exceptions.ComputeError as error:
        raise DataError(f"{name} is not UTF-8 text: save it as CSV in UTF-8 and upload it again") from error
    if found["open"]:  # a quoted value spans lines, so lines are not rows
        found |= _first_ragged(path, name, width)
    if found["row"] is not None:
        found_values = f"{found['values']} value" + ("s" if found["values"] != 1 else "")
        raise DataError(f"{name}, row {found['row']}: {found_values}, where the header has {width}")
    if found["rows"] < 2:
        raise DataError(f"{name} has a header but no rows: remove it or upload it with its rows")


def _first_ragged(path: Path, name: str, width: int) -> dict[str, int | None]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for row, values in enumerate(csv.reader(file, strict=True)):
                if values and len(values) != width:
                    return {"row": row, "values": len(values)}
        except csv.Error as error:
            raise DataError(f"{name} has a quotation mark that is never closed ({error})") from error
    return {"row": None}


def _listed(columns: Iterable[str]) -> str:
    names = list(columns)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(repr(name[:60]) for name in names[:_SHOWN]) + more
