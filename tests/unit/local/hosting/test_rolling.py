"""Rolling deployments of real servers under load: never less capacity than before; back on an alarm."""

from typing import Any

import pytest

from tests.unit.local.hosting.hosting_cloud import Cloud, Load, refused
from tests.unit.local.hosting.test_rollout import answers, errors


def rolling(size: int, wait: int = 15, rollback: int | None = None, *alarms: str) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": size},
        "WaitIntervalInSeconds": wait,
    }
    if rollback:
        policy["RollbackMaximumBatchSize"] = {"Type": "INSTANCE_COUNT", "Value": rollback}
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
    return {"RollingUpdatePolicy": policy, **(watched if alarms else {})}


def update(cloud: Cloud, deployment: dict[str, Any]) -> None:
    cloud.call(
        "UpdateEndpoint", EndpointName="flights", EndpointConfigName="green", DeploymentConfig=deployment
    )


def test_batches_replace_the_fleet_without_a_lost_request(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.sagemaker.hosting.invoke._INSTANCES_TRIED", 1)
    cloud.deploy("blue", 3, delay=0.05)
    cloud.deploy("green", 3, delay=0.05)
    cloud.endpoint("blue")
    load = Load(cloud, callers=4)
    update(cloud, rolling(1, wait=60))
    counts: set[int] = set()
    seen: set[tuple[int, str]] = set()
    while (described := cloud.call("DescribeEndpoint", EndpointName="flights"))[
        "EndpointStatus"
    ] == "Updating":
        old = described["ProductionVariants"][0]["CurrentInstanceCount"]
        for variant in described.get("PendingDeploymentSummary", {}).get("ProductionVariants", []):
            counts.add(old + variant["CurrentInstanceCount"])
            seen |= {(variant["CurrentInstanceCount"], one["Status"]) for one in variant["VariantStatus"]}
    load.flow()
    results = load.stop()
    assert {result.status for result in results} == {200}
    assert set(answers(results)) == {"blue", "green"}
    assert {count for count, status in seen if status == "Baking"} == {1, 2, 3}
    assert max(counts) == 4, "one batch more than the fleet, where blue/green has all of it twice"
    assert min(counts) >= 3
    assert cloud.settled()["EndpointConfigName"] == "green"
    assert cloud.settled()["LastDeploymentConfig"] == rolling(1, wait=60)
    cloud.until(lambda: len(cloud.running()) == 3 and cloud.instances() == 3)
    assert cloud.invoke().body == b"green:1,2"


@pytest.mark.parametrize("batch", [None, 1])
def test_an_alarm_brings_the_old_fleet_back(cloud: Cloud, batch: int | None) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2, status=500)
    cloud.endpoint("blue")
    cloud.host.alarm_rules["5xx"] = lambda: errors(cloud, "Invocation5XXErrors") > 5
    load = Load(cloud, callers=4)
    update(cloud, rolling(1, 1200, batch, "5xx"))
    described = cloud.settled()
    load.stop()
    assert "5xx" in described["FailureReason"]
    assert (described["EndpointStatus"], described["EndpointConfigName"]) == ("InService", "blue")
    assert answers([cloud.invoke() for _ in range(10)]) == {"blue": 10}
    cloud.until(lambda: len(cloud.running()) == 2 and cloud.instances() == 2)
    statuses = [status for kind, status in cloud.detail_types() if kind == "SageMaker Endpoint State Change"]
    assert statuses[-2:] == ["ROLLING_BACK", "IN_SERVICE"]
    detail = next(
        message["detail"]
        for _, message in reversed(cloud.context.store.outbox())
        if message["detail"].get("EndpointStatus") == "ROLLING_BACK"
    )
    assert "5xx" in detail["FailureReason"]


def test_an_alarm_after_batches_were_replaced_brings_all_of_the_old_fleet_back(cloud: Cloud) -> None:
    cloud.deploy("blue", 4)
    cloud.deploy("green", 4)
    cloud.endpoint("blue")
    seen: list[int] = []

    def fires() -> bool:
        seen.append(cloud.instances())
        return seen[-1] <= 2

    cloud.host.alarm_rules["late"] = fires
    load = Load(cloud, callers=2)
    update(cloud, rolling(1, 30, 2, "late"))
    assert cloud.settled()["EndpointConfigName"] == "blue"
    assert {result.status for result in load.stop()} == {200}
    assert min(seen) == 2
    cloud.until(lambda: cloud.instances() == 4 and len(cloud.running()) == 4)
    assert answers([cloud.invoke() for _ in range(8)]) == {"blue": 8}


def test_a_batch_that_does_not_start_rolls_back(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2, die_at_start=True)
    cloud.endpoint("blue")
    update(cloud, rolling(1))
    described = cloud.settled()
    assert described["EndpointConfigName"] == "blue"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert answers([cloud.invoke() for _ in range(4)]) == {"blue": 4}
    assert cloud.instances() == 2


def test_a_restart_in_the_middle_begins_the_deployment_anew(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.deploy("green", 2)
    cloud.endpoint("blue")
    update(cloud, rolling(1, wait=120))
    cloud.until(lambda: cloud.invoke().body.startswith(b"green"))
    cloud.restart()
    assert cloud.settled()["EndpointConfigName"] == "green"
    cloud.until(lambda: len(cloud.running()) == 2 and cloud.instances() == 2)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ({"Type": "INSTANCE_COUNT", "Value": 2}, "is 67% of 3"),
        ({"Type": "CAPACITY_PERCENT", "Value": 51}, "between 5% and 50%"),
        ({"Type": "CAPACITY_PERCENT", "Value": 4}, "between 5% and 50%"),
    ],
)
def test_a_batch_outside_of_the_limits_is_refused(cloud: Cloud, size: dict[str, Any], said: str) -> None:
    cloud.deploy("blue", 3)
    cloud.endpoint("blue")
    policy = {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 0}}
    refusal = refused(
        lambda: cloud.call(
            "UpdateEndpoint", EndpointName="flights", EndpointConfigName="blue", DeploymentConfig=policy
        )
    )
    assert said in refusal.message
