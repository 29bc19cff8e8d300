"""prepare --target late --problem binary --time time_hour --holdout 0.2 --drop id --last '12 months'"""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from prepare import (
    arguments,
    baseline,
    champion,
    custom,
    intake,
    layouts,
    learn,
    snapshot,
    split,
    target,
    window,
)
from prepare.arguments import Settings
from prepare.inference import typed
from prepare.intake import Intake
from prepare.snapshot import Snapshot
from prepare.sources import ROW, find
from tabular import code
from tabular.contract import DataError, ml, run
from tabular.schema import RECENT, Feature, File, Ignored, Schema, Split


def main() -> None:
    """Read below input/; write output/train, holdout, schema, baseline, intake and what the layout adds."""
    settings = arguments.read()
    inputs, output = ml("processing/input"), ml("processing/output")
    listed = snapshot.read(inputs / "snapshot")
    with tempfile.TemporaryDirectory(dir=ml("processing")) as scratch:
        reigning = champion.read(inputs / "champion", Path(scratch) / "champion", settings)
        found = find(inputs / "data", Path(scratch), settings.target)
        taken = intake.take(*found, settings, reigning, listed)
        before = reigning.features if reigning and settings.warm else ()
        schema = prepare(inputs / code.DIRECTORY, output, settings, taken, listed, before)
    intake.write(output, taken, settings, listed)
    print(
        f"{len(schema.files)} files, {schema.split.train_rows} training rows, "
        f"{schema.split.holdout_rows} held out, {len(schema.features)} features"
    )


def prepare(
    modules: Path,
    output: Path,
    settings: Settings,
    taken: Intake,
    listed: Snapshot,
    before: Sequence[Feature] = (),
) -> Schema:
    """From files that can be used to the data sets; DataError when they cannot be used together.

    `before` are the features of the model to go on from, if there is one.
    """
    raw = taken.kinds
    rows = _rows(taken, settings, listed)
    classes = target.classes(rows, settings.target, raw[settings.target], settings.problem)
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
    features, ignored = learn.features(train, inner, settings.series, before)
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
            File(source.name, source.sha256, taken.rows[source.name], source.bytes)
            for source in taken.sources
        ),
        group=settings.group,
        series=settings.series,
        preparation=custom.described(settings, function, done, raw, names) if function and done else None,
        predict=settings.predict,
        window=settings.window.text if settings.window else None,
        left_out=taken.left_out,
    )
    _finish(schema, output, modules if function or settings.predict else None)
    baseline.write(output, train, schema)
    if settings.layout != "parquet":
        layouts.write(output, settings.layout, schema)
    return schema


def _rows(taken: Intake, settings: Settings, listed: Snapshot) -> pl.LazyFrame:
    """The rows to learn from: all of them, or those of the window."""
    asked, chosen = settings.window, taken.sources
    if asked and asked.by == "upload":
        chosen = window.uploaded(chosen, listed.modified, asked)
    rows = pl.concat([typed(source, taken.kinds).drop(ROW) for source in chosen])
    if asked and asked.by == "time" and settings.time is not None:
        rows = window.recent(rows, settings.time, asked)
    return rows


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


def _finish(schema: Schema, output: Path, modules: Path | None) -> None:
    """The schema with the user's code beside it, and what a forecast goes on from."""
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


if __name__ == "__main__":
    run(main, "processing")
