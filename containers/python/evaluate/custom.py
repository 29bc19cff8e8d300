"""Metrics that the user wrote: `def profit(truth, predicted) -> float` in a module of the input `code`."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from evaluate.metrics import Array
from tabular import code
from tabular.contract import DataError

Function = Callable[[Array, Array], float]


def load(directory: Path, names: Iterable[str]) -> dict[str, Function]:
    """The functions by their short names; each name is 'module:function'. Raises DataError."""
    return {name.rpartition(":")[2]: _checked(code.load(directory, name)) for name in names}


def _checked(function: code.Function) -> Function:
    def metric(truth: Array, predicted: Array) -> float:
        value = function(truth, predicted)
        if not isinstance(value, (int, float, np.number)):
            raise DataError(f"{function.title} returned {type(value).__name__}; a metric returns a number")
        return float(value)

    return metric
