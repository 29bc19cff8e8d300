"""Rows as linear models and neural networks need them: standardised numbers, indicators, no holes.

A number becomes (x - mean) / deviation, and 0 where it is missing, with an indicator of that beside it where
the training rows had such holes. A category becomes an indicator; one that is missing or unknown has none.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular.encoding import Matrix
from tabular.schema import Schema

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Design:
    """The columns made of each feature: first the numbers, then their holes, then the categories' indicators.

    `numbers` and `categories` are positions of features, `holed` positions among the numbers; `first` is the
    column of a category feature's first indicator, `sizes` how many it has. `mean` and `deviation` are those
    of the numbers. `columns` is the width of the design.
    """

    numbers: Array
    mean: Array
    deviation: Array
    holed: Array
    categories: Array
    sizes: Array

    @property
    def first(self) -> Array:
        """The column of each category feature's first indicator."""
        before = len(self.numbers) + len(self.holed)
        ends: Array = np.cumsum(self.sizes)
        return before + ends - self.sizes

    @property
    def columns(self) -> int:
        """How many columns the design has."""
        return len(self.numbers) + len(self.holed) + int(self.sizes.sum())

    def dense(self, matrix: Matrix) -> Array:
        """The columns of numbers and holes, float64 (rows, numbers + holes)."""
        values = matrix[:, self.numbers].astype(np.float64)
        missing = np.isnan(values)
        standard = np.where(missing, 0.0, (values - self.mean) / self.deviation)
        return np.hstack([standard, missing[:, self.holed].astype(np.float64)])

    def places(self, matrix: Matrix) -> Array:
        """The column that is 1 for each category feature (rows, categories), or `columns` where none is."""
        codes = matrix[:, self.categories]
        missing = np.isnan(codes)
        return np.where(missing, self.columns, np.where(missing, 0, codes).astype(np.int64) + self.first)

    def product(self, matrix: Matrix, weights: Array) -> Array:
        """The design times weights (columns, outputs), without making the indicators."""
        dense = self.dense(matrix)
        found: Array = dense @ weights[: dense.shape[1]]
        # A last row of zeros for those without an indicator.
        padded = np.vstack([weights, np.zeros((1, weights.shape[1]))])
        for places in self.places(matrix).T:
            found = found + padded[places]
        return found

    def rows(self, matrix: Matrix) -> Any:
        """The whole design: an array, or scipy's sparse array where there are categories."""
        dense = self.dense(matrix)
        if not len(self.categories):
            return dense
        from scipy import sparse  # type: ignore[import-untyped]

        places = self.places(matrix)
        known = places < self.columns
        values = np.hstack([dense, known])
        columns = np.broadcast_to(np.arange(dense.shape[1]), dense.shape)
        # scikit-learn takes indices of 32 bits only.
        indices = np.hstack([columns, np.where(known, places, self.first)]).astype(np.int32)
        ends = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
        made = sparse.csr_array((values.ravel(), indices.ravel(), ends), shape=(len(matrix), self.columns))
        made.eliminate_zeros()
        return made

    def arrays(self) -> dict[str, Array]:
        """What `numpy.savez` keeps."""
        return dict(vars(self))


def design(matrix: Matrix, schema: Schema) -> Design:
    """The design of these training rows."""
    kinds = np.array([letter == "c" for letter in schema.feature_types], dtype=bool)
    numbers, categories = np.flatnonzero(~kinds), np.flatnonzero(kinds)
    values = matrix[:, numbers].astype(np.float64)
    present = ~np.isnan(values)
    count = np.maximum(present.sum(axis=0), 1)
    mean = np.where(present, values, 0).sum(axis=0) / count
    deviation = np.sqrt(np.where(present, (values - mean) ** 2, 0).sum(axis=0) / count)
    return Design(
        numbers=numbers,
        mean=mean,
        deviation=np.where(deviation > 0, deviation, 1.0),
        holed=np.flatnonzero(~present.all(axis=0)),
        categories=categories,
        sizes=np.array([len(schema.features[place].categories) for place in categories], dtype=np.int64),
    )


def linked(problem: str, scores: Array) -> Array:
    """Scores (rows, outputs) as learners.learning.Model predicts them, float32."""
    if problem == "binary":
        # Of a very negative score the exponential is infinite, and the probability 0, as it should be.
        with np.errstate(over="ignore"):
            chance: Array = 1 / (1 + np.exp(-scores[:, 0]))
        return chance.astype(np.float32)
    if problem == "multiclass":
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return np.asarray(scores[:, 0]).astype(np.float32)
