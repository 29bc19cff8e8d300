"""A fleet followed through a trace, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulator.fleet import Fleet
from simulator.monitoring import Datapoints
from simulator.queueing import serve
from simulator.scaling import Change, Scaling

Series = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Simulation:
    """What a trace did to a fleet. Series have one value per step; `instances` are those that take calls.

    `desired` are those that were asked for, and paid for (SageMaker bills an instance from its start).
    `late` and `dropped` are calls of each step, `calls_per_minute` the trace itself.
    """

    step_seconds: float
    calls_per_minute: Series
    instances: npt.NDArray[np.int64]
    desired: npt.NDArray[np.int64]
    late: Series
    dropped: Series
    usd_per_hour: float

    @property
    def calls(self) -> float:
        """All calls."""
        return float(self.calls_per_minute.sum() * self.step_seconds / 60)

    @property
    def late_calls(self) -> float:
        """Calls that were answered, but too late."""
        return float(self.late.sum())

    @property
    def dropped_calls(self) -> float:
        """Calls that were refused or found nobody."""
        return float(self.dropped.sum())

    @property
    def instance_hours(self) -> float:
        """Hours of all instances together, as they are billed."""
        return float(np.maximum(self.desired, self.instances).sum() * self.step_seconds / 3600)

    @property
    def cost(self) -> float:
        """USD for the instances."""
        return self.instance_hours * self.usd_per_hour


def simulate(fleet: Fleet, trace: Sequence[float] | Series, step_seconds: float) -> Simulation:
    """Follow a fleet through `trace`, the calls a minute at each step of `step_seconds`.

    Raises ValueError for an empty trace, a negative load or a step that is no time.
    """
    loads = np.asarray(trace, dtype=np.float64)
    if not loads.size or not step_seconds > 0:
        raise ValueError("a trace has at least one step, and a step takes some time")
    if not np.isfinite(loads).all() or (loads < 0).any():
        raise ValueError("a trace holds calls a minute, each a number from 0 up")
    run = _Run(fleet, step_seconds)
    rows = [run.step(float(load)) for load in loads]
    instances, desired, late, dropped = (np.array(column) for column in zip(*rows, strict=True))
    return Simulation(
        step_seconds,
        loads,
        instances.astype(np.int64),
        desired.astype(np.int64),
        late,
        dropped,
        fleet.server.usd_per_hour,
    )


@dataclass
class _Activity:
    """A change under way; the cooldown of a change that no policy made is nothing."""

    ends: float
    base: int
    change: Change


class _Run:
    def __init__(self, fleet: Fleet, step_seconds: float) -> None:
        self._fleet = fleet
        self._step = step_seconds
        self._scaling = Scaling(fleet)
        self._datapoints = Datapoints(fleet.monitoring, step_seconds)
        self._serving = self._desired = self._scaling.inside(
            fleet.minimum if fleet.initial is None else fleet.initial
        )
        self._activity: _Activity | None = None
        self._backlog = 0.0
        self._now = 0.0
        self._looked = 0.0

    def step(self, calls_per_minute: float) -> tuple[int, int, float, float]:
        """One step: instances in service, instances wanted, late and dropped calls."""
        self._finish()
        self._limit()
        self._look()
        instances = self._serving - self._lost()
        calls = calls_per_minute * self._step / 60
        server, late_ms = self._fleet.server, self._fleet.late_ms
        outcome = serve(server, instances, self._backlog, calls, self._step, late_ms)
        self._backlog = outcome.backlog
        self._datapoints.record(instances, calls, outcome.concurrent)
        self._now += self._step
        return instances, self._desired, outcome.late, outcome.dropped

    def _finish(self) -> None:
        activity = self._activity
        if activity and self._now >= activity.ends - 1e-9:
            self._serving = activity.change.desired
            self._scaling.finished(self._now, activity.base, activity.change)
            self._activity = None

    def _limit(self) -> None:
        """Scheduled actions, and a capacity that is outside of the limits."""
        self._scaling.schedule(self._now)
        inside = self._scaling.inside(self._desired)
        if inside != self._desired and not self._activity:
            self._begin(Change(inside, cooldown=0.0))

    def _look(self) -> None:
        if self._now < self._looked:
            return
        self._looked = self._now + self._fleet.monitoring.every_seconds
        busy = self._activity is not None
        change = self._scaling.decide(self._now, self._desired, self._datapoints, busy=busy)
        if change:
            self._begin(change)

    def _begin(self, change: Change) -> None:
        server, base = self._fleet.server, self._desired
        out = change.desired > base
        takes = server.start_seconds if out else server.stop_seconds
        self._activity = _Activity(self._now + takes, base, change)
        self._desired = change.desired
        if not out:
            # They get no more calls from the moment that they are to go.
            self._serving = min(self._serving, change.desired)

    def _lost(self) -> int:
        """The instances that an outage has taken and that are not replaced yet."""
        for outage in self._fleet.outages:
            begun = (
                outage.begin <= self._now < min(outage.end, outage.begin + self._fleet.server.start_seconds)
            )
            if begun:
                # Spread evenly, the largest zone has the rounded-up share.
                return -(-self._serving // self._fleet.zones)
        return 0
