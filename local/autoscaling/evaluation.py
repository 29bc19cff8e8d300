"""From alarms to capacity.

docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html and
…/step-scaling-policy-overview.html
"""

import time

from local.autoscaling.adjustment import stepped, tracked
from local.autoscaling.capacity import Capacity
from local.autoscaling.policies import HIGH_PERIODS, LOW_PERIODS, Policies, metric
from local.autoscaling.resources import PERIOD
from local.autoscaling.state import State
from local.host import AlarmAction
from local.sagemaker.store import Record

_COOLDOWN = 300
"""Seconds, where a policy names none (…/APIReference/API_TargetTrackingScalingPolicyConfiguration.html)."""


class Evaluation:
    """Acts on alarms when they fire and once a minute while they last, as on AWS."""

    def __init__(self, state: State, policies: Policies, capacity: Capacity) -> None:
        self._state = state
        self._policies = policies
        self._capacity = capacity
        self._acted: dict[str, float] = {}

    def on_alarm(self, action: AlarmAction) -> None:
        """Note which alarms drive a step policy; what they say is acted on in the next `look`."""
        for policy in self._policies.all():
            if policy["PolicyARN"] == action.action:
                self._policies.remember_alarm(policy, action.alarm)

    def look(self) -> None:
        """Act on every alarm that is in ALARM."""
        for policy in self._policies.all():
            for alarm in policy["Alarms"]:
                name = alarm["AlarmName"]
                if self._state.host.alarm_state(name) != "ALARM":
                    self._acted.pop(name, None)
                elif self._due(name) and self._act(policy, name):
                    self._acted[name] = time.monotonic()

    def _due(self, alarm: str) -> bool:
        return time.monotonic() >= self._acted.get(alarm, 0.0) + PERIOD / self._state.host.speed

    def _act(self, policy: Record, alarm: str) -> bool:
        """Scale as the policy says; False if that has to wait."""
        target = self._state.store.get("target", policy["_Key"])
        if target is None or self._capacity.busy(policy["_Key"]):
            return False
        current = self._capacity.current(target["ResourceId"])
        if current is None:
            return False
        cooldown = target.get("_Cooldown") or {"until": 0.0}
        cooling = time.time() < cooldown["until"]
        # What the activity before has added counts as part of what this one adds.
        base = cooldown["base"] if cooling and cooldown["out"] else current
        if policy["PolicyType"] == "TargetTrackingScaling":
            desired, seconds = self._tracked(policy, alarm, base)
        else:
            desired, seconds = self._stepped(policy, alarm, base)
        desired = min(max(desired, target["MinCapacity"]), target["MaxCapacity"])
        suspended = target["SuspendedState"]
        out = desired > current
        if desired == current or (not out and (cooling or base != current)):
            return True
        if suspended["DynamicScalingOutSuspended" if out else "DynamicScalingInSuspended"]:
            return True
        cause = f"monitor alarm {alarm} in state ALARM triggered policy {policy['PolicyName']}"
        return self._capacity.change(policy["_Key"], desired, cause, cooldown=seconds, base=current)

    def _tracked(self, policy: Record, alarm: str, base: int) -> tuple[int, float]:
        """The capacity that target tracking wants; a scale-in waits until every such policy wants one."""
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        target = configuration["TargetValue"]
        if "-AlarmHigh-" in alarm:
            period = metric(policy["ResourceId"], configuration).period
            value = self._datapoint(policy, 0, HIGH_PERIODS, period)
            seconds = configuration.get("ScaleOutCooldown", _COOLDOWN)
            # Without an instance the metric of a queue is that of one.
            return (base if value is None else max(base, tracked(max(base, 1), value, target))), seconds
        seconds = configuration.get("ScaleInCooldown", _COOLDOWN)
        if not self._all_want_in(policy["_Key"]):
            return base, seconds
        values = [self._datapoint(policy, age, 1, PERIOD) for age in range(LOW_PERIODS)]
        highest = max((value for value in values if value is not None), default=None)
        return (base if highest is None else min(base, tracked(base, highest, target))), seconds

    def _all_want_in(self, key: str) -> bool:
        return all(
            self._state.host.alarm_state(alarm["AlarmName"]) == "ALARM"
            for policy in self._policies.all()
            if policy["_Key"] == key and policy["PolicyType"] == "TargetTrackingScaling"
            for alarm in policy["Alarms"]
            if "-AlarmLow-" in alarm["AlarmName"]
        )

    def _datapoint(self, policy: Record, age: int, periods: int, period: int) -> float | None:
        """The newest value of the metric in so many periods, the first of which ended `age` periods ago."""
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        namespace, name, dimensions, statistic, _ = metric(policy["ResourceId"], configuration)
        length = period / self._state.host.speed
        for number in range(age, age + periods):
            end = time.time() - number * length
            value = self._state.host.metric(namespace, name, dimensions, statistic, end - length, end)
            if value is not None:
                return value
        return None

    def _stepped(self, policy: Record, alarm: str, base: int) -> tuple[int, float]:
        configuration = policy["StepScalingPolicyConfiguration"]
        seconds = configuration.get("Cooldown", _COOLDOWN)
        found = self._state.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
        if not found or "MetricName" not in found[0]:
            return base, seconds
        rule = found[0]
        dimensions = {one["Name"]: one["Value"] for one in rule.get("Dimensions", [])}
        length = rule["Period"] / self._state.host.speed
        statistic = rule.get("Statistic") or rule["ExtendedStatistic"]
        end = time.time()
        for _ in range(rule["EvaluationPeriods"] + 1):
            value = self._state.host.metric(
                rule["Namespace"], rule["MetricName"], dimensions, statistic, end - length, end
            )
            if value is not None:
                return stepped(base, value - rule["Threshold"], configuration), seconds
            end -= length
        return base, seconds
