"""What monitoring compares with: what the training rows are like, and how much they differ among themselves.

statistics.json and constraints.json are registered with the model as its ModelDataQuality.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DriftCheckModelDataQuality.html
The distances are those that monitoring measures, so that `natural` has their unit.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from prepare.sampling import sampled
from tabular.blocks import BLOCK, blocks
from tabular.code import DIRECTORY
from tabular.schema import Feature, Schema
from watch import comparable, distances
from watch.distances import Array

FORMAT = 1
STATISTICS, CONSTRAINTS, SAMPLE = "statistics.json", "constraints.json", "sample.parquet"
_MOST_ROWS = 20_000
_MOST_CATEGORIES = 200


@dataclass(frozen=True)
class _Sample:
    """Training rows as they are compared, their blocks of time if there are any, and the times of these."""

    columns: pl.DataFrame
    place: Array | None
    spans: list[dict[str, Any]]


def write(output: Path, train: Path, schema: Schema) -> None:
    """Write the output `baseline` from the training rows; its schema and code are those of `schema`."""
    directory = output / "baseline"
    directory.mkdir(parents=True, exist_ok=True)
    rows = sampled(pl.scan_parquet(train), _MOST_ROWS)
    number = blocks(rows[schema.time]) if schema.time is not None else None
    number = pl.Series(BLOCK, [None] * rows.height, dtype=pl.Int32) if number is None else number
    rows.select([*schema.names, *_target(schema)]).with_columns(number).write_parquet(directory / SAMPLE)
    place = number.fill_null(-1).to_numpy() if number.null_count() < rows.height else None
    compared = comparable.table(rows, schema)
    sample = _Sample(compared, place, _spans(rows, number, schema.time) if place is not None else [])
    features = {feature.name: _described(feature, sample) for feature in schema.features}
    _write(
        directory / STATISTICS,
        {
            "format": FORMAT,
            "rows": schema.split.train_rows,
            "sample": rows.height,
            "time": schema.time,
            "blocks": sample.spans,
            "features": features,
            "target": _target_described(rows[schema.target], schema),
        },
    )
    constraints = {feature.name: _constraint(feature) for feature in schema.features}
    _write(directory / CONSTRAINTS, {"format": FORMAT, "features": constraints})
    _copy(output / "schema", directory)


def _target(schema: Schema) -> list[str]:
    return [] if schema.target in schema.names else [schema.target]


def _spans(rows: pl.DataFrame, number: pl.Series, time: str | None) -> list[dict[str, Any]]:
    """First and last moment and the rows of each block."""
    moment = pl.col(str(time))
    found = (
        rows.select(moment)
        .with_columns(number)
        .drop_nulls(BLOCK)
        .group_by(BLOCK)
        .agg(first=moment.min(), last=moment.max(), rows=pl.len())
        .sort(BLOCK)
    )
    return [
        {"from": str(first), "to": str(last), "rows": count} for _, first, last, count in found.iter_rows()
    ]


def _described(feature: Feature, sample: _Sample) -> dict[str, Any]:
    """One feature: its missing values, its distribution, and how far a block lies from the rest at most."""
    values = sample.columns[feature.name]
    told = {"type": feature.type, "missing": feature.missing, "natural": _natural(feature, values, sample)}
    if comparable.textual(feature):
        return told | _counted(comparable.counts(values))
    return told | _binned(comparable.numbers(values))


def _counted(counts: dict[str, int]) -> dict[str, Any]:
    """The most frequent categories, and how likely one is that nobody has seen (Good 1953)."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    total = sum(counts.values())
    once = sum(count == 1 for count in counts.values())
    return {
        "unseen_rate": once / total if total else 0.0,
        "categories": dict(ordered[:_MOST_CATEGORIES]),
        "rest": sum(count for _, count in ordered[_MOST_CATEGORIES:]),
    }


def _binned(values: Array) -> dict[str, Any]:
    """Counts between edges that part the values into equal shares."""
    known = distances.present(values)
    if not len(known):
        return {"edges": [], "counts": []}
    edges = distances.edges(known)
    return {"edges": edges.tolist(), "counts": distances.histogram(known, edges).tolist()}


def _natural(feature: Feature, values: pl.Series, sample: _Sample) -> dict[str, Any] | None:
    """Of all blocks the largest distances from the others; None without blocks."""
    if sample.place is None:
        return None
    texts = comparable.textual(feature)
    holes = values.is_null().to_numpy()
    psi, ks, missing = [], [], []
    for number in range(len(sample.spans)):
        inside = sample.place == number
        outside = (sample.place >= 0) & ~inside
        missing.append(abs(float(holes[inside].mean() - holes[outside].mean())))
        one, other = values.filter(pl.Series(outside)), values.filter(pl.Series(inside))
        found = (
            distances.categories(comparable.counts(one), comparable.counts(other))
            if texts
            else distances.numbers(comparable.numbers(one), comparable.numbers(other))
        )
        if found is not None:
            psi.append(found.psi)
            ks += [] if found.ks is None else [found.ks]
    return {
        "psi": _largest(psi),
        "ks": _largest(ks),
        "missing": _largest(missing),
    }


def _largest(found: list[float]) -> float | None:
    """None where too few blocks have values enough."""
    return max(found) if len(found) >= distances.FEWEST_BLOCKS else None


def _target_described(values: pl.Series, schema: Schema) -> dict[str, Any]:
    if schema.classes:
        counts = np.bincount(values.to_numpy(), minlength=len(schema.classes)).tolist()
        named = dict(zip(schema.classes, counts, strict=True))
        return {"name": schema.target, "type": "category", **_counted(named)}
    return {"name": schema.target, "type": "number", **_binned(comparable.numbers(values))}


def _constraint(feature: Feature) -> dict[str, Any]:
    """What violates it: another type, a value that training never saw, a hole where there was none."""
    named = comparable.textual(feature)
    return {
        "type": feature.type,
        "missing": feature.missing > 0,
        "categories": list(comparable.known(feature)) if named else None,
        "minimum": None if named else feature.minimum,
        "maximum": None if named else feature.maximum,
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    path.write_text(
        json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
    )


def _copy(schema: Path, directory: Path) -> None:
    shutil.copyfile(schema / "schema.json", directory / "schema.json")
    if (schema / DIRECTORY).is_dir():
        shutil.copytree(schema / DIRECTORY, directory / DIRECTORY, dirs_exist_ok=True)
