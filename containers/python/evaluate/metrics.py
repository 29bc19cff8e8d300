"""The metrics of each problem, computed as scikit-learn defines them.

https://scikit-learn.org/stable/modules/model_evaluation.html
"""

from typing import Any

import numpy as np

from tabular.schema import Problem

Array = np.ndarray[Any, np.dtype[Any]]

# A metric is better when it is higher, but for these.
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae"})
THRESHOLD = 0.5
_CLIP = float(np.finfo(np.float32).eps)


def metrics(problem: Problem, truth: Array, predicted: Array) -> dict[str, float]:
    """All metrics of a problem; `predicted` holds values, or probabilities with a column for each class."""
    match problem:
        case "binary":
            return _binary(truth.astype(bool), predicted.astype(float))
        case "multiclass":
            return _multiclass(truth.astype(int), predicted.astype(float))
        case "regression":
            return _regression(truth.astype(float), predicted.astype(float))


def auc(truth: Array, score: Array) -> float:
    """Area under the ROC curve: how often a positive row scores above a negative one, ties counting half."""
    ranks = _ranks(score)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def counts_by_threshold(truth: Array, score: Array) -> tuple[Array, Array, Array]:
    """Distinct scores from high to low, and how many positives and negatives score at least as much."""
    order = np.argsort(-score, kind="stable")
    ordered, hits = score[order], truth[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    positives = np.cumsum(hits)[last]
    return ordered[last], positives, last + 1 - positives


def _binary(truth: Array, score: Array) -> dict[str, float]:
    _, hits, misses = counts_by_threshold(truth, score)
    precision = hits / (hits + misses)
    gained = np.diff(hits, prepend=0) / truth.sum()
    predicted = score >= THRESHOLD
    clipped = np.clip(score, _CLIP, 1 - _CLIP)
    return {
        "auc": auc(truth, score),
        "average_precision": float((gained * precision).sum()),
        "accuracy": float((predicted == truth).mean()),
        "f1": _f1(truth, predicted),
        "log_loss": float(-np.where(truth, np.log(clipped), np.log(1 - clipped)).mean()),
        "brier": float(((score - truth) ** 2).mean()),
    }


def _multiclass(truth: Array, scores: Array) -> dict[str, float]:
    predicted = scores.argmax(axis=1)
    classes = range(scores.shape[1])
    chosen = np.clip(scores[np.arange(len(truth)), truth], _CLIP, 1)
    return {
        "accuracy": float((predicted == truth).mean()),
        "f1_macro": float(np.mean([_f1(truth == label, predicted == label) for label in classes])),
        "log_loss": float(-np.log(chosen).mean()),
    }


def _regression(truth: Array, predicted: Array) -> dict[str, float]:
    error = predicted - truth
    spread = float(((truth - truth.mean()) ** 2).sum())
    return {
        "rmse": float(np.sqrt((error**2).mean())),
        "mae": float(np.abs(error).mean()),
        "r2": 1 - float((error**2).sum()) / spread if spread else 0.0,
    }


def _f1(truth: Array, predicted: Array) -> float:
    both = int((truth & predicted).sum())
    either = int(truth.sum()) + int(predicted.sum())
    return 2 * both / either if either else 0.0


def _ranks(values: Array) -> Array:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(count)
    return (ends - (count - 1) / 2)[place]
