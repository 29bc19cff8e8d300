"""Forecasts of time series."""

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY
from typing import Annotated, ClassVar

from pydantic import Field

from declaration.algorithms.boosting import early_stopping_problems
from declaration.algorithms.learner import Learner, Program, Rounds, Seed, Share
from declaration.errors import Problem
from declaration.ranges import Continuous, Integer, Range
from declaration.value import declared


@declared
class Forecast(Learner):
    """The next `horizon` values of every series, by boosted trees over its past values.

    `season` is the number of steps after which a pattern repeats; 0 takes that of the step: 24 for hours,
    7 for days, 52 for weeks, 12 for months. The other hyperparameters carry LightGBM's names; training stops
    after `early_stopping` rounds without a better forecast of the last moments, at most after `rounds`.
    """

    program: ClassVar[Program] = "forecast"
    gpus: ClassVar[bool] = False
    settled: ClassVar[frozenset[str]] = frozenset({"seed", "horizon", "season"})
    # As for LightGBM, but smaller trees: a series has fewer values than a table has rows.
    ranges: ClassVar[Mapping[str, Range]] = {
        "num_leaves": Integer(4, 128, scale="log"),
        "learning_rate": Continuous(0.01, 0.3, scale="log"),
        "min_data_in_leaf": Integer(2, 128, scale="log"),
        "feature_fraction": Continuous(0.3, 1.0),
    }

    _: KW_ONLY
    horizon: Annotated[int, Field(ge=1, le=10_000)] = 12
    season: Annotated[int, Field(ge=0, le=10_000)] = 0
    rounds: Rounds = 500
    num_leaves: Annotated[int, Field(ge=2, le=131_072)] = 15
    learning_rate: Share = 0.05
    min_data_in_leaf: Annotated[int, Field(ge=1, le=1_000_000)] = 20
    feature_fraction: Share = 0.7
    early_stopping: Rounds = 30
    seed: Seed = 0

    def problems(self) -> Iterator[Problem]:
        """Hyperparameters or hardware that contradict each other."""
        yield from super().problems()
        yield from early_stopping_problems("Forecast", self.early_stopping, self.rounds)
