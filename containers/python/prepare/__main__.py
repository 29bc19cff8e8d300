"""prepare --target late --problem binary --time time_hour --holdout 0.2 --drop id"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from prepare import learn, split, target
from prepare.inference import typed, types
from prepare.sources import ROW, Source, find
from tabular.contract import DataError, ml, run
from tabular.schema import File, Ignored, Problem, Schema, Split, Type


@dataclass(frozen=True)
class Settings:
    """The arguments of the job."""

    target: str
    problem: Problem
    time: str | None
    holdout: float
    drop: tuple[str, ...]


def main() -> None:
    """Read below input/data; write output/train, output/holdout and output/schema."""
    settings = _settings()
    with tempfile.TemporaryDirectory(dir=ml("processing")) as scratch:
        schema = prepare(ml("processing/input/data"), ml("processing/output"), Path(scratch), settings)
    print(
        f"{len(schema.files)} files, {schema.split.train_rows} training rows, "
        f"{schema.split.holdout_rows} held out, {len(schema.features)} features"
    )


def prepare(data: Path, output: Path, scratch: Path, settings: Settings) -> Schema:
    """The whole job on directories; DataError when the data cannot be used."""
    sources = find(data, scratch, settings.target)
    columns = sources[0].columns
    _require_columns(columns, settings)
    kinds = types(sources, [column for column in columns if column not in settings.drop])
    rows = _typed_rows(sources, kinds, settings)
    counts = _counts(sources)
    classes = target.classes(rows, settings.target, kinds[settings.target], settings.problem)
    rows = rows.with_columns(target.encoded(settings.target, classes))
    if settings.time is not None:
        division = split.by_time(rows, settings.time, settings.holdout)
    else:
        division = split.by_hash(rows, settings.target, settings.holdout, stratified=bool(classes))
    train, holdout = _write(division, output)
    train_rows, holdout_rows = (_checked(path, settings, classes) for path in (train, holdout))
    inputs = {name: kind for name, kind in kinds.items() if name not in (settings.target, settings.time)}
    features, ignored = learn.features(train, inputs)
    if not features:
        raise DataError(f"no column is left to learn from beside the target {settings.target!r}")
    dropped = [Ignored(name, "the declaration drops it") for name in settings.drop]
    schema = Schema(
        problem=settings.problem,
        target=settings.target,
        classes=classes,
        time=settings.time,
        features=tuple(features),
        ignored=(*dropped, *ignored),
        split=Split(train_rows, holdout_rows, division.first, division.cut, division.last),
        files=tuple(
            File(source.name, source.sha256, rows, source.bytes)
            for source, rows in zip(sources, counts, strict=True)
        ),
    )
    (output / "schema").mkdir(parents=True, exist_ok=True)
    schema.write(output / "schema" / "schema.json")
    return schema


def _settings() -> Settings:
    parser = argparse.ArgumentParser(prog="prepare")
    parser.add_argument("--target", required=True)
    parser.add_argument("--problem", choices=["binary", "multiclass", "regression"], default="binary")
    parser.add_argument("--time")
    parser.add_argument("--holdout", type=float, default=0.2)
    parser.add_argument("--drop", action="append", default=[])
    given = parser.parse_args()
    return Settings(given.target, given.problem, given.time, given.holdout, tuple(given.drop))


def _require_columns(columns: tuple[str, ...], settings: Settings) -> None:
    if settings.time is not None and settings.time not in columns:
        raise DataError(f"the files have no column {settings.time!r}, which is the time; they have {columns}")
    for name in settings.drop:
        if name not in columns:
            raise DataError(f"the files have no column {name!r}, which is to be dropped; they have {columns}")


def _typed_rows(sources: list[Source], kinds: dict[str, Type | None], settings: Settings) -> pl.LazyFrame:
    target.require_complete(sources, settings.target, kinds[settings.target], "target")
    if settings.time is not None:
        if kinds[settings.time] not in ("datetime", "number", "integer"):
            raise DataError(
                f"the time {settings.time!r} holds neither dates such as 2013-04-01T15:00:00Z nor numbers"
            )
        target.require_complete(sources, settings.time, kinds[settings.time], "time")
    return pl.concat([typed(source, kinds).drop(ROW) for source in sources])


def _counts(sources: list[Source]) -> list[int]:
    counted = pl.collect_all(
        [source.rows.select(pl.col(ROW).len()) for source in sources], engine="streaming"
    )
    return [frame.item() for frame in counted]


def _write(division: split.Division, output: Path) -> tuple[Path, Path]:
    """Both sides in one pass over the files, in their order."""
    paths = output / "train" / "train.parquet", output / "holdout" / "holdout.parquet"
    sides = ~division.held_out, division.held_out
    sinks = []
    for path, side in zip(paths, sides, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = split.without_key(division.rows.filter(side))
        sinks.append(rows.sink_parquet(path, lazy=True))
    pl.collect_all(sinks, engine="streaming")
    return paths


def _checked(path: Path, settings: Settings, classes: tuple[str, ...]) -> int:
    """The number of rows of one side, which must be usable on its own."""
    side = "training rows" if path.stem == "train" else "held-out rows"
    found = pl.scan_parquet(path).select(rows=pl.len(), values=pl.col(settings.target).n_unique()).collect()
    rows, values = found.row(0)
    if rows == 0:
        raise DataError(f"there are no {side} with a hold-out share of {settings.holdout}: upload more rows")
    if classes and values < len(classes):
        raise DataError(
            f"the {side} have {values} of the {len(classes)} classes of {settings.target!r}: "
            "upload more rows, so that each class is on both sides of the split"
        )
    return int(rows)


if __name__ == "__main__":
    run(main, "processing")
