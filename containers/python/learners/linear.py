"""Linear and logistic regression with an elastic net, by scikit-learn; predicted by numpy.

The solvers keep nothing to go on from: a training that is killed starts again, and ends with the same bytes.
https://scikit-learn.org/stable/modules/linear_model.html
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluate.metrics import metrics
from learners.arrays import packed, unpacked
from learners.bounds import within
from learners.dense import Design, design, linked
from learners.learning import Array, Learnt, Training
from learners.progress import Progress
from learners.rounds import validated
from tabular.encoding import Matrix
from tabular.schema import Problem, Schema

PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "regression")
LIBRARIES = ("scikit-learn", "polars", "numpy")
FILE = "model.npz"

_ITERATIONS = 1000
# Saga passes over the rows; on 56,000 flights 20 passes come within 0.1 % of the least loss.
_PASSES, _TOLERANCE = 20, 1e-3


@dataclass(frozen=True)
class Settings:
    """The weight of the penalty per row, on standardised values, and the lasso's share of it."""

    alpha: float = within(0.0001, 0)
    l1_ratio: float = within(0.15, 0, 1)


@dataclass(frozen=True)
class Model:
    """Weights (columns, outputs) of a design; `average` is each feature's mean part of the scores."""

    problem: Problem
    design: Design
    weights: Array
    intercept: Array
    average: Array

    def predict(self, matrix: Matrix) -> Array:
        """As learners.learning.Model says."""
        return linked(self.problem, self.design.product(matrix, self.weights) + self.intercept)

    def contributions(self, matrix: Matrix) -> Array:
        """SHAP values of a linear model: what a feature adds beyond its mean, https://arxiv.org/abs/1705.07874"""
        found = _parts(self.design, self.weights, matrix) - self.average
        return found[..., 0] if found.shape[2] == 1 else np.abs(found).mean(axis=2)

    def save(self, directory: Path) -> Sequence[str]:
        """Write model.npz."""
        arrays = {"weights": self.weights, "intercept": self.intercept, "average": self.average}
        (directory / FILE).write_bytes(packed(arrays | self.design.arrays()))
        return (FILE,)


def learn(data: Training, settings: Settings, progress: Progress) -> Learnt:
    """Fit the learning rows for the figures, then all rows."""
    model = _fit(data, data.learning, settings)
    found = validated(data, model)
    sampled = metrics(
        data.schema.problem, data.labels[data.sample], model.predict(data.features[data.sample])
    )
    progress.record(
        {f"train-{name}": value for name, value in sampled.items()}
        | {f"validation-{name}": value for name, value in found.items()}
    )
    progress.conclude(found)
    if data.refit:
        model = _fit(data, data.everything, settings)
    return Learnt(model, 1, found, progress.curve)


def load(directory: Path, schema: Schema) -> Model:
    """Read model.npz, arrays of numbers alone."""
    arrays = unpacked((directory / FILE).read_bytes())
    made = Design(**{name: arrays[name] for name in Design.__dataclass_fields__})
    return Model(schema.problem, made, arrays["weights"], arrays["intercept"], arrays["average"])


def _fit(data: Training, rows: Array, settings: Settings) -> Model:
    matrix, labels = data.features[rows], data.labels[rows].astype(np.float64)
    made = design(matrix, data.schema)
    # The penalty means the same whatever the unit of the target.
    scale = labels.std() or 1.0 if data.schema.problem == "regression" else 1.0
    estimator = _estimator(data, settings, len(rows))
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A fit that stops at the limit is a model like any other: its figures say how good it is.
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator.fit(made.rows(matrix), labels / scale)
    weights = np.atleast_2d(estimator.coef_).T * scale
    intercept = np.atleast_1d(estimator.intercept_) * scale
    average = _parts(made, weights, matrix).mean(axis=0)
    return Model(data.schema.problem, made, weights, intercept, average)


def _estimator(data: Training, settings: Settings, rows: int) -> Any:
    """The fastest of scikit-learn's solvers that minimises the mean loss + alpha * elastic net."""
    from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

    alpha, ratio = settings.alpha, settings.l1_ratio
    if data.schema.problem == "regression":
        if ratio == 0 or alpha == 0:
            return Ridge(alpha=alpha * rows)
        return ElasticNet(alpha=alpha, l1_ratio=ratio, max_iter=_ITERATIONS)
    # LogisticRegression weighs the loss instead of the penalty, and needs a finite weight.
    weight = 1 / (max(alpha, 1e-12) * rows)
    if ratio == 0:
        return LogisticRegression(C=weight, max_iter=_ITERATIONS)
    return LogisticRegression(
        C=weight, l1_ratio=ratio, solver="saga", max_iter=_PASSES, tol=_TOLERANCE, random_state=data.seed
    )


def _parts(made: Design, weights: Array, matrix: Matrix) -> Array:
    """What each feature adds to the scores (rows, features, outputs)."""
    found = np.zeros((*matrix.shape, weights.shape[1]))
    dense = made.dense(matrix)
    count = len(made.numbers)
    found[:, made.numbers] = dense[:, :count, None] * weights[:count]
    found[:, made.numbers[made.holed]] += dense[:, count:, None] * weights[count : dense.shape[1]]
    padded = np.vstack([weights, np.zeros((1, weights.shape[1]))])
    found[:, made.categories] = padded[made.places(matrix)]
    return found
