"""Bayesian optimisation by a Gaussian process: the points at which a trial promises the most.

The model is that of SageMaker's own tuning (Perrone et al., Amazon SageMaker Automatic Model Tuning,
arxiv.org/abs/2012.08489): a Matérn 5/2 kernel with a length scale for each hyperparameter, and the expected
improvement. Points are rows of shares (ranges.Number.at), one for each hyperparameter; a category's share is
the middle of its value's part, and two different values are at distance 1. `choices` has how many values a
category has, and 0 for a number.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]
_erf = np.vectorize(math.erf, otypes=[float])

_ANYWHERE, _NEARBY, _BEST = 1000, 500, 3
"""Candidates drawn from the whole space, and near so many best points."""
_STEPS = 60
"""Steps of the random search for length scales and noise."""
_FITTED = 50
"""Points that length scales are fitted to; all points count when candidates are judged."""
_LOWEST, _HIGHEST = math.log(0.05), math.log(10.0)
_LENGTH, _NOISE = math.log(0.5), math.log(0.05)
"""Where length scales and noise, as a share of the variance, are expected (medians of log-normal priors)."""
_JITTER = 1e-6


def ranked(
    random: np.random.Generator, points: Array, gains: Array, pending: Array, choices: Sequence[int]
) -> Array:
    """Candidates (count, size), the most promising first, by the gains of points and those that still run."""
    values = _tempered(gains)
    chosen = _evenly(values)
    lengths, noise = _fitted(random, _squares(points[chosen], points[chosen], choices), values[chosen])
    candidates = _candidates(random, points, values, choices)
    known = _covariance(points, points, choices, lengths)
    weights = np.linalg.solve(known + (noise + _JITTER) * np.eye(len(points)), values)
    variance = max(float(values @ weights) / len(values), _JITTER)
    mean = _covariance(candidates, points, choices, lengths) @ weights
    # Where trials run, their result is as good as known: nothing is to be learnt there a second time.
    taken = np.vstack([points, pending])
    best = float((_covariance(taken, points, choices, lengths) @ weights).max())
    inner = _covariance(taken, taken, choices, lengths) + (noise + _JITTER) * np.eye(len(taken))
    outer = _covariance(taken, candidates, choices, lengths)
    explained = (np.linalg.solve(np.linalg.cholesky(inner), outer) ** 2).sum(axis=0)
    deviation = np.sqrt(variance * np.maximum(1 - explained, 1e-12))
    order = np.argsort(-_expected_improvement(mean - best, deviation), kind="stable")
    found: Array = candidates[order]
    return found


def _tempered(gains: Array) -> Array:
    """Gains with mean 0 and deviation 1; how bad a bad one is counts less and less below the median."""
    # Against squares that are too large for a number.
    gains = gains / (np.abs(gains).max() or 1.0)
    middle = np.median(gains)
    scaled = (gains - middle) / (gains[gains >= middle].std() or 1.0)
    tempered = np.where(scaled < 0, -np.log1p(np.maximum(-scaled, 0)), scaled)
    normal: Array = (tempered - tempered.mean()) / (tempered.std() or 1.0)
    return normal


def _evenly(values: Array) -> Array:
    """Places of as many values as are fitted to: of all ranks, the best one among them."""
    order = np.argsort(-values, kind="stable")
    places: Array = order[np.unique(np.linspace(0, len(order) - 1, min(len(order), _FITTED)).astype(int))]
    return places


def _fitted(random: np.random.Generator, squares: Array, values: Array) -> tuple[Array, float]:
    """The most probable length scales and noise that a random walk uphill finds."""
    size = len(squares)
    low = np.array([_LOWEST] * size + [math.log(1e-4)])
    high = np.array([_HIGHEST] * size + [0.0])
    found = np.array([_LENGTH] * size + [_NOISE])
    most, step = _probability(found, squares, values), 1.0
    for _ in range(_STEPS):
        move = random.normal(size=size + 1) * step * (random.random(size + 1) < 0.4)
        tried = np.clip(found + move, low, high)
        probability = _probability(tried, squares, values)
        if probability > most:
            most, found = probability, tried
        else:
            step = max(0.2, step * 0.97)
    return np.exp(found[:-1]), float(np.exp(found[-1]))


def _probability(logarithms: Array, squares: Array, values: Array) -> float:
    """The logarithm, but for a constant, of the evidence of the values times the priors."""
    distances = np.tensordot(np.exp(-2 * logarithms[:-1]), squares, axes=1)
    noise = math.exp(logarithms[-1]) + _JITTER
    factor = np.linalg.cholesky(_matern(distances) + noise * np.eye(len(values)))
    variance = float((np.linalg.solve(factor, values) ** 2).mean())
    evidence = -0.5 * len(values) * math.log(variance + _JITTER) - np.log(np.diag(factor)).sum()
    deviations = np.append(logarithms[:-1] - _LENGTH, (logarithms[-1] - _NOISE) / 1.5)
    return float(evidence - (deviations**2).sum() / 2)


def _candidates(random: np.random.Generator, points: Array, values: Array, choices: Sequence[int]) -> Array:
    size = len(choices)
    anywhere = random.random((_ANYWHERE, size))
    best = points[np.argsort(-values, kind="stable")[:_BEST]]
    nearby = best[random.integers(len(best), size=_NEARBY)]
    moved = random.random(nearby.shape) < 0.6
    widths = random.choice([0.02, 0.05, 0.1, 0.2], size=(_NEARBY, 1))
    nearby = np.clip(nearby + moved * widths * random.normal(size=nearby.shape), 0, 1)
    candidates = np.vstack([anywhere, nearby])
    for place, count in enumerate(choices):
        if count:
            parts = np.minimum(np.floor(candidates[:, place] * count), count - 1)
            candidates[:, place] = (parts + 0.5) / count
    return candidates


def _squares(left: Array, right: Array, choices: Sequence[int]) -> Array:
    """The squared distances (size, left, right), for each hyperparameter."""
    differences = left.T[:, :, None] - right.T[:, None, :]
    categories = np.array(choices)[:, None, None] > 0
    squares: Array = np.where(categories, differences != 0, differences**2)
    return squares


def _covariance(left: Array, right: Array, choices: Sequence[int], lengths: Array) -> Array:
    distances = np.zeros((len(left), len(right)))
    for place, choice in enumerate(choices):
        columns = slice(place, place + 1)
        distances += _squares(left[:, columns], right[:, columns], [choice])[0] / lengths[place] ** 2
    return _matern(distances)


def _matern(squares: Array) -> Array:
    root = np.sqrt(5 * squares)
    covariance: Array = (1 + root + root**2 / 3) * np.exp(-root)
    return covariance


def _expected_improvement(gain: Array, deviation: Array) -> Array:
    ratio = gain / deviation
    density = np.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
    improvement: Array = gain * (1 + _erf(ratio / math.sqrt(2))) / 2 + deviation * density
    return improvement
