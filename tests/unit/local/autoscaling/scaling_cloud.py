"""A cloud for the tests of Application Auto Scaling: one endpoint that is a number, alarms that are rules."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.autoscaling.service import AutoScaling
from local.host import AlarmAction

RESOURCE = "endpoint/flights/variant/primary"
DIMENSION = "sagemaker:variant:DesiredInstanceCount"
COMPONENT = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "inference-component/ic",
    "ScalableDimension": "sagemaker:inference-component:DesiredCopyCount",
}
TARGET = {"ServiceNamespace": "sagemaker", "ResourceId": RESOURCE, "ScalableDimension": DIMENSION}
INVOCATIONS = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}


def failure(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "SomeOperation")


class Endpoint:
    """The part of the SageMaker API that scaling uses."""

    def __init__(self) -> None:
        self.count = 2
        self.status = "InService"
        self.instance_type = "ml.c5.large"
        self.changes: list[int] = []
        self.refuses = False
        self.asynchronous = False

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:
        if EndpointName != "flights":
            raise failure("ValidationException", "no such endpoint")
        variant = {"VariantName": "primary", "DesiredInstanceCount": self.count}
        return {"EndpointStatus": self.status, "EndpointConfigName": "c", "ProductionVariants": [variant]}

    def describe_endpoint_config(self, *, EndpointConfigName: str) -> dict[str, Any]:
        variant = {"VariantName": "primary", "InstanceType": self.instance_type}
        queue: dict[str, Any] = {"AsyncInferenceConfig": {}} if self.asynchronous else {}
        return {"ProductionVariants": [variant], **queue}

    def describe_inference_component(self, *, InferenceComponentName: str) -> dict[str, Any]:
        if InferenceComponentName != "ic":
            raise failure("ValidationException", "no such component")
        return {
            "InferenceComponentStatus": self.status,
            "RuntimeConfig": {"DesiredCopyCount": self.count, "CurrentCopyCount": self.count},
        }

    def update_inference_component_runtime_config(
        self, *, InferenceComponentName: str, DesiredRuntimeConfig: dict[str, int]
    ) -> None:
        self.count = DesiredRuntimeConfig["CopyCount"]
        self.changes.append(self.count)

    def update_endpoint_weights_and_capacities(
        self,
        *,
        EndpointName: str,
        DesiredWeightsAndCapacities: list[dict[str, Any]],
    ) -> None:
        if self.refuses:
            raise failure("ResourceLimitExceeded", "the quota is 2")
        self.count = DesiredWeightsAndCapacities[0]["DesiredInstanceCount"]
        self.changes.append(self.count)


class Alarms:
    """The part of the CloudWatch API that scaling uses."""

    def __init__(self) -> None:
        self.rules: dict[str, dict[str, Any]] = {}

    def put_metric_alarm(self, **rule: Any) -> None:
        self.rules[rule["AlarmName"]] = rule

    def delete_alarms(self, *, AlarmNames: list[str]) -> None:
        for name in AlarmNames:
            del self.rules[name]

    def describe_alarms(self, *, AlarmNames: list[str]) -> dict[str, Any]:
        return {"MetricAlarms": [self.rules[name] for name in AlarmNames if name in self.rules]}


class World:
    """A cloud in which the whole traffic is one figure, shared by the instances that there are."""

    account = "000000000000"
    region = "us-east-1"

    def __init__(self, state: Path, speed: float = 600.0) -> None:
        self.state = state
        self.speed = speed
        self.endpoint = Endpoint()
        self.cloudwatch = Alarms()
        self.traffic: float | None = None
        self.listener: Callable[[AlarmAction], None] | None = None
        self.open()

    def open(self) -> None:
        self.autoscaling = AutoScaling(self)
        self.autoscaling.resume()

    def restart(self) -> None:
        self.autoscaling.close()
        self.open()

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.autoscaling.call(operation, {**TARGET, **params})

    def register(self, low: int = 1, high: int = 10, **rest: Any) -> None:
        self.call("RegisterScalableTarget", MinCapacity=low, MaxCapacity=high, **rest)

    def track(self, target: float = 100.0, name: str = "track", **rest: Any) -> dict[str, Any]:
        configuration = {"TargetValue": target, "PredefinedMetricSpecification": INVOCATIONS, **rest}
        return self.call(
            "PutScalingPolicy",
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=configuration,
        )

    def activities(self) -> list[dict[str, Any]]:
        found = self.autoscaling.call("DescribeScalingActivities", {"ServiceNamespace": "sagemaker"})
        activities: list[dict[str, Any]] = found["ScalingActivities"]
        return activities

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: Mapping[str, str],
        statistic: str,
        start: float,
        end: float,
    ) -> float | None:
        return None if self.traffic is None else self.traffic / max(self.endpoint.count, 1)

    def alarm_state(self, name: str) -> str | None:
        rule = self.cloudwatch.rules.get(name)
        if rule is None:
            return None
        value = self.metric("", "", {}, "", 0, 0)
        if value is None:
            return "INSUFFICIENT_DATA"
        above = rule["ComparisonOperator"] == "GreaterThanThreshold"
        return "ALARM" if (value > rule["Threshold"] if above else value < rule["Threshold"]) else "OK"

    def on_alarm(self, prefix: str, listener: Callable[[AlarmAction], None]) -> None:
        assert prefix == "arn:aws:autoscaling:"
        self.listener = listener

    def client(
        self,
        service: str,
        role_arn: str | None = None,
        session_name: str = "SageMaker",
        subnets: Sequence[str] = (),
    ) -> Any:
        return {"sagemaker": self.endpoint, "cloudwatch": self.cloudwatch}[service]

    @staticmethod
    def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.01)

    def stays(self, condition: Callable[[], bool], seconds: float = 0.5) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert condition()
            time.sleep(0.01)
