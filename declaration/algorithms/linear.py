"""Linear models with an elastic net."""

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar

from pydantic import Field

from declaration.algorithms.learner import Learner, Program, Seed
from declaration.ranges import Continuous, Range
from declaration.value import declared


@declared
class ElasticNet(Learner):
    """A linear or logistic regression, held small by a mix of the lasso's penalty and the ridge's.

    `alpha` is how much the penalty weighs and `l1_ratio` the lasso's share of it, as in scikit-learn.
    https://scikit-learn.org/stable/modules/linear_model.html#elastic-net
    """

    iterative: ClassVar[bool] = False
    program: ClassVar[Program] = "linear"
    gpus: ClassVar[bool] = False
    # scikit-learn's guide looks for alpha from 1e-6 (stochastic gradient descent, "Tips on Practical Use"),
    # Probst, Boulesteix & Bischl, "Tunability" (JMLR 20, 2019) up to 2^10; their mix goes from 0 to 1 as
    # well.
    ranges: ClassVar[Mapping[str, Range]] = {
        "alpha": Continuous(1e-6, 10.0, scale="log"),
        "l1_ratio": Continuous(0.0, 1.0),
    }

    _: KW_ONLY
    alpha: Annotated[float, Field(ge=0, le=1_000_000)] = 0.0001
    l1_ratio: Annotated[float, Field(ge=0, le=1)] = 0.15
    seed: Seed = 0
