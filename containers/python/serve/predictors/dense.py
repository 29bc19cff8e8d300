"""Linear models and networks in the fewest steps of numpy; a row's bits do not depend on the rows beside it.

BLAS may add up in another order when there are more rows, so layers are multiplied in blocks of one size.
"""

from collections.abc import Sequence

import numpy as np

from learners.dense import linked
from learners.learning import Array
from learners.linear import Model as Linear
from learners.mlp import Model as Network
from serve.predictors import Predict
from tabular.encoding import Matrix
from tabular.schema import Schema

_BLOCK = 8


def predictor(model: Linear | Network, schema: Schema) -> Predict:  # noqa: ARG001  others need the schema
    """Predicts from float32 rows."""
    if isinstance(model, Linear):
        return _scores([model.weights], [model.intercept], model, 0.0, 1.0)
    return _scores(model.weights, model.intercepts, model, model.mean, model.scale)


def _scores(
    weights: Sequence[Array], intercepts: Sequence[Array], model: Linear | Network, mean: float, scale: float
) -> Predict:
    design = model.design
    problem = model.problem
    numbers, holed, categories = design.numbers, design.holed, design.categories
    count = len(numbers) + len(holed)
    first = np.ascontiguousarray(weights[0][:count])
    # A last row of zeros for the categories that are missing.
    indicators = np.vstack([weights[0], np.zeros((1, weights[0].shape[1]))])
    starts, none = design.first, len(weights[0])
    all_numbers = not len(categories)

    def predict(matrix: Matrix) -> Array:
        values = (matrix if all_numbers else matrix[:, numbers]).astype(np.float64)
        values -= design.mean
        values /= design.deviation
        missing = np.isnan(values)
        values[missing] = 0.0
        if len(holed):
            values = np.hstack([values, missing[:, holed]])
        found = _product(values, first)
        if len(categories):
            codes = matrix[:, categories]
            places = np.where(np.isnan(codes), none - starts, codes).astype(np.int64) + starts
            for column in places.T:
                found = found + indicators[column]
        found = found + intercepts[0]
        for layer, intercept in zip(weights[1:], intercepts[1:], strict=True):
            found = _product(np.maximum(found, 0.0), layer) + intercept
        if scale != 1.0 or mean != 0.0:
            found = found * scale + mean
        return linked(problem, found)

    return predict


def _product(values: Array, weights: Array) -> Array:
    """Rows times weights, each row with the same steps whatever stands beside it."""
    rows, width = values.shape
    outputs = weights.shape[1]
    if outputs == 1:
        # Sums along a row that lies in one piece, in numpy's fixed order.
        sums: Array = (values * weights[:, 0]).sum(axis=1)
        return sums[:, None]
    blocks = -(-rows // _BLOCK)
    padded = np.zeros((blocks * _BLOCK, width))
    padded[:rows] = values
    found: Array = np.matmul(padded.reshape(blocks, _BLOCK, width), weights)
    return found.reshape(-1, outputs)[:rows]
