"""Targets, policies, activities and schedules, on an endpoint that is only a number."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.errors import ApiError
from local.host import AlarmAction
from tests.unit.local.autoscaling.scaling_cloud import RESOURCE, TARGET, World


def test_a_target_is_registered_described_and_deregistered(world: World) -> None:
    world.register(1, 4)
    (target,) = world.autoscaling.call("DescribeScalableTargets", {"ServiceNamespace": "sagemaker"})[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"], target["ResourceId"]) == (1, 4, RESOURCE)
    assert target["RoleARN"].endswith("AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint")
    world.track()
    world.call(
        "PutScheduledAction",
        ScheduledActionName="night",
        Schedule="cron(0 1 * * ? *)",
        ScalableTargetAction={"MinCapacity": 1},
    )
    world.call("DeregisterScalableTarget")
    assert world.cloudwatch.rules == {}
    for operation, member in (
        ("DescribeScalableTargets", "ScalableTargets"),
        ("DescribeScalingPolicies", "ScalingPolicies"),
        ("DescribeScheduledActions", "ScheduledActions"),
    ):
        assert world.autoscaling.call(operation, {"ServiceNamespace": "sagemaker"})[member] == []


def test_a_capacity_outside_of_the_limits_is_brought_inside(world: World) -> None:
    world.register(4, 8)
    world.until(lambda: world.endpoint.count == 4)
    world.until(lambda: world.activities()[0]["StatusCode"] == "Successful")
    activity = world.activities()[0]
    assert activity["Cause"] == "minimum capacity was set to 4"
    assert activity["Description"] == "Setting desired instance count to 4."
    assert activity["StatusMessage"] == (
        "Successfully set desired instance count to 4. Change successfully fulfilled by sagemaker."
    )
    world.register(1, 3)
    world.until(lambda: world.endpoint.count == 3)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"MinCapacity": 5, "MaxCapacity": 2}, "ValidationException"),
        ({"MinCapacity": 1}, "ValidationException"),
        (
            {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/none/variant/x"},
            "ValidationException",
        ),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "service/a/b"}, "ValidationException"),
        ({"MinCapacity": 1, "MaxCapacity": 2, "ServiceNamespace": "ecs"}, "ValidationException"),
        (
            {"MinCapacity": 1, "MaxCapacity": 2, "ResourceId": "endpoint/flights/variant/other"},
            "ValidationException",
        ),
    ],
)
def test_a_target_that_cannot_be_is_refused(world: World, params: dict[str, Any], code: str) -> None:
    with pytest.raises(ApiError) as caught:
        world.call("RegisterScalableTarget", **params)
    assert caught.value.code == code


def test_burstable_instances_cannot_scale(world: World) -> None:
    world.endpoint.instance_type = "ml.t2.medium"
    with pytest.raises(ApiError, match=r"ml\.t2\.medium"):
        world.register()


def test_target_tracking_makes_the_alarms_of_aws(world: World) -> None:
    world.register()
    policy = world.track(100.0)
    high, low = (world.cloudwatch.rules[alarm["AlarmName"]] for alarm in policy["Alarms"])
    assert high["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmHigh-")
    assert low["AlarmName"].startswith(f"TargetTracking-{RESOURCE}-AlarmLow-")
    assert (high["Threshold"], high["EvaluationPeriods"], high["Period"]) == (100.0, 3, 60)
    assert (low["Threshold"], low["EvaluationPeriods"], low["Period"]) == (90.0, 15, 60)
    assert high["MetricName"] == "InvocationsPerInstance"
    assert high["Statistic"] == "Sum"
    assert high["AlarmActions"] == [policy["PolicyARN"]]
    again = world.track(200.0)
    assert again["PolicyARN"] == policy["PolicyARN"]
    assert {rule["Threshold"] for rule in world.cloudwatch.rules.values()} == {200.0, 180.0}
    world.call("DeleteScalingPolicy", PolicyName="track")
    assert world.cloudwatch.rules == {}


def test_target_tracking_goes_out_at_once_and_in_gradually(world: World) -> None:
    world.register(1, 10)
    world.track(100.0, ScaleOutCooldown=60, ScaleInCooldown=60)
    world.traffic = 750.0
    world.until(lambda: world.endpoint.count == 8)
    assert world.endpoint.changes == [8]
    world.until(lambda: world.activities()[0]["StatusCode"] == "Successful")
    cause = world.activities()[0]["Cause"]
    assert cause.startswith(f"monitor alarm TargetTracking-{RESOURCE}-AlarmHigh-")
    assert cause.endswith("in state ALARM triggered policy track")
    world.traffic = 0.0
    world.until(lambda: world.endpoint.count == 1)


def test_capacity_stays_within_its_limits(world: World) -> None:
    world.register(2, 5)
    world.track(100.0, ScaleOutCooldown=0, ScaleInCooldown=0)
    world.traffic = 1e6
    world.until(lambda: world.endpoint.count == 5)
    world.traffic = 0.0
    world.until(lambda: world.endpoint.count == 2)
    world.stays(lambda: world.endpoint.count == 2)


def test_without_data_nothing_scales_in(world: World) -> None:
    world.register(1, 5)
    world.track()
    world.stays(lambda: world.endpoint.changes == [])


def test_a_cooldown_holds_a_scale_in_but_not_a_larger_scale_out(world: World) -> None:
    world.register(1, 10)
    world.track(100.0, ScaleOutCooldown=3000, ScaleInCooldown=3000)
    world.traffic = 350.0
    world.until(lambda: world.endpoint.count == 4)
    world.traffic = 0.0
    world.stays(lambda: world.endpoint.count == 4)
    world.traffic = 3000.0
    world.until(lambda: world.endpoint.count > 4)


def test_scale_in_can_be_turned_off(world: World) -> None:
    world.register(1, 10)
    policy = world.track(100.0, DisableScaleIn=True)
    assert len(policy["Alarms"]) == 1
    world.traffic = 0.0
    world.stays(lambda: world.endpoint.changes == [])


def test_scale_in_waits_until_all_policies_want_it(world: World) -> None:
    world.register(1, 10)
    world.track(100.0, "low", ScaleInCooldown=0)
    custom = {"Namespace": "Mine", "MetricName": "Busy", "Statistic": "Average"}
    world.call(
        "PutScalingPolicy",
        PolicyName="high",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10.0,
            "CustomizedMetricSpecification": custom,
        },
    )
    world.traffic = 20.0
    world.stays(lambda: world.endpoint.changes == [])
    world.call("DeleteScalingPolicy", PolicyName="high")
    world.until(lambda: world.endpoint.count == 1)


@pytest.mark.parametrize(
    ("suspended", "traffic"), [("DynamicScalingOutSuspended", 900.0), ("DynamicScalingInSuspended", 0.0)]
)
def test_suspended_scaling_does_nothing_until_it_is_resumed(
    world: World, suspended: str, traffic: float
) -> None:
    world.register(1, 10, SuspendedState={suspended: True})
    world.track(100.0)
    world.traffic = traffic
    world.stays(lambda: world.endpoint.changes == [])
    world.register(1, 10, SuspendedState={suspended: False})
    world.until(lambda: world.endpoint.changes != [])


def test_an_endpoint_that_is_updating_is_scaled_afterwards(world: World) -> None:
    world.register(1, 10)
    world.track(100.0)
    world.endpoint.status = "Updating"
    world.traffic = 500.0
    world.stays(lambda: world.endpoint.changes == [])
    world.endpoint.status = "InService"
    world.until(lambda: world.endpoint.count == 5)


def test_a_refusal_of_sagemaker_is_a_failed_activity(world: World) -> None:
    world.register(1, 10)
    world.endpoint.refuses = True
    world.track(100.0)
    world.traffic = 500.0
    world.until(lambda: bool(world.activities()))
    assert world.activities()[0]["StatusCode"] == "Failed"
    assert "the quota is 2" in world.activities()[0]["StatusMessage"]
    world.endpoint.refuses = False
    world.until(lambda: world.endpoint.count == 5)


def test_a_step_policy_follows_the_alarm_that_names_it(world: World) -> None:
    world.register(1, 10)
    steps = [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 100.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 100.0, "ScalingAdjustment": 4},
    ]
    answer = world.call(
        "PutScalingPolicy",
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": steps,
            "Cooldown": 30,
        },
    )
    world.cloudwatch.put_metric_alarm(
        AlarmName="busy",
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=50.0,
        ComparisonOperator="GreaterThanThreshold",
    )
    world.traffic = 600.0
    world.stays(lambda: world.endpoint.changes == [], 0.2)
    assert world.listener is not None
    world.listener(AlarmAction(answer["PolicyARN"], "busy", "ALARM", 300.0))
    world.until(lambda: len(world.endpoint.changes) >= 1)
    assert world.endpoint.changes[0] == 6
    (policy,) = world.autoscaling.call("DescribeScalingPolicies", {"ServiceNamespace": "sagemaker"})[
        "ScalingPolicies"
    ]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["busy"]
    world.until(lambda: world.endpoint.count >= 10)


@pytest.mark.parametrize(
    "policy",
    [
        {"PolicyType": "StepScaling"},
        {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": {"AdjustmentType": "ExactCapacity"}},
        {"PolicyType": "PredictiveScaling"},
        {
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 5.0},
        },
        {
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 5.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"},
            },
        },
    ],
)
def test_a_policy_that_cannot_work_is_refused(world: World, policy: dict[str, Any]) -> None:
    world.register()
    with pytest.raises(ApiError) as caught:
        world.call("PutScalingPolicy", PolicyName="p", **policy)
    assert caught.value.code == "ValidationException"


def test_without_a_target_there_is_no_policy_and_no_action(world: World) -> None:
    operations: list[Callable[[], object]] = [
        world.track,
        lambda: world.call("PutScheduledAction", ScheduledActionName="a", Schedule="rate(1 day)"),
        lambda: world.call("DeregisterScalableTarget"),
        lambda: world.call("DeleteScalingPolicy", PolicyName="p"),
        lambda: world.call("DeleteScheduledAction", ScheduledActionName="p"),
    ]
    for operation in operations:
        with pytest.raises(ApiError) as caught:
            operation()
        assert caught.value.code == "ObjectNotFoundException"


def soon() -> str:
    return f"at({datetime.now(UTC) + timedelta(seconds=1):%Y-%m-%dT%H:%M:%S.%f})"


def test_a_scheduled_action_changes_the_limits_and_the_capacity(world: World) -> None:
    world.register(1, 10)
    action = {"MinCapacity": 6, "MaxCapacity": 8}
    world.call("PutScheduledAction", ScheduledActionName="rush", Schedule=soon(), ScalableTargetAction=action)
    (shown,) = world.autoscaling.call("DescribeScheduledActions", {"ServiceNamespace": "sagemaker"})[
        "ScheduledActions"
    ]
    assert shown["ScalableTargetAction"] == action
    world.until(lambda: world.endpoint.count == 6)
    (target,) = world.autoscaling.call("DescribeScalableTargets", {"ServiceNamespace": "sagemaker"})[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (6, 8)
    assert world.activities()[0]["Cause"] == "scheduled action name rush was triggered"
    world.call("RegisterScalableTarget", MinCapacity=1)
    world.stays(lambda: world.endpoint.changes == [6])


def test_a_scheduled_action_missed_while_nothing_ran_is_done_once(world: World) -> None:
    world.register(1, 10)
    world.call(
        "PutScheduledAction",
        ScheduledActionName="rush",
        Schedule=soon(),
        ScalableTargetAction={"MinCapacity": 6},
    )
    world.autoscaling.close()
    over = datetime.now(UTC) + timedelta(seconds=1.2)
    world.until(lambda: datetime.now(UTC) > over)
    world.open()
    world.until(lambda: world.endpoint.count == 6)
    world.stays(lambda: world.endpoint.changes == [6])


def test_suspended_schedules_do_not_fire(world: World) -> None:
    world.register(1, 10, SuspendedState={"ScheduledScalingSuspended": True})
    world.call(
        "PutScheduledAction",
        ScheduledActionName="rush",
        Schedule=soon(),
        ScalableTargetAction={"MinCapacity": 6},
    )
    world.stays(lambda: world.endpoint.changes == [], 1.5)


def test_policies_survive_a_restart(world: World) -> None:
    world.register(1, 10)
    world.track(100.0)
    world.restart()
    world.traffic = 500.0
    world.until(lambda: world.endpoint.count == 5)


def test_an_unknown_operation_and_a_bad_request_are_refused(world: World) -> None:
    for operation, params in (
        ("GetPredictiveScalingForecast", {}),
        ("RegisterScalableTarget", {**TARGET, "MinCapacity": "two"}),
        ("RegisterScalableTarget", {**TARGET, "Surprise": 1}),
    ):
        with pytest.raises(ApiError):
            world.autoscaling.call(operation, params)
