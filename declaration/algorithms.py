"""How a model is learnt."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Annotated

from pydantic import Field

from declaration.errors import Problem
from declaration.instances import InstanceType
from declaration.value import declared

Share = Annotated[float, Field(gt=0, le=1)]


@declared
class XGBoost:
    """Gradient-boosted trees; the hyperparameters carry XGBoost's own names.

    Training stops after `early_stopping` rounds without a better validation score, at most after `rounds`.
    https://xgboost.readthedocs.io/en/stable/parameter.html
    """

    _: KW_ONLY
    rounds: Annotated[int, Field(ge=1, le=100_000)] = 500
    max_depth: Annotated[int, Field(ge=1, le=30)] = 6
    eta: Share = 0.1
    subsample: Share = 1.0
    colsample_bytree: Share = 1.0
    early_stopping: Annotated[int, Field(ge=1, le=100_000)] = 20
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0
    instance: Annotated[str, InstanceType("training")] = "ml.m5.xlarge"

    def problems(self) -> Iterator[Problem]:
        """Hyperparameters that contradict each other."""
        if self.early_stopping > self.rounds:
            rule = f"it must be at most rounds, which is {self.rounds:,}"
            yield Problem(
                "XGBoost, early_stopping", str(self.early_stopping), rule, "lower it or raise rounds"
            )
