"""What CloudWatch knows of the fleet at a moment: datapoints of periods that have ended.

Calls are summed. Concurrency has no average: "Valid statistics: Min, Max", one value every ten seconds from
each instance: docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html, ConcurrentRequestsPerModel.
So target tracking follows the maximum, which is the further above the mean, the more instances report. Calls
that come independently of each other are at once in numbers of Poisson's distribution, whose variance is its
mean (in a queue it is larger: this is the least). The largest of n such numbers is put where Blom's formula
has it for the normal distribution: Statistical Estimates and Transformed Beta-Variables, 1958.
"""

import functools
import math
from itertools import pairwise
from statistics import NormalDist

from simulator.fleet import Monitoring
from simulator.policies import Metric

_REPORT_SECONDS = 10.0
"""How often an instance says how many calls it has at once."""


class Datapoints:
    """The metrics of a fleet, taken down step by step.

    "1/numberOfInstances is sent as the value on each request, where numberOfInstances is the number of active
    instances": docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """

    def __init__(self, monitoring: Monitoring, step_seconds: float) -> None:
        self._monitoring = monitoring
        self._step = step_seconds
        self._sums: dict[Metric, list[float]] = {"calls": [0.0], "unserved": [0.0]}
        self._concurrent: list[tuple[float, int]] = []

    def record(self, instances: int, calls: float, concurrent: float) -> None:
        """Take down one step: calls that came, and calls at once."""
        each = max(1, instances)
        self._add("calls", calls / each if instances else 0.0)
        self._concurrent.append((concurrent / each, each))
        self._add("unserved", 0.0 if instances else calls)

    def _add(self, metric: Metric, value: float) -> None:
        sums = self._sums[metric]
        sums.append(sums[-1] + value)

    def newest(self, metric: Metric, period: float, count: int) -> list[float] | None:
        """The newest `count` datapoints, the newest first; None while there are not as many."""
        end = (len(self._sums["calls"]) - 1) * self._step - self._monitoring.delay_seconds
        if self._monitoring.aligned:
            end = math.floor(end / period + 1e-9) * period
        if end - count * period < -1e-9:
            return None
        edges = [end - number * period for number in range(count + 1)]
        if metric == "concurrency":
            return [self._most(older, newer) for newer, older in pairwise(edges)]
        sums = [self._at(self._sums[metric], edge) for edge in edges]
        return [newer - older for newer, older in pairwise(sums)]

    def _most(self, begin: float, end: float) -> float:
        """The maximum of what the instances report between two moments."""
        first, last = max(0, math.floor(begin / self._step + 1e-9)), math.ceil(end / self._step - 1e-9)
        reports = max(1, round((end - begin) / _REPORT_SECONDS))
        return max(
            mean + _above(instances * reports) * math.sqrt(mean)
            for mean, instances in self._concurrent[first:last]
        )

    def _at(self, sums: list[float], seconds: float) -> float:
        """The sum up to a moment, which may be within a step."""
        place = max(0.0, seconds / self._step)
        number = min(int(place), len(sums) - 1)
        if number == len(sums) - 1:
            return sums[-1]
        return sums[number] + (place - number) * (sums[number + 1] - sums[number])


@functools.cache
def _above(count: int) -> float:
    """By how many standard deviations the largest of so many values is expected above the mean."""
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))
