"""Gradient-boosted trees by XGBoost."""

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
class XGBoost(Learner):
    """Gradient-boosted trees; the hyperparameters carry XGBoost's own names.

    Training stops after `early_stopping` rounds without a better validation score, at most after `rounds`.
    https://xgboost.readthedocs.io/en/stable/parameter.html
    """

    program: ClassVar[Program] = "xgboost"
    aliases: ClassVar[Mapping[str, str]] = {
        "learning_rate": "eta",
        "n_estimators": "rounds",
        "num_round": "rounds",
        "num_boost_round": "rounds",
        "alpha": "reg_alpha",
    }
    resumes: ClassVar[bool] = True
    # Six, so that 30 trials say something; early stopping finds the rounds. From Grinsztajn, Oyallon &
    # Varoquaux, "Why do tree-based models still outperform deep learning on typical tabular data?" (2022):
    # depth (there 1 to 11), child weight (1 to 100, log), shares (0.5 to 1). eta is what 500 rounds can use
    # of their 1e-5 to 0.7 and of the 2^-10 to 1 of Probst, Boulesteix & Bischl, "Tunability" (JMLR 20, 2019);
    # reg_lambda is the inner part of the latter's 2^-10 to 2^10. https://arxiv.org/abs/2207.08815,
    # https://arxiv.org/abs/1802.09596
    ranges: ClassVar[Mapping[str, Range]] = {
        "max_depth": Integer(3, 10),
        "eta": Continuous(0.01, 0.3, scale="log"),
        "subsample": Continuous(0.5, 1.0),
        "colsample_bytree": Continuous(0.5, 1.0),
        "min_child_weight": Continuous(1.0, 100.0, scale="log"),
        "reg_lambda": Continuous(0.01, 100.0, scale="log"),
    }

    _: KW_ONLY
    rounds: Rounds = 500
    max_depth: Annotated[int, Field(ge=1, le=30)] = 6
    eta: Share = 0.1
    subsample: Share = 1.0
    colsample_bytree: Share = 1.0
    min_child_weight: Penalty = 1.0
    reg_lambda: Penalty = 1.0
    reg_alpha: Penalty = 0.0
    gamma: Penalty = 0.0
    max_bin: Annotated[int, Field(ge=2, le=65_535)] = 256
    early_stopping: Rounds = 20
    seed: Seed = 0

    def problems(self) -> Iterator[Problem]:
        """Hyperparameters or hardware that contradict each other."""
        yield from super().problems()
        yield from early_stopping_problems("XGBoost", self.early_stopping, self.rounds)
