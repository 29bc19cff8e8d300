"""Metrics that depend on the order of the scores alone."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def by_threshold(truth: Array, score: Array) -> tuple[Array, Array, Array]:
    """Distinct scores from high to low, and how many positives and negatives score at least as much."""
    order = np.argsort(-score, kind="stable")
    ordered, hits = score[order], truth[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    positives = np.cumsum(hits)[last]
    return ordered[last], positives, last + 1 - positives


def weighted_ranks(
    truth: Array, score: Array, weights: Array, *, precisely: bool = True
) -> tuple[Array, Array | None]:
    """Area under the ROC curve in every replicate, NaN where a class is missing, and average precision.

    The latter takes twice as long, and is None unless asked for `precisely`.

    Rows are sorted once. What a positive row beats is then a difference of running sums of the weights of the
    negative ones, in any number of replicates.
    """
    positive, negative = (
        side[np.argsort(-score[side], kind="stable")]
        for side in (np.flatnonzero(truth), np.flatnonzero(~truth))
    )
    falling = -score[positive]
    above, upto = (np.searchsorted(-score[negative], falling, side) for side in ("left", "right"))
    alarms = np.zeros((len(weights), len(negative) + 1), weights.dtype)
    np.cumsum(weights[:, negative], axis=1, out=alarms[:, 1:])
    weight = weights[:, positive]
    hits = weight.sum(axis=1)
    higher, as_high = alarms[:, above], alarms[:, upto]
    area = 1 - _dot(weight, higher + as_high) / 2 / (hits * alarms[:, -1])
    if not precisely:
        return area, None
    found = np.cumsum(weight, axis=1)[:, np.searchsorted(falling, falling, "right") - 1]
    shown = found + as_high
    precision = np.divide(found, shown, out=np.zeros_like(found), where=shown > 0)
    return area, _dot(weight, precision) / hits


def by_query(truth: Array, score: Array, queries: Array) -> tuple[Array, Array, Array]:
    """One row of each query, and each query's NDCG (linear gain) and average precision; zero without a hit.

    Rows of the same score share their places, as in scikit-learn's ndcg_score and average_precision_score.
    """
    order = np.lexsort((-score, queries))
    query, relevance = queries[order], truth[order]
    first = np.flatnonzero(np.append(True, np.diff(query) != 0)) if len(query) else np.zeros(0, int)
    sizes = np.diff(np.append(first, len(query)))
    place = np.arange(len(query)) - np.repeat(first, sizes)
    discount = 1 / np.log2(place + 2)
    ideal = np.add.reduceat(truth[np.lexsort((-truth, queries))] * discount, first)
    starts = np.append(True, (np.diff(query) != 0) | (np.diff(score[order]) != 0))
    tie = np.cumsum(starts) - 1
    shared = np.bincount(tie, discount) / np.bincount(tie)
    gained = np.add.reduceat(relevance * shared[tie], first)
    hit = (relevance > 0).astype(float)
    running = np.cumsum(hit)
    before = np.repeat(running[first] - hit[first], sizes)
    last = np.append(np.flatnonzero(starts)[1:], len(query)) - 1
    precision = ((running - before) / (place + 1))[last][tie]
    hits = np.add.reduceat(hit, first)
    average = np.add.reduceat(hit * precision, first)
    gain = np.divide(gained, ideal, out=np.zeros_like(ideal), where=ideal > 0)
    return order[first], gain, np.divide(average, hits, out=np.zeros_like(hits), where=hits > 0)


def _dot(left: Array, right: Array) -> Array:
    """The inner product of each pair of rows."""
    products: Array = np.einsum("ij,ij->i", left, right)
    return products
