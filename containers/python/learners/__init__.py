"""The algorithms: one module each, imported when it is asked for, as its library takes a while to load."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

from tabular.contract import DataError

if TYPE_CHECKING:
    from learners.learning import Learner

ALGORITHMS = ("xgboost", "lightgbm", "linear", "forest", "mlp", "forecast")
# Those whose trainings can go on from a model.
RESUMED = ("xgboost", "lightgbm", "mlp")


def learner(name: str) -> "Learner":
    """The module of an algorithm; DataError when there is none of that name, or its library lacks."""
    if name not in ALGORITHMS:
        raise DataError(f"there is no algorithm {name!r}; there are {', '.join(ALGORITHMS)}")
    try:
        return cast("Learner", import_module(f"learners.{name}"))
    except ImportError as error:
        raise DataError(f"the library of {name} cannot be loaded: {error}") from error
