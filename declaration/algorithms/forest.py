"""Random forests."""

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar

from pydantic import Field

from declaration.algorithms.learner import Learner, Penalty, Program, Seed, Share
from declaration.ranges import Continuous, Range
from declaration.value import declared


@declared
class RandomForest(Learner):
    """Many deep trees, each from other rows and columns, averaged; XGBoost grows them and names the fields.

    https://xgboost.readthedocs.io/en/stable/tutorials/rf.html
    """

    iterative: ClassVar[bool] = False
    gpus: ClassVar[bool] = False
    program: ClassVar[Program] = "forest"
    # Shares as in Probst, Boulesteix & Bischl, "Tunability" (JMLR 20, 2019; rows 0.1 to 1, columns 0 to 1);
    # the size of a leaf, which bounds the depth too, as in Grinsztajn, Oyallon & Varoquaux (2022; 1.5 to
    # 50.5, log).
    ranges: ClassVar[Mapping[str, Range]] = {
        "colsample_bynode": Continuous(0.1, 1.0),
        "subsample": Continuous(0.1, 1.0),
        "min_child_weight": Continuous(1.0, 50.0, scale="log"),
    }

    _: KW_ONLY
    trees: Annotated[int, Field(ge=1, le=10_000)] = 300
    max_depth: Annotated[int, Field(ge=1, le=30)] = 16
    colsample_bynode: Share = 0.5
    subsample: Share = 0.63
    min_child_weight: Penalty = 1.0
    reg_lambda: Penalty = 0.0
    seed: Seed = 0
