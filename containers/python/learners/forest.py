"""Random forests: XGBoost grows all their trees in one round.

There is nothing to go on from in the middle of a round: a training that is killed starts again, and ends with
the same bytes. https://xgboost.readthedocs.io/en/stable/tutorials/rf.html
"""

from dataclasses import dataclass

from learners import xgboost
from learners.bounds import within
from learners.learning import Learnt, Training
from learners.progress import Progress
from tabular.schema import Problem

PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "regression")
LIBRARIES = xgboost.LIBRARIES
load = xgboost.load


@dataclass(frozen=True)
class Settings:
    """How many trees there are; the rest by XGBoost's own names."""

    trees: int = within(300, 1)
    max_depth: int = within(16, 1)
    colsample_bynode: float = within(0.5, 0.01, 1)
    subsample: float = within(0.63, 0.01, 1)
    min_child_weight: float = within(1.0, 0)
    reg_lambda: float = within(0.0, 0)


def learn(data: Training, settings: Settings, progress: Progress) -> Learnt:
    """Grow the forest on the learning rows for its figures, then on all rows."""
    parameters = xgboost.base(data) | {
        "num_parallel_tree": settings.trees,
        "max_depth": settings.max_depth,
        "colsample_bynode": settings.colsample_bynode,
        "subsample": settings.subsample,
        "min_child_weight": settings.min_child_weight,
        "reg_lambda": settings.reg_lambda,
        # The trees are averaged: none corrects another, so none learns slowly.
        "eta": 1.0,
    }
    progress.forgo()
    return xgboost.grown(data, parameters, 1, 1, progress)
