"""Metrics that the user wrote: `def profit(truth, predicted) -> float` in a module of the input `code`."""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from evaluate.metrics import Array
from tabular.contract import DataError

Function = Callable[[Array, Array], float]


def load(code: Path, names: Iterable[str]) -> dict[str, Function]:
    """The functions by their short names; each name is 'module:function'. Raises DataError."""
    return {name.rpartition(":")[2]: _checked(name, _find(code, name)) for name in names}


def _find(code: Path, name: str) -> Function:
    module, _, function = name.partition(":")
    path = code / f"{module}.py"
    if not path.is_file():
        raise DataError(f"the metric {name!r} needs {module}.py, which the input 'code' does not hold")
    specification = importlib.util.spec_from_file_location(module, path)
    if specification is None or specification.loader is None:
        raise DataError(f"the metric {name!r}: {path.name} is not a Python module")
    loaded = importlib.util.module_from_spec(specification)
    # Last, so that a file of the user's cannot take the place of one of the image's packages.
    if str(code) not in sys.path:
        sys.path.append(str(code))
    try:
        specification.loader.exec_module(loaded)
    except Exception as error:
        raise DataError(f"{path.name} cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(loaded, function, None)
    if not inspect.isfunction(found):
        raise DataError(f"{path.name} has no function {function!r}")
    return found


def _checked(name: str, function: Function) -> Function:
    def metric(truth: Array, predicted: Array) -> float:
        try:
            value = function(truth, predicted)
        except Exception as error:
            raise DataError(f"the metric {name!r} failed: {type(error).__name__}: {error}") from error
        if not isinstance(value, (int, float, np.number)):
            raise DataError(f"the metric {name!r} returned {type(value).__name__}; it must return a number")
        return float(value)

    return metric
