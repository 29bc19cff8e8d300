"""Tuning: how the best hyperparameters are looked for.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning.html
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from declaration.errors import Problem
from declaration.explain import shown
from declaration.mapping import FrozenMapping
from declaration.ranges import Categorical, Range
from declaration.rules import Matching
from declaration.value import declared

Strategy = Literal["bayesian", "random", "grid", "hyperband"]

# The quotas of a tuning job, and the most parents that a warm start takes:
# https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
MAX_TRIALS = 750
MAX_PARALLEL = 100
MAX_RANGES = 30
MAX_PARENTS = 5

_JOB = Matching(
    r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}", "the name of a tuning job, 1 to 32 letters, digits and hyphens"
)
JobName = Annotated[str, _JOB]


@declared
class Tuning:
    """Look for the best hyperparameters in `trials` trainings, `parallel` at a time.

    `ranges` say what varies and how far; without them the algorithm's own are taken. `warm_start` names up to
    five earlier tuning jobs to learn from. With early stopping a hopeless trial ends before its time.
    """

    trials: Annotated[int, Field(ge=1, le=MAX_TRIALS)] = 30
    _: KW_ONLY
    parallel: Annotated[int, Field(ge=1, le=MAX_PARALLEL)] = 4
    strategy: Strategy = "bayesian"
    ranges: Annotated[
        Mapping[str, Range],
        AfterValidator(FrozenMapping),
        Field(examples=['{"max_depth": Integer(3, 10)}']),
    ] = FrozenMapping[Range]({})
    early_stopping: bool = True
    warm_start: Annotated[
        Sequence[JobName], AfterValidator(tuple), Field(examples=["['flights-tune-1']"])
    ] = ()
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0

    def __post_init__(self) -> None:
        # No more can run at a time than there are.
        object.__setattr__(self, "parallel", min(self.parallel, self.trials))

    @property
    def points(self) -> int | None:
        """How many trials a grid has; None for the other strategies, which stop after `trials`."""
        if self.strategy != "grid":
            return None
        return math.prod(len(each.values) for each in self.ranges.values() if isinstance(each, Categorical))

    def problems(self) -> Iterator[Problem]:
        """Earlier tuning jobs that are too many or stand twice."""
        if len(self.warm_start) > MAX_PARENTS:
            rule = f"a warm start learns from at most {MAX_PARENTS}"
            given = f"{len(self.warm_start)} tuning jobs"
            yield Problem("Tuning, warm_start", given, rule, "keep the best of them")
        if len(set(self.warm_start)) < len(self.warm_start):
            rule = "each tuning job may stand once"
            yield Problem("Tuning, warm_start", shown(self.warm_start), rule, "remove the repeated one")
