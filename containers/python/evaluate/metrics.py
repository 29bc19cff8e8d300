"""The metrics of each problem, computed as scikit-learn defines them, on the rows or on weighted ones.

https://scikit-learn.org/stable/modules/model_evaluation.html; MASE: Hyndman & Koehler, Another look at
measures of forecast accuracy (2006). One definition serves the figure and its bootstrap: row i counts
`weights[b, i]` times in replicate b.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evaluate.ranked import by_query, by_threshold, weighted_ranks
from tabular.schema import Problem

Array = np.ndarray[Any, np.dtype[Any]]

NAMES: dict[Problem, tuple[str, ...]] = {
    "binary": ("auc", "average_precision", "accuracy", "f1", "log_loss", "brier"),
    "multiclass": ("accuracy", "f1_macro", "log_loss"),
    "regression": ("rmse", "mae", "r2"),
    "ranking": ("ndcg", "map"),
    "forecast": ("mase", "wape", "rmse", "mae"),
}
# A metric is better when it is higher, but for these.
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae", "mase", "wape"})
THRESHOLD = 0.5
_CLIP = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class Rows:
    """Truth and prediction of some rows: values, probabilities, or a column of probabilities for each class.

    `units` says which rows are drawn together (one number from 0 per row: the query of a ranking, the period
    of a forecast); None where each stands alone. `scale` is the naive forecast's error in a row's series.
    """

    problem: Problem
    truth: Array
    predicted: Array
    units: Array | None = None
    scale: Array | None = None

    @property
    def unit_count(self) -> int:
        """How many units there are to draw from."""
        return len(self.truth) if self.units is None else int(self.units.max(initial=-1)) + 1

    def among(self, chosen: Array) -> "Rows":
        """Only the chosen rows, whose units are numbered afresh."""
        units = None if self.units is None else np.unique(self.units[chosen], return_inverse=True)[1]
        scale = None if self.scale is None else self.scale[chosen]
        kept = replace(self, truth=self.truth[chosen], predicted=self.predicted[chosen])
        return replace(kept, units=units, scale=scale)


def metrics(
    problem: Problem,
    truth: Array,
    predicted: Array,
    *,
    groups: Array | None = None,
    scale: Array | None = None,
) -> dict[str, float]:
    """All metrics of a problem; see Rows for the arrays, `groups` being its units. MASE needs a `scale`."""
    rows = Rows(problem, truth, predicted, groups, scale)
    once = np.ones((1, rows.unit_count))
    names = [name for name in NAMES[problem] if name != "mase" or scale is not None]
    return {name: float(values[0]) for name, values in measure(rows, once, names).items()}


def measure(rows: Rows, weights: Array, names: Collection[str]) -> dict[str, Array]:
    """The named metrics in every replicate of weights (b, units); NaN where a metric is not defined."""
    if rows.units is not None:
        weights = weights[:, rows.units]
    with np.errstate(divide="ignore", invalid="ignore"):
        match rows.problem:
            case "binary":
                return _binary(rows, weights, names)
            case "multiclass":
                return _multiclass(rows, weights, names)
            case "ranking":
                return _ranking(rows, weights, names)
            case _:
                return _values(rows, weights, names)


def auc(truth: Array, score: Array) -> float:
    """Area under the ROC curve: how often a positive row scores above a negative one, ties counting half."""
    return metrics("binary", truth, score)["auc"]


def counts_by_threshold(truth: Array, score: Array) -> tuple[Array, Array, Array]:
    """Distinct scores from high to low, and how many positives and negatives score at least as much."""
    return by_threshold(truth, score)


def _sums(weights: Array, *terms: Array) -> list[Array]:
    """The weighted sum of each term over the rows, and last the sum of the weights."""
    columns = np.stack([*terms, np.ones(weights.shape[1])], axis=1).astype(weights.dtype)
    return list((weights @ columns).T)


def _binary(rows: Rows, weights: Array, names: Collection[str]) -> dict[str, Array]:
    truth, score = rows.truth.astype(bool), rows.predicted.astype(float)
    chosen = score >= THRESHOLD
    clipped = np.clip(score, _CLIP, 1 - _CLIP)
    loss = -np.where(truth, np.log(clipped), np.log(1 - clipped))
    right, lost, squares, both, either, count = _sums(
        weights, chosen == truth, loss, (score - truth) ** 2, truth & chosen, truth * 1.0 + chosen
    )
    found = {"accuracy": right / count, "log_loss": lost / count, "brier": squares / count}
    found["f1"] = np.where(either > 0, 2 * both / either, 0.0)
    if not {"auc", "average_precision"}.isdisjoint(names):
        area, precision = weighted_ranks(truth, score, weights, precisely="average_precision" in names)
        found |= {"auc": area} if precision is None else {"auc": area, "average_precision": precision}
    return {name: found[name] for name in names}


def _multiclass(rows: Rows, weights: Array, names: Collection[str]) -> dict[str, Array]:
    truth, scores = rows.truth.astype(int), rows.predicted.astype(float)
    chosen, size = scores.argmax(axis=1), scores.shape[1]
    loss = -np.log(np.clip(scores[np.arange(len(truth)), truth], _CLIP, 1))
    right, lost, count = _sums(weights, chosen == truth, loss)
    found = {"accuracy": right / count, "log_loss": lost / count}
    if "f1_macro" in names:
        both = _by_class(np.where(chosen == truth, truth, size), weights, size)
        either = _by_class(truth, weights, size) + _by_class(chosen, weights, size)
        # As in scikit-learn, a class that is neither there nor predicted takes no part.
        scored = np.where(either > 0, 2 * both / either, np.nan)
        found["f1_macro"] = np.nanmean(scored, axis=1) if len(truth) else np.full(len(weights), np.nan)
    return {name: found[name] for name in names}


def _by_class(labels: Array, weights: Array, size: int) -> Array:
    """The weight of each of `size` classes in every replicate."""
    return np.stack([np.bincount(labels, weight, size + 1)[:size] for weight in weights])


def _values(rows: Rows, weights: Array, names: Collection[str]) -> dict[str, Array]:
    truth = rows.truth.astype(float)
    error = rows.predicted.astype(float) - truth
    level = truth - truth.mean()
    scaled = np.abs(error) / (1.0 if rows.scale is None else rows.scale)
    squares, off, scale_free, size, spread, shift, count = _sums(
        weights, error**2, np.abs(error), scaled, np.abs(truth), level**2, level
    )
    around = spread - shift**2 / count
    found = {
        "rmse": np.sqrt(squares / count),
        "mae": off / count,
        "r2": np.where(around > 0, 1 - squares / around, 0.0),
        "wape": off / size,
        "mase": scale_free / count,
    }
    return {name: found[name] for name in names}


def _ranking(rows: Rows, weights: Array, names: Collection[str]) -> dict[str, Array]:
    units = np.zeros(len(rows.truth), int) if rows.units is None else rows.units
    first, gain, precision = by_query(rows.truth.astype(float), rows.predicted.astype(float), units)
    gains, precisions, _ = _sums(weights[:, first], gain, precision)
    count = weights[:, first].sum(axis=1)
    found = {"ndcg": gains / count, "map": precisions / count}
    return {name: found[name] for name in names}
