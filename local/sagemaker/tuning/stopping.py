"""When a training job of a tuning job is stopped before its end.

Everything here is in gains: objective values turned so that more is better, one for each value that the log
gave. A rule sets bars: the gain below which a job is stopped, by epoch (from 0).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median

Curve = Sequence[float]

_REDUCTION = 3
"""Of the jobs that come to a rung, one in so many goes on: Hyperband's eta (Li et al., JMLR 18, 2018)."""
_ROUNDING = 1e-9
"""Of an average: a job that is as good as the median must not be stopped for the rounding of a sum."""
_LEAST_JOBS = 5
"""Finished jobs that a median needs to mean anything: the start-up trials of Optuna's MedianPruner."""


def first_below(curve: Curve, bars: Mapping[int, float], start: int = 0) -> int | None:
    """The first epoch, from `start` on, in which the gain is below its bar."""
    for epoch in range(start, len(curve)):
        if epoch in bars and curve[epoch] < bars[epoch]:
            return epoch
    return None


def median_bars(finished: Sequence[Curve], cut: Sequence[Curve]) -> dict[int, float]:
    """The median rule: a job is stopped below the median of the running averages up to the same epoch.

    `finished` are the curves of earlier jobs that went to their end, `cut` those of jobs that were stopped.
    docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html; that no job is judged
    in the first part of its way, which the length of the finished ones gives, is from Perrone et al., Amazon
    SageMaker Automatic Model Tuning (arxiv.org/abs/2012.08489); half of it is ours.
    """
    if len(finished) < _LEAST_JOBS:
        return {}
    averages = [[total / n for n, total in enumerate(accumulate(curve), 1)] for curve in (*finished, *cut)]
    begin = math.ceil(median(len(curve) for curve in finished) / 2)
    end = max(len(curve) for curve in finished)
    reached = {
        epoch: [curve[epoch] for curve in averages if epoch < len(curve)] for epoch in range(begin, end)
    }
    return {epoch: median(means) - _ROUNDING * abs(median(means)) for epoch, means in reached.items()}


@dataclass(frozen=True)
class Hyperband:
    """Hyperband with the asynchronous successive halving of Li et al., MLSys 2020, in each bracket.

    A job is judged after `least`, 3 `least`, 9 `least`, … epochs of at most `most`, the later the higher its
    bracket.
    """

    least: int
    most: int

    def bracket(self, number: int) -> int:
        """The bracket of the job with that number: each gets as many jobs as Hyperband gives it."""
        highest = 0
        while self.least * _REDUCTION ** (highest + 1) <= self.most:
            highest += 1
        shares = [math.ceil((highest + 1) / (s + 1) * _REDUCTION**s) for s in reversed(range(highest + 1))]
        place = number % sum(shares)
        return next(index for index, end in enumerate(accumulate(shares)) if place < end)

    def bars(self, number: int, earlier: Mapping[int, Curve]) -> dict[int, float]:
        """The bars of a job, by the curves of earlier ones; those of its own bracket count."""
        bracket, bars = self.bracket(number), {}
        rung = self.least * _REDUCTION**bracket
        rivals = [curve for other, curve in earlier.items() if self.bracket(other) == bracket]
        while rung < self.most:
            reached = sorted((curve[rung - 1] for curve in rivals if len(curve) >= rung), reverse=True)
            if go_on := (len(reached) + 1) // _REDUCTION:
                bars[rung - 1] = reached[go_on - 1]
            rung *= _REDUCTION
        return bars
