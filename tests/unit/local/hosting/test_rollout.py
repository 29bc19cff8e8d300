"""Blue/green deployments of real servers under load: nothing is lost, and what is bad goes back."""

from collections import Counter
from typing import Any

import pytest

from local.sagemaker.hosting import InvokeResult
from tests.unit.local.hosting.hosting_cloud import Cloud, Load, refused

PERCENT_50 = {"Type": "CAPACITY_PERCENT", "Value": 50}
ROUTINGS: dict[str, dict[str, Any]] = {
    "ALL_AT_ONCE": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
    "CANARY": {"Type": "CANARY", "WaitIntervalInSeconds": 30, "CanarySize": PERCENT_50},
    "LINEAR": {"Type": "LINEAR", "WaitIntervalInSeconds": 15, "LinearStepSize": PERCENT_50},
}


def deployment(routing: str, *alarms: str, **policy: int) -> dict[str, Any]:
    update = {"TrafficRoutingConfiguration": ROUTINGS[routing], "TerminationWaitInSeconds": 30, **policy}
    rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
    return {"BlueGreenUpdatePolicy": update, **(rollback if alarms else {})}


def update(cloud: Cloud, config: str, routing: str = "ALL_AT_ONCE", *alarms: str, **rest: Any) -> None:
    cloud.call(
        "UpdateEndpoint",
        EndpointName="flights",
        EndpointConfigName=config,
        DeploymentConfig=deployment(routing, *alarms),
        **rest,
    )


def answers(results: list[InvokeResult]) -> Counter[str]:
    return Counter(result.body.decode().partition(":")[0] for result in results if result.status == 200)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_no_request_is_lost_while_the_fleet_changes(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, routing: str
) -> None:
    # Nothing may hide behind a second try: an instance ends when it has answered.
    monkeypatch.setattr("local.sagemaker.hosting.invoke._INSTANCES_TRIED", 1)
    cloud.deploy("blue", 2, delay=0.1)
    cloud.deploy("green", 2, delay=0.1)
    cloud.endpoint("blue")
    load = Load(cloud)
    load.flow()
    at_once = deployment(routing, TerminationWaitInSeconds=0)
    cloud.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="green", DeploymentConfig=at_once)
    described = cloud.settled()
    after = cloud.invoke()
    cloud.until(lambda: len(cloud.running()) == 2)
    load.flow()
    results = load.stop()
    assert {result.status for result in results} == {200}
    assert set(answers(results)) == {"blue", "green"}
    assert after.body == b"green:1,2"
    assert described["EndpointConfigName"] == "green"
    assert "FailureReason" not in described
    assert described["LastDeploymentConfig"] == at_once


def test_a_canary_gets_its_part_and_a_deployment_shows_what_it_does(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2)
    cloud.endpoint("blue")
    small = {**ROUTINGS["CANARY"], "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10}}
    slow = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {**small, "WaitIntervalInSeconds": 120}}}
    cloud.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="green", DeploymentConfig=slow)

    def status() -> list[dict[str, Any]]:
        pending = cloud.call("DescribeEndpoint", EndpointName="flights").get("PendingDeploymentSummary", {})
        return [s for v in pending.get("ProductionVariants", []) for s in v.get("VariantStatus", [])]

    cloud.until(lambda: any(one["Status"] == "Baking" for one in status()))
    assert status()[0]["StatusMessage"] == (
        "Baking for 120 seconds (WaitIntervalInSeconds) with traffic enabled "
        "on canary capacity of 1 instance(s)."
    )
    described = cloud.call("DescribeEndpoint", EndpointName="flights")
    assert described["EndpointStatus"] == "Updating"
    assert described["EndpointConfigName"] == "blue"
    assert described["PendingDeploymentSummary"]["EndpointConfigName"] == "green"
    assert answers([cloud.invoke() for _ in range(100)]) == {"blue": 90, "green": 10}
    refusal = refused(lambda: update(cloud, "blue"))
    assert "Cannot update in-progress endpoint" in refusal.message
    assert cloud.settled()["EndpointConfigName"] == "green"
    types = cloud.detail_types()
    assert types.index(("SageMaker Endpoint State Change", "UPDATING")) < len(types)
    assert ("SageMaker Endpoint Deployment State Change", "UPDATING") in types
    assert types[-1] == ("SageMaker Endpoint State Change", "IN_SERVICE")


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ({"die_at_start": True}, "did not pass the ping health check"),
        ({"ping": 500}, "did not pass the ping health check"),
    ],
)
def test_a_fleet_that_does_not_start_never_gets_traffic(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, behaviour: dict[str, Any], reason: str
) -> None:
    monkeypatch.setattr("local.sagemaker.hosting.launch._STARTUP_FLOOR", 1.0)
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2, startup=1, **behaviour)
    cloud.endpoint("blue")
    monkeypatch.setattr(cloud.host, "speed", 1000.0)
    load = Load(cloud, callers=4)
    update(cloud, "green", "CANARY")
    described = cloud.settled()
    results = load.stop()
    assert reason in described["FailureReason"]
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "blue")
    assert answers(results) == {"blue": len(results)}
    statuses = [status for kind, status in cloud.detail_types() if kind == "SageMaker Endpoint State Change"]
    assert statuses[-2:] == ["ROLLING_BACK", "IN_SERVICE"]
    cloud.until(lambda: len(cloud.running()) == 2)


def errors(cloud: Cloud, name: str) -> float:
    return sum(m.value * m.count for m in list(cloud.host.metrics) if m.name == name)


@pytest.mark.parametrize("routing", ROUTINGS)
def test_an_alarm_on_5xx_brings_the_old_fleet_back(cloud: Cloud, routing: str) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2, status=500)
    cloud.endpoint("blue")
    cloud.host.alarm_rules["5xx"] = lambda: errors(cloud, "Invocation5XXErrors") > 5
    load = Load(cloud, callers=4)
    cloud.call(
        "UpdateEndpoint",
        EndpointName="flights",
        EndpointConfigName="green",
        DeploymentConfig=deployment(routing, "5xx", TerminationWaitInSeconds=1200),
    )
    described = cloud.settled()
    failed = sum(result.status == 424 for result in load.stop())
    assert "5xx" in described["FailureReason"]
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "blue")
    assert failed > 0
    assert answers([cloud.invoke() for _ in range(20)]) == {"blue": 20}
    cloud.until(lambda: len(cloud.running()) == 2)


def test_4xx_answers_roll_nothing_back(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2)
    cloud.endpoint("blue")
    cloud.host.alarm_rules["5xx"] = lambda: errors(cloud, "Invocation5XXErrors") > 0
    update(cloud, "green", "CANARY", "5xx")
    while cloud.call("DescribeEndpoint", EndpointName="flights")["EndpointStatus"] == "Updating":
        assert cloud.invoke(body=b"bad").status == 424
    assert cloud.settled()["EndpointConfigName"] == "green"
    cloud.until(lambda: errors(cloud, "Invocation4XXErrors") > 0)


def test_an_instance_that_dies_while_it_bakes_rolls_back(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2)
    cloud.endpoint("blue")
    blue = set(cloud.running())
    slow = deployment("ALL_AT_ONCE", TerminationWaitInSeconds=1800)
    cloud.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="green", DeploymentConfig=slow)
    cloud.until(lambda: cloud.invoke().body.startswith(b"green"))
    next(container for container in cloud.running() if container not in blue).kill()
    described = cloud.settled()
    assert described["EndpointConfigName"] == "blue"
    assert "failed during the deployment" in described["FailureReason"]
    assert answers([cloud.invoke() for _ in range(10)]) == {"blue": 10}


def test_a_deployment_that_takes_too_long_rolls_back(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.deploy("green")
    cloud.endpoint("blue")
    slow = deployment("ALL_AT_ONCE", TerminationWaitInSeconds=1800, MaximumExecutionTimeoutInSeconds=600)
    cloud.host.speed = 600.0
    cloud.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="green", DeploymentConfig=slow)
    assert "MaximumExecutionTimeoutInSeconds" in cloud.settled()["FailureReason"]
    assert cloud.invoke().body == b"blue:1,2"


@pytest.mark.parametrize(("retain", "count"), [(True, 3), (False, 1)])
def test_a_scaled_fleet_keeps_its_size_if_it_is_retained(cloud: Cloud, retain: bool, count: int) -> None:
    cloud.deploy("blue")
    cloud.deploy("green")
    cloud.endpoint("blue")
    desired = [{"VariantName": "primary", "DesiredInstanceCount": 3}]
    cloud.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName="flights", DesiredWeightsAndCapacities=desired
    )
    cloud.settled()
    assert cloud.instances() == 3
    update(cloud, "green", RetainAllVariantProperties=retain)
    cloud.settled()
    assert cloud.instances() == count
    assert cloud.invoke().body == b"green:1,2"


def test_an_update_by_mistake_is_refused_before_anything_starts(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    started = len(cloud.containers)
    half = {**ROUTINGS["CANARY"], "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 60}}
    bad = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": half}}
    whole = {"Type": "INSTANCE_COUNT", "Value": 1}
    rolling = {"RollingUpdatePolicy": {"MaximumBatchSize": whole, "WaitIntervalInSeconds": 0}}
    both = {**deployment("ALL_AT_ONCE"), **rolling}
    for wrong, said in ((bad, "CanarySize"), (rolling, "MaximumBatchSize"), (both, "not both")):
        refusal = refused(
            lambda wrong=wrong: cloud.call(  # type: ignore[misc]
                "UpdateEndpoint", EndpointName="flights", EndpointConfigName="blue", DeploymentConfig=wrong
            )
        )
        assert said in refusal.message
    assert "does not exist" in refused(lambda: update(cloud, "blue", "ALL_AT_ONCE", "no-alarm")).message
    assert "endpoint-config/none" in refused(lambda: update(cloud, "none")).message
    assert len(cloud.containers) == started
