"""Target tracking on real instances: traffic starts servers, silence stops them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.autoscaling.service import AutoScaling
from tests.unit.local.hosting.hosting_cloud import Cloud, Load

RESOURCE = "endpoint/flights/variant/primary"
TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": RESOURCE,
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


class SageMakerClient:
    """The service as its boto3 client shows it."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def __getattr__(self, name: str) -> Any:
        operation = "".join(word.title() for word in name.split("_"))
        return lambda **params: self._cloud.call(operation, **params)


class CloudWatchClient:
    """Alarms that look at the newest whole period only."""

    def __init__(self, cloud: Cloud) -> None:
        self._host = cloud.host

    def put_metric_alarm(self, **rule: Any) -> None:
        def fires() -> bool:
            length = rule["Period"] / self._host.speed
            dimensions = {one["Name"]: one["Value"] for one in rule["Dimensions"]}
            end = time.time() - length / 2
            value = self._host.metric(
                rule["Namespace"], rule["MetricName"], dimensions, rule["Statistic"], end - length, end
            )
            if value is None:
                return False
            above = rule["ComparisonOperator"] == "GreaterThanThreshold"
            return bool(value > rule["Threshold"] if above else value < rule["Threshold"])

        self._host.alarm_rules[rule["AlarmName"]] = fires


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path, speed=240.0)
    yield cloud
    cloud.close()


@pytest.mark.parametrize(
    ("metric", "target"),
    [
        ("SageMakerVariantInvocationsPerInstance", 20.0),
        ("SageMakerVariantConcurrentRequestsPerModelHighResolution", 0.5),
    ],
)
def test_traffic_starts_instances_and_silence_stops_them(cloud: Cloud, metric: str, target: float) -> None:
    cloud.host.services = {"sagemaker": SageMakerClient(cloud), "cloudwatch": CloudWatchClient(cloud)}
    cloud.deploy("blue", delay=0.01)
    cloud.endpoint("blue")
    scaling = AutoScaling(cloud.host)
    scaling.resume()
    try:
        scaling.call("RegisterScalableTarget", {**TARGET, "MinCapacity": 1, "MaxCapacity": 3})
        configuration = {
            "TargetValue": target,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleInCooldown": 30,
            "ScaleOutCooldown": 30,
        }
        scaling.call(
            "PutScalingPolicy",
            {
                **TARGET,
                "PolicyName": "track",
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": configuration,
            },
        )
        load = Load(cloud, callers=4)
        cloud.until(lambda: cloud.instances() == 3)
        results = load.stop()
        assert {result.status for result in results} == {200}
        cloud.until(lambda: cloud.instances() == 1 and len(cloud.running()) == 1)
    finally:
        scaling.close()
