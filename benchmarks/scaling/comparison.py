"""Instance counts of an endpoint beside those that the simulator says for the same traffic and policy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import simulator
from benchmarks.scaling.traffic import Traffic

PERIOD_SECONDS = 60.0
"""One evaluation period of the policy's alarms, in AWS's time."""
_STEP_SECONDS = 1.0
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """One trace: instances as (seconds of AWS's time, count), and as they were simulated, by the second."""

    traffic: Traffic
    speed: float
    seen: Sequence[tuple[float, int]]
    simulated: Counts

    @property
    def worst(self) -> int:
        """By how many instances they differ at most, if each change may come one evaluation period off."""
        return max((self._error(moment, count) for moment, count in self.seen), default=0)

    def _error(self, moment: float, count: int) -> int:
        first = max(0, int((moment - PERIOD_SECONDS) / _STEP_SECONDS))
        last = int((moment + PERIOD_SECONDS) / _STEP_SECONDS) + 1
        near = self.simulated[first:last] if first < len(self.simulated) else self.simulated[-1:]
        return int(np.abs(near - count).min())


def compare(
    traffic: Traffic,
    speed: float,
    seen: Sequence[tuple[float, int]],
    fleet: simulator.Fleet,
) -> Comparison:
    """Simulate the traffic; `seen` is in seconds of this machine since its begin."""
    moments = np.arange(0, traffic.seconds * speed, _STEP_SECONDS)
    per_minute = traffic.rate(moments / speed) * 60 / speed
    simulated = simulator.simulate(fleet, list(per_minute), _STEP_SECONDS).instances
    inside = [(moment * speed, count) for moment, count in seen if 0 <= moment <= traffic.seconds]
    return Comparison(traffic, speed, inside, simulated)
