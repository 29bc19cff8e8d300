"""Typed columns become the matrix that XGBoost sees; serve/codecs.py does the same for one request."""

import numpy as np
import polars as pl

from tabular.schema import Feature, Schema

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float32]]
_MICROSECONDS_PER_DAY = 86_400_000_000


def matrix(frame: pl.DataFrame, schema: Schema) -> Matrix:
    """One float32 row per row of the frame; missing values and unknown categories are NaN."""
    encoded = np.empty((frame.height, len(schema.features)), dtype=np.float32)
    for position, feature in enumerate(schema.features):
        encoded[:, position] = _column(frame[feature.name], feature).fill_null(float("nan")).to_numpy()
    return encoded


def _column(values: pl.Series, feature: Feature) -> pl.Series:
    if feature.type == "category":
        codes = {category: float(code) for code, category in enumerate(feature.categories)}
        if not codes:
            return pl.Series([None] * len(values), dtype=pl.Float32)
        return values.cast(pl.String).replace_strict(codes, default=None, return_dtype=pl.Float32)
    if feature.type == "datetime":
        microseconds = values.cast(pl.Datetime("us")).dt.epoch("us")
        return (microseconds / _MICROSECONDS_PER_DAY).cast(pl.Float32)
    # Through Float64, as a request's numbers go, so that both round to the same float32.
    return values.cast(pl.Float64).cast(pl.Float32)
