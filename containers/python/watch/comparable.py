"""The columns that a model sees, in a form in which training rows and captured rows can be compared."""

import re

import numpy as np
import polars as pl

from tabular.schema import Feature, Schema
from watch.distances import Array

_MICROSECONDS_PER_DAY = 86_400_000_000
# A place among the categories, as SageMaker's own algorithms are sent it: 3 or 3.0.
_PLACE = re.compile(r"\d{1,9}(\.0+)?")


def table(rows: pl.DataFrame, schema: Schema) -> pl.DataFrame:
    """The features: categories and truths as texts, the rest as numbers, moments as days since 1970."""
    return pl.DataFrame([_comparable(rows[feature.name], feature) for feature in schema.features])


def textual(feature: Feature) -> bool:
    """Whether a feature is compared by the counts of its values."""
    return feature.type in ("category", "boolean")


def known(feature: Feature) -> tuple[str, ...]:
    """The texts that the model knows."""
    return ("false", "true") if feature.type == "boolean" else feature.categories


def numbers(values: pl.Series) -> Array:
    """A column of numbers, NaN where missing."""
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()


def counts(values: pl.Series) -> dict[str, int]:
    """How often each text comes; missing ones are left out."""
    found = values.drop_nulls().alias("text").value_counts(name="count")
    return dict(zip(found["text"].to_list(), found["count"].to_list(), strict=True))


def named(values: pl.Series, feature: Feature) -> pl.Series:
    """A column of places as categories, where a container was sent those instead of texts."""
    texts = values.drop_nulls().unique().to_list()
    if feature.type != "category" or any(map(_PLACE.fullmatch, feature.categories)):
        return values
    if not texts or not all(map(_PLACE.fullmatch, texts)):
        return values
    by_place = dict(enumerate(feature.categories))
    found = {text: by_place.get(int(float(text)), text) for text in texts}
    return values.replace_strict(found, default=None, return_dtype=pl.String)


def chosen(scores: pl.Series, classes: tuple[str, ...]) -> pl.Series:
    """The class with the highest score, where a prediction has one for each; null where there is none."""
    return placed(scores.list.arg_max(), classes)


def placed(places: pl.Series, classes: tuple[str, ...]) -> pl.Series:
    """Classes by their places."""
    found = places.cast(pl.Int64)
    return found.replace_strict(dict(enumerate(classes)), default=None, return_dtype=pl.String)


def matrix(scores: pl.Series) -> Array:
    """Predictions without a null as numbers, or as a row of them for each."""
    if isinstance(scores.dtype, pl.List):
        return np.array(scores.to_list(), dtype=float)
    return scores.cast(pl.Float64).to_numpy()


def _comparable(values: pl.Series, feature: Feature) -> pl.Series:
    match feature.type:
        case "category":
            return named(values.cast(pl.String), feature)
        case "boolean":
            return values.cast(pl.Boolean).cast(pl.String)
        case "datetime" if values.dtype.is_temporal():
            return values.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / _MICROSECONDS_PER_DAY
        case _:
            return values.cast(pl.Float64).fill_nan(None)
