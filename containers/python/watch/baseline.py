"""What the model in service learnt from: a sample of its training rows, and what is usual among them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from tabular.blocks import BLOCK
from tabular.contract import DataError
from tabular.schema import Feature, Schema
from watch import comparable


@dataclass(frozen=True)
class Usual:
    """How far a column's own blocks of time lie from the rest; None where there are too few blocks."""

    psi: float | None = None
    ks: float | None = None
    missing: float | None = None


@dataclass(frozen=True)
class Column:
    """One feature in the training rows; `unseen` is the share of values to be expected in new categories."""

    feature: Feature
    values: pl.Series
    usual: Usual
    unseen: float
    importance: float | None


@dataclass(frozen=True)
class Baseline:
    """The columns by name; of the hold-out the scores, the truth, and their blocks where there are any."""

    schema: Schema
    code: Path
    rows: int
    columns: Mapping[str, Column]
    scores: pl.Series | None
    truths: pl.Series | None
    blocks: pl.Series | None


def read(directory: Path, quality: Path) -> Baseline:
    """What was registered with the model's package; DataError where it is not there."""
    try:
        schema = Schema.read(directory / "schema.json")
        statistics = _features(json.loads((directory / "statistics.json").read_bytes()))
        sample = comparable.table(pl.read_parquet(directory / "sample.parquet"), schema)
        predicted = _predicted(quality)
        importance = _importance(quality)
        columns = {
            feature.name: _column(feature, sample[feature.name], statistics.get(feature.name, {}), importance)
            for feature in schema.features
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"the package of the model in service has no usable baseline ({error}): "
            "it was trained before models were watched, so train and approve a new one"
        ) from error
    return Baseline(schema, directory / "code", sample.height, columns, *predicted)


def _features(statistics: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """What is known of each feature, by its name."""
    features = statistics["features"]
    return features if isinstance(features, dict) else {each["name"]: each for each in features}


def _column(
    feature: Feature, values: pl.Series, known: Mapping[str, Any], importance: Mapping[str, float]
) -> Column:
    usual = known.get("natural") or {}
    return Column(
        feature,
        values,
        Usual(usual.get("psi"), usual.get("ks"), usual.get("missing")),
        float(known.get("unseen_rate") or 0.0),
        importance.get(feature.name),
    )


def _predicted(quality: Path) -> tuple[pl.Series | None, pl.Series | None, pl.Series | None]:
    """Scores, truth and blocks of the hold-out; of a model that nobody asked there are none."""
    path = quality / "predictions.parquet"
    if not path.is_file():
        return None, None, None
    table = pl.read_parquet(path)
    scores = table["score"]
    if isinstance(scores.dtype, pl.Array):
        scores = scores.cast(pl.List(pl.Float64))
    return scores, table["truth"], table[BLOCK] if BLOCK in table.columns else None


def _importance(quality: Path) -> Mapping[str, float]:
    path = quality / "metrics.json"
    given = json.loads(path.read_bytes()).get("importance") if path.is_file() else None
    return {name: float(share) for name, share in (given or {}).items()}
