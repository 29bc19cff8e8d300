"""Gradient-boosted trees by LightGBM."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar

from pydantic import Field

from declaration.algorithms.boosting import early_stopping_problems
from declaration.algorithms.learner import Learner, Penalty, Program, Rounds, Seed, Share
from declaration.errors import Problem
from declaration.ranges import Continuous, Integer, Range
from declaration.value import declared


@declared
class LightGBM(Learner):
    """Gradient-boosted trees grown leaf by leaf; the hyperparameters carry LightGBM's own names.

    Training stops after `early_stopping` rounds without a better validation score, at most after `rounds`;
    a `max_depth` of -1 sets no limit. https://lightgbm.readthedocs.io/en/stable/Parameters.html
    """

    program: ClassVar[Program] = "lightgbm"
    aliases: ClassVar[Mapping[str, str]] = {
        "eta": "learning_rate",
        "n_estimators": "rounds",
        "num_iterations": "rounds",
        "min_child_samples": "min_data_in_leaf",
        "colsample_bytree": "feature_fraction",
        "subsample": "bagging_fraction",
        "reg_alpha": "lambda_l1",
        "reg_lambda": "lambda_l2",
    }
    gpus: ClassVar[bool] = False
    resumes: ClassVar[bool] = True
    # The space of FLAML (Wang et al., 2021; LGBMEstimator in flaml/automl/model.py) for leaves (from 4, log;
    # there up to the number of rows), rows in a leaf (2 to 128, log) and learning rate (2^-10 to 1, log, of
    # which this is what 500 rounds can use); the shares as for XGBoost.
    ranges: ClassVar[Mapping[str, Range]] = {
        "num_leaves": Integer(4, 256, scale="log"),
        "learning_rate": Continuous(0.01, 0.3, scale="log"),
        "min_data_in_leaf": Integer(2, 128, scale="log"),
        "feature_fraction": Continuous(0.5, 1.0),
        "bagging_fraction": Continuous(0.5, 1.0),
    }

    _: KW_ONLY
    rounds: Rounds = 500
    num_leaves: Annotated[int, Field(ge=2, le=131_072)] = 31
    learning_rate: Share = 0.1
    min_data_in_leaf: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    feature_fraction: Share = 1.0
    bagging_fraction: Share = 1.0
    lambda_l1: Penalty = 0.0
    lambda_l2: Penalty = 0.0
    max_depth: Annotated[int, Field(ge=-1, le=64)] = -1
    early_stopping: Rounds = 20
    seed: Seed = 0

    def problems(self) -> Iterator[Problem]:
        """Hyperparameters or hardware that contradict each other."""
        yield from super().problems()
        yield from early_stopping_problems("LightGBM", self.early_stopping, self.rounds)
        if self.max_depth == 0:
            rule = "a tree needs a level, and -1 sets no limit"
            yield Problem("LightGBM, max_depth", "0", rule, "write max_depth=-1 or a number from 1")
