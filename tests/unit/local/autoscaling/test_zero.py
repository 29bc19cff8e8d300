"""What scales to none and back: asynchronous variants and inference components; and faster metrics."""

from typing import Any

import pytest

from local.errors import ApiError
from local.host import AlarmAction
from tests.unit.local.autoscaling.scaling_cloud import COMPONENT, World

STEP = {
    "AdjustmentType": "ChangeInCapacity",
    "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
    "Cooldown": 30,
}


def track(world: World, metric: str, **target: Any) -> list[dict[str, Any]]:
    """The alarms of a policy that tracks this metric."""
    answer = world.call(
        "PutScalingPolicy",
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "ScaleInCooldown": 0,
            "ScaleOutCooldown": 0,
        },
        **target,
    )
    return [world.cloudwatch.rules[alarm["AlarmName"]] for alarm in answer["Alarms"]]


def test_a_component_goes_to_none_and_is_called_back_by_its_step_policy(world: World) -> None:
    world.call("RegisterScalableTarget", **COMPONENT, MinCapacity=0, MaxCapacity=4)
    high, low = track(world, "SageMakerInferenceComponentInvocationsPerCopy", **COMPONENT)
    assert high["MetricName"] == low["MetricName"] == "InvocationsPerCopy"
    assert high["Dimensions"] == [{"Name": "InferenceComponentName", "Value": "ic"}]
    assert high["AlarmName"].startswith("TargetTracking-inference-component/ic-AlarmHigh-")
    world.traffic = 0.0
    world.until(lambda: world.endpoint.count == 0)
    world.until(lambda: world.activities()[0]["StatusCode"] == "Successful")
    assert world.activities()[0]["Description"] == "Setting desired copy count to 0."
    world.traffic = None
    arn = world.call(
        "PutScalingPolicy",
        **COMPONENT,
        PolicyName="from-zero",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration=STEP,
    )["PolicyARN"]
    world.cloudwatch.put_metric_alarm(
        AlarmName="no-capacity",
        Namespace="AWS/SageMaker",
        MetricName="NoCapacityInvocationFailures",
        Dimensions=[{"Name": "InferenceComponentName", "Value": "ic"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.stays(lambda: world.endpoint.count == 0)
    assert world.listener is not None
    world.traffic = 3.0
    world.listener(AlarmAction(arn, "no-capacity", "ALARM", 3.0))
    world.until(lambda: world.endpoint.count >= 1)


def test_a_queue_without_instances_calls_for_some(world: World) -> None:
    world.endpoint.asynchronous = True
    world.register(0, 5)
    world.endpoint.count = 0
    backlog = {"Namespace": "AWS/SageMaker", "MetricName": "ApproximateBacklogSizePerInstance"}
    world.call(
        "PutScalingPolicy",
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0,
            "CustomizedMetricSpecification": {**backlog, "Statistic": "Average"},
        },
    )
    world.traffic = 4.0
    world.stays(lambda: world.endpoint.count == 0)
    world.traffic = 12.0
    world.until(lambda: world.endpoint.count == 3)


@pytest.mark.parametrize(
    ("metric", "name", "target"),
    [
        ("SageMakerVariantConcurrentRequestsPerModelHighResolution", "ConcurrentRequestsPerModel", {}),
        (
            "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
            "ConcurrentRequestsPerCopy",
            COMPONENT,
        ),
    ],
)
def test_a_metric_of_high_resolution_scales_out_after_half_a_minute(
    world: World, metric: str, name: str, target: dict[str, str]
) -> None:
    world.call("RegisterScalableTarget", **target, MinCapacity=1, MaxCapacity=6)
    high, low = track(world, metric, **target)
    assert (high["MetricName"], high["Statistic"]) == (name, "Maximum")
    assert (high["Period"], high["EvaluationPeriods"]) == (10, 3)
    assert (low["Period"], low["EvaluationPeriods"]) == (60, 15)
    world.traffic = 30.0
    world.until(lambda: world.endpoint.count == 6)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({}, "at least 1 for a real-time endpoint"),
        ({**COMPONENT, "ResourceId": "inference-component/none"}, "cannot be registered"),
        ({**COMPONENT, "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}, "DesiredCopyCount"),
        ({"ResourceId": "inference-component/ic"}, "DesiredCopyCount"),
    ],
)
def test_a_target_that_cannot_go_to_zero_is_refused(world: World, target: dict[str, str], said: str) -> None:
    with pytest.raises(ApiError, match=said):
        world.call("RegisterScalableTarget", **target, MinCapacity=0, MaxCapacity=2)


def test_a_metric_of_the_other_kind_is_refused(world: World) -> None:
    world.call("RegisterScalableTarget", **COMPONENT, MinCapacity=0, MaxCapacity=2)
    with pytest.raises(ApiError, match="SageMakerInferenceComponentInvocationsPerCopy"):
        track(world, "SageMakerVariantInvocationsPerInstance", **COMPONENT)
