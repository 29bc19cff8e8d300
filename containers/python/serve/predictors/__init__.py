"""The same predictions with less work for each call; used only where they agree with the training library.

Most of what a prediction of one row costs is the library's own preparation in Python. Each module here calls
the library below that, or does the same sums, and its predictions are compared with the library's when the
model is loaded.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from learners.learning import Array, Model
from tabular.encoding import Matrix
from tabular.schema import Feature, Schema

Predict = Callable[[Matrix], Any]

# For each algorithm a module with `predictor(model)`; a forecast depends on its own history, not on a call.
_MODULES = {
    "xgboost": "xgboost",
    "forest": "xgboost",
    "lightgbm": "lightgbm",
    "linear": "dense",
    "mlp": "dense",
}
_ROWS = 128
# Relative to the largest prediction; trees agree in every bit.
_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Chosen:
    """What predicts, and the largest difference to the library; None where it is the library itself."""

    predict: Predict
    difference: float | None


def chosen(algorithm: str, model: Model, schema: Schema) -> Chosen:
    """The fast predictor where there is one that agrees, else the library's own."""
    name = _MODULES.get(algorithm)
    if name is None:
        return Chosen(model.predict, None)
    predict: Predict = import_module(f"serve.predictors.{name}").predictor(model, schema)
    rows = sample(schema, _ROWS)
    found, expected = predict(rows), model.predict(rows)
    alone = np.concatenate([predict(rows[place : place + 1]) for place in range(16)])
    difference = float(np.abs(found - expected).max())
    agrees = (
        found.shape == expected.shape
        and difference <= _TOLERANCE * max(1.0, float(np.abs(expected).max()))
        and np.array_equal(alone, found[:16])
    )
    return Chosen(predict, difference) if agrees else Chosen(model.predict, None)


def sample(schema: Schema, rows: int) -> Matrix:
    """Rows within what training saw, some values missing, the same every time."""
    chance = np.random.default_rng(0)
    columns = [_column(feature, rows, chance) for feature in schema.features]
    matrix = np.column_stack(columns).astype(np.float32)
    matrix[chance.random(matrix.shape) < 0.05] = np.nan
    return matrix


def _column(feature: Feature, rows: int, chance: np.random.Generator) -> Array:
    if feature.type == "category":
        return chance.integers(0, max(1, len(feature.categories)), rows).astype(np.float64)
    if feature.type == "boolean":
        return chance.integers(0, 2, rows).astype(np.float64)
    if feature.minimum is None or feature.maximum is None:
        return chance.normal(size=rows)
    return chance.uniform(feature.minimum, feature.maximum, rows)
