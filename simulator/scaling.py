"""Application Auto Scaling, as its user guide and API reference describe it, at a moment of a simulation."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.fleet import Fleet
from simulator.monitoring import Datapoints
from simulator.policies import (
    LOW_PERIOD_SECONDS,
    LOW_PERIODS,
    SCALE_IN_BELOW,
    Policy,
    StepScaling,
    TargetTracking,
)

# While an alarm lasts, its policy is invoked once a minute:
# docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Change:
    """A new desired count, and the cooldown that begins when it has come about."""

    desired: int
    cooldown: float


@dataclass(frozen=True)
class _Alarm:
    policy: Policy
    out: bool


@dataclass(frozen=True)
class _Cooldown:
    until: float
    base: int
    out: bool


class Scaling:
    """The state of a scalable target: its limits, what its alarms last did, and its cooldown."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self.minimum, self.maximum = fleet.minimum, fleet.maximum
        self._alarms = [alarm for policy in fleet.policies for alarm in _alarms(policy)]
        self._acted: dict[_Alarm, float] = {}
        self._cooldown: _Cooldown | None = None
        self._scheduled = sorted(fleet.scheduled, key=lambda action: action.at)

    def schedule(self, now: float) -> None:
        """Take over the limits of the scheduled actions that have become due."""
        while self._scheduled and self._scheduled[0].at <= now:
            action = self._scheduled.pop(0)
            self.minimum = self.minimum if action.minimum is None else action.minimum
            self.maximum = self.maximum if action.maximum is None else action.maximum
            # "Minimum … and maximum capacity": a lower one that contradicts gives way to the newer.
            self.maximum = max(self.minimum, self.maximum)

    def inside(self, current: int) -> int:
        """The nearest capacity within the limits."""
        return min(max(current, self.minimum), self.maximum)

    def finished(self, now: float, base: int, change: Change) -> None:
        """The change from `base` has come about: its cooldown begins."""
        if change.cooldown > 0:
            self._cooldown = _Cooldown(now + change.cooldown, base, change.desired > base)

    def decide(self, now: float, current: int, datapoints: Datapoints, *, busy: bool) -> Change | None:
        """What the policies want now; None for no change. `busy`: the endpoint is being changed.

        "If multiple policies … the policy that provides the largest capacity" wins, for out and for in:
        docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html
        """
        firing = [alarm for alarm in self._alarms if self._fires(alarm, datapoints)]
        for alarm in self._alarms:
            if alarm not in firing:
                self._acted.pop(alarm, None)
        due = [a for a in firing if now >= self._acted.get(a, -_AGAIN_SECONDS) + _AGAIN_SECONDS]
        if busy or not due:
            return None
        for alarm in due:
            self._acted[alarm] = now
        cooling = self._cooldown if self._cooldown and now < self._cooldown.until else None
        # "The capacity that has been added by the initiating scale-out activity is calculated as part of the
        # desired capacity for the next scale-out activity" (…API_TargetTrackingScalingPolicyConfiguration).
        base = cooling.base if cooling and cooling.out else current
        wanted = [self._wanted(alarm, base, datapoints, firing) for alarm in due]
        outs = [change for change in wanted if change.desired > current]
        if outs:
            return max(outs, key=lambda change: change.desired)
        # Scale-in is blocked by any cooldown, by one of a scale-out too.
        ins = [change for change in wanted if change.desired < current]
        if not ins or cooling or len(ins) < len(wanted):
            return None
        return max(ins, key=lambda change: change.desired)

    def _wanted(self, alarm: _Alarm, base: int, datapoints: Datapoints, firing: Sequence[_Alarm]) -> Change:
        policy = alarm.policy
        if isinstance(policy, StepScaling):
            values = datapoints.newest(policy.metric, policy.period, policy.periods) or [policy.threshold]
            return Change(self.inside(policy.desired(base, policy.aggregated(values))), policy.cooldown)
        if alarm.out:
            [value] = datapoints.newest(policy.metric, policy.period, 1) or [policy.target]
            return Change(self.inside(max(base, policy.desired(base, value))), policy.scale_out_cooldown)
        # In gradually: by the highest datapoint of the quarter of an hour, and only if all policies agree.
        lows = datapoints.newest(policy.metric, LOW_PERIOD_SECONDS, LOW_PERIODS)
        highest = max(lows or [policy.target])
        agreed = all(other in firing for other in self._alarms if not other.out and _tracks(other))
        desired = min(base, policy.desired(base, highest)) if agreed else base
        return Change(self.inside(desired), policy.scale_in_cooldown)

    def _fires(self, alarm: _Alarm, datapoints: Datapoints) -> bool:
        policy = alarm.policy
        if isinstance(policy, StepScaling):
            values = datapoints.newest(policy.metric, policy.period, policy.periods)
            return values is not None and all(_breaches(policy, value) for value in values)
        if alarm.out:
            values = datapoints.newest(policy.metric, policy.period, policy.high_periods)
            return values is not None and min(values) > policy.target
        values = datapoints.newest(policy.metric, LOW_PERIOD_SECONDS, LOW_PERIODS)
        return values is not None and max(values) < policy.target * SCALE_IN_BELOW


def _alarms(policy: Policy) -> list[_Alarm]:
    if isinstance(policy, StepScaling):
        return [_Alarm(policy, policy.above)]
    return [_Alarm(policy, out=True)] + ([] if policy.disable_scale_in else [_Alarm(policy, out=False)])


def _tracks(alarm: _Alarm) -> bool:
    return isinstance(alarm.policy, TargetTracking)


def _breaches(policy: StepScaling, value: float) -> bool:
    return value > policy.threshold if policy.above else value < policy.threshold
