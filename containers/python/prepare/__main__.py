"""prepare --target late --problem binary --time time_hour --holdout 0.2 --drop id"""

import shutil
import tempfile
from pathlib import Path

import polars as pl

from prepare import arguments, custom, layouts, learn, split, target
from prepare.arguments import Settings
from prepare.inference import typed, types
from prepare.sources import ROW, Source, find
from tabular import code
from tabular.contract import DataError, ml, run
from tabular.schema import RECENT, File, Ignored, Schema, Split, Type


def main() -> None:
    """Read below input/data; write output/train, output/holdout, output/schema and what the layout adds."""
    settings = arguments.read()
    inputs, output = ml("processing/input"), ml("processing/output")
    with tempfile.TemporaryDirectory(dir=ml("processing")) as scratch:
        schema = prepare(inputs, output, Path(scratch), settings)
    print(
        f"{len(schema.files)} files, {schema.split.train_rows} training rows, "
        f"{schema.split.holdout_rows} held out, {len(schema.features)} features"
    )


def prepare(inputs: Path, output: Path, scratch: Path, settings: Settings) -> Schema:
    """The whole job on directories; DataError when the data cannot be used."""
    sources = find(inputs / "data", scratch, settings.target)
    columns = sources[0].columns
    _require_columns(columns, settings)
    raw = types(sources, [column for column in columns if column not in settings.drop])
    rows = _typed_rows(sources, raw, settings)
    counts = _counts(sources)
    classes = target.classes(rows, settings.target, raw[settings.target], settings.problem)
    modules = inputs / code.DIRECTORY
    function = code.load(modules, settings.function) if settings.function else None
    if settings.predict:
        # It goes with the model: better that it cannot be imported now than when the model is to serve.
        code.load(modules, settings.predict)
    done = custom.prepared(function, rows, raw, settings.roles) if function else None
    rows, kinds = (done.rows, done.kinds) if done else (rows, raw)
    division = _division(rows.with_columns(target.encoded(settings.target, classes)), bool(classes), settings)
    train, holdout = _write(division, output, function)
    train_rows, holdout_rows = (_checked(path, settings, classes) for path in (train, holdout))
    inner = {name: kind for name, kind in kinds.items() if name not in settings.apart}
    features, ignored = learn.features(train, inner, settings.series)
    if not features:
        raise DataError(f"no column is left to learn from beside the target {settings.target!r}")
    names = [feature.name for feature in features]
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
        group=settings.group,
        series=settings.series,
        preparation=custom.described(settings, function, done, raw, names) if function and done else None,
        predict=settings.predict,
    )
    _finish(schema, output, modules if function or settings.predict else None, settings)
    return schema


def _require_columns(columns: tuple[str, ...], settings: Settings) -> None:
    roles = {name: f"is the {role}" for name, role in settings.roles.items()}
    for name, role in (roles | dict.fromkeys(settings.drop, "is to be dropped")).items():
        if name not in columns:
            raise DataError(f"the files have no column {name!r}, which {role}; they have {columns}")
        if name in settings.roles and name in settings.drop:
            raise DataError(f"the column {name!r} {roles[name]}, so it cannot be dropped")


def _typed_rows(sources: list[Source], kinds: dict[str, Type | None], settings: Settings) -> pl.LazyFrame:
    if settings.time is not None and kinds[settings.time] not in ("datetime", "number", "integer"):
        raise DataError(
            f"the time {settings.time!r} holds neither dates such as 2013-04-01T15:00:00Z nor numbers"
        )
    for name, role in settings.roles.items():
        target.require_complete(sources, name, kinds[name], role)
    return pl.concat([typed(source, kinds).drop(ROW) for source in sources])


def _counts(sources: list[Source]) -> list[int]:
    counted = pl.collect_all(
        [source.rows.select(pl.col(ROW).len()) for source in sources], engine="streaming"
    )
    return [frame.item() for frame in counted]


def _division(rows: pl.LazyFrame, stratified: bool, settings: Settings) -> split.Division:
    if settings.problem == "forecast":
        split.require_single(rows, [*settings.series, str(settings.time)])
    if settings.group is not None:
        return split.by_group(rows, settings.group, settings.time, settings.holdout)
    if settings.time is not None:
        return split.by_time(rows, settings.time, settings.holdout)
    return split.by_hash(rows, settings.target, settings.holdout, stratified=stratified)


def _write(division: split.Division, output: Path, function: code.Function | None) -> tuple[Path, Path]:
    """Both sides in one pass over the files, in their order."""
    paths = output / "train" / "train.parquet", output / "holdout" / "holdout.parquet"
    sides = ~division.held_out, division.held_out
    sinks = []
    for path, side in zip(paths, sides, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = split.without_key(division.rows.filter(side))
        sinks.append(rows.sink_parquet(path, lazy=True))
    try:
        pl.collect_all(sinks, engine="streaming")
    except pl.exceptions.PolarsError as error:
        if function is None:
            raise
        raise function.blame(error) from error
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


def _finish(schema: Schema, output: Path, modules: Path | None, settings: Settings) -> None:
    """The schema with the user's code beside it, and what the layout adds."""
    directory = output / "schema"
    directory.mkdir(parents=True, exist_ok=True)
    schema.write(directory / "schema.json")
    if schema.problem == "forecast":
        # In use, a forecast goes on from the last values, which no model may learn from.
        shutil.copyfile(output / "holdout" / "holdout.parquet", directory / RECENT)
    if modules is not None:
        (directory / code.DIRECTORY).mkdir(exist_ok=True)
        for module in sorted(modules.glob("*.py")):
            shutil.copyfile(module, directory / code.DIRECTORY / module.name)
    if settings.layout != "parquet":
        layouts.write(output, settings.layout, schema)


if __name__ == "__main__":
    run(main, "processing")
