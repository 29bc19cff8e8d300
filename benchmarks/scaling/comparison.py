"""Instance counts of an endpoint beside those that the simulator says for the same traffic and policy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import simulator
from benchmarks.scaling.traffic import Traffic

PERIOD_SECONDS = 60.0
"""One evaluation period of the policy's alarms, in AWS's time."""
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
        """By how many instances they differ at most, if each change may come one evaluation period off.

        Either way round: nothing was seen that was not simulated, and nothing simulated that was not seen. A
        change from 1 to 5 passes 3 for a moment, since instances come into service one after the other.
        """
        seen = self._seen_by_second()
        if not len(seen):
            return 0
        return max(_farthest(seen, self.simulated), _farthest(self.simulated, seen))

    def rows(self) -> Iterator[tuple[float, float, float, float]]:
        """At each evaluation period: its time, the calls a second, the instances seen and simulated."""
        seen = self._seen_by_second()
        for second in range(0, min(len(seen), len(self.simulated)), int(PERIOD_SECONDS)):
            rate = self.traffic.load.rate(np.array([second / self.speed]))[0]
            yield second, float(rate), float(seen[second]), float(self.simulated[second])

    def _seen_by_second(self) -> Counts:
        """The count that was seen last, at each second; before the first look, what that one saw."""
        if not self.seen:
            return np.zeros(0, dtype=np.int64)
        times, counts = (np.array(column) for column in zip(*self.seen, strict=True))
        places = np.searchsorted(times, np.arange(int(times[-1]) + 1), side="right") - 1
        return np.asarray(counts[np.maximum(places, 0)], dtype=np.int64)


def _farthest(these: Counts, those: Counts) -> int:
    """The largest distance of one of `these` to the range of `those` within one period of it."""
    reach = int(PERIOD_SECONDS)
    farthest = 0
    for second, count in enumerate(these):
        near = those[min(max(0, second - reach), len(those) - 1) : second + reach + 1]
        farthest = max(farthest, int(near.min() - count), int(count - near.max()))
    return farthest


def compare(
    traffic: Traffic,
    speed: float,
    seen: Sequence[tuple[float, int]],
    fleet: simulator.Fleet,
) -> Comparison:
    """Simulate the traffic; `seen` is in seconds of this machine since its begin."""
    load = traffic.load
    moments = np.arange(0, load.seconds * speed)
    per_minute = load.rate(moments / speed) * 60 / speed
    simulated = simulator.simulate(fleet, per_minute, step_seconds=1.0).instances
    inside = [(moment * speed, count) for moment, count in seen if 0 <= moment <= load.seconds]
    return Comparison(traffic, speed, inside, simulated)
