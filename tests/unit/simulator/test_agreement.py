"""The simulator against the embedded Application Auto Scaling, both on a clock of their own."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from local.autoscaling import capacity as capacity_module
from local.autoscaling import evaluation as evaluation_module
from local.autoscaling.capacity import Capacity
from local.autoscaling.evaluation import Evaluation
from local.autoscaling.policies import Policies
from local.autoscaling.state import State
from local.autoscaling.targets import Targets
from local.host import AlarmAction
from simulator import EMBEDDED, Fleet, Server, TargetTracking, simulate

RESOURCE = "endpoint/flights/variant/primary"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
MINIMUM, MAXIMUM, PER_INSTANCE = 1, 8, 6_000.0
START, STOP, TICK = 120, 20, 5
COOLDOWN_OUT, COOLDOWN_IN = 60.0, 120.0


class Cloud:
    """An endpoint that takes a while to change, and alarms over what it was called, second by second."""

    account, region, speed = "000000000000", "us-east-1", 1.0

    def __init__(self, state: Path) -> None:
        self.state = state
        self.now = 0
        self.serving = self.desired = MINIMUM
        self.ends = -1
        self.each: list[float] = [0.0]
        self.rules: dict[str, dict[str, Any]] = {}

    def second(self, calls_per_minute: float) -> None:
        if self.ends >= 0 and self.now >= self.ends:
            self.serving, self.ends = self.desired, -1
        self.each.append(self.each[-1] + calls_per_minute / 60 / self.serving)
        self.now += 1

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        statistic: str,
        start: float,
        end: float,
    ) -> float | None:
        if start < 0:
            return None
        return self.each[min(round(end), self.now)] - self.each[min(round(start), self.now)]

    def alarm_state(self, name: str) -> str | None:
        rule = self.rules[name]
        for number in range(rule["EvaluationPeriods"]):
            end = self.now - number * rule["Period"]
            value = self.metric("", "", {}, "", end - rule["Period"], end)
            if value is None:
                return "INSUFFICIENT_DATA"
            above = rule["ComparisonOperator"] == "GreaterThanThreshold"
            if not (value > rule["Threshold"] if above else value < rule["Threshold"]):
                return "OK"
        return "ALARM"

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:
        variant = {"VariantName": "primary", "DesiredInstanceCount": self.desired}
        status = "InService" if self.ends < 0 else "Updating"
        return {"EndpointStatus": status, "EndpointConfigName": "c", "ProductionVariants": [variant]}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:
        return {"ProductionVariants": [{"VariantName": "primary", "InstanceType": "ml.c5.large"}]}

    def update_endpoint_weights_and_capacities(
        self, *, EndpointName: str, DesiredWeightsAndCapacities: list[dict[str, Any]]
    ) -> None:
        wanted = DesiredWeightsAndCapacities[0]["DesiredInstanceCount"]
        self.ends = self.now + (START if wanted > self.desired else STOP)
        self.serving = min(self.serving, wanted)
        self.desired = wanted

    def put_metric_alarm(self, **rule: Any) -> None:
        self.rules[rule["AlarmName"]] = rule

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:
        for name in AlarmNames:
            del self.rules[name]

    def on_alarm(self, prefix: str, listener: Callable[[AlarmAction], None]) -> None:
        """Target tracking asks for the state of its alarms."""

    def client(
        self, service: str, role_arn: str | None = None, session_name: str = "", subnets: Sequence[str] = ()
    ) -> Any:
        return self


def embedded(trace: Sequence[float], state: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The instances in service, second by second, by the embedded service."""
    cloud = Cloud(state)
    clock = SimpleNamespace(time=lambda: float(cloud.now), monotonic=lambda: 1e6 + cloud.now)
    monkeypatch.setattr(evaluation_module, "time", clock)
    monkeypatch.setattr(capacity_module, "time", clock)
    kept = State.open(cloud)
    capacity, policies = Capacity(kept), Policies(kept)
    Targets(kept, capacity).register({**TARGET, "MinCapacity": MINIMUM, "MaxCapacity": MAXIMUM})
    configuration = {
        "TargetValue": PER_INSTANCE / 2,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": COOLDOWN_OUT,
        "ScaleInCooldown": COOLDOWN_IN,
    }
    policies.put(
        {
            **TARGET,
            "PolicyName": "track",
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": configuration,
        }
    )
    evaluation = Evaluation(kept, policies, capacity)
    counts = []
    for calls_per_minute in trace:
        if cloud.now % TICK == 0:
            capacity.follow()
            evaluation.look()
        cloud.second(calls_per_minute)
        counts.append(cloud.serving)
    kept.store.close()
    return counts


def simulated(trace: Sequence[float]) -> list[int]:
    policy = TargetTracking(PER_INSTANCE / 2, scale_out_cooldown=COOLDOWN_OUT, scale_in_cooldown=COOLDOWN_IN)
    server = Server(PER_INSTANCE, start_seconds=START, stop_seconds=STOP)
    fleet = Fleet(server, MINIMUM, MAXIMUM, [policy], monitoring=EMBEDDED)
    return [int(count) for count in simulate(fleet, trace, 1).instances]


def minutes(*loads: tuple[int, float]) -> list[float]:
    return [load for count, load in loads for _ in range(count * 60)]


WAVE = [12_000 - 10_000 * float(np.cos(second / 3_600 * 2 * np.pi)) for second in range(2 * 3_600)]
TRACES = {
    "crowd": minutes((10, 1_000), (20, 20_000), (40, 1_000)),
    "stairs": minutes((8, 2_000), (8, 5_000), (8, 9_000), (8, 14_000), (25, 7_000), (25, 2_000)),
    "wave": WAVE,
}


@pytest.mark.parametrize("name", TRACES)
def test_within_one_instance_and_one_evaluation_period(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = TRACES[name]
    real, ours = embedded(trace, tmp_path, monkeypatch), simulated(trace)
    assert max(real) > MINIMUM
    for second, count in enumerate(ours):
        near = real[max(0, second - 60) : second + 61]
        assert min(near) - 1 <= count <= max(near) + 1, f"{count} at {second} s, {min(near)} to {max(near)}"
    # The whole run needs about as many instances, too.
    assert sum(ours) == pytest.approx(sum(real), rel=0.06)
