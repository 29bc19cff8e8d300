"""What CloudWatch knows of the fleet at a moment: datapoints of periods that have ended."""

import math
from itertools import pairwise

from simulator.fleet import Monitoring
from simulator.policies import Metric


class Datapoints:
    """The metrics of a fleet, taken down step by step.

    "1/numberOfInstances is sent as the value on each request, where numberOfInstances is the number of active
    instances": docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
    """

    def __init__(self, monitoring: Monitoring, step_seconds: float) -> None:
        self._monitoring = monitoring
        self._step = step_seconds
        self._sums: dict[Metric, list[float]] = {"calls": [0.0], "concurrency": [0.0], "unserved": [0.0]}

    def record(self, instances: int, calls: float, concurrent: float) -> None:
        """Take down one step: calls that came, and calls at once."""
        each = max(1, instances)
        self._add("calls", calls / each if instances else 0.0)
        self._add("concurrency", concurrent / each * self._step)
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
        sums = self._sums[metric]
        edges = [self._at(sums, end - number * period) for number in range(count + 1)]
        differences = [newer - older for newer, older in pairwise(edges)]
        # Of calls it is their sum that counts, of calls at once their average.
        return [value / period for value in differences] if metric == "concurrency" else differences

    def _at(self, sums: list[float], seconds: float) -> float:
        """The sum up to a moment, which may be within a step."""
        place = max(0.0, seconds / self._step)
        number = min(int(place), len(sums) - 1)
        if number == len(sums) - 1:
            return sums[-1]
        return sums[number] + (place - number) * (sums[number + 1] - sums[number])
