"""Endpoints over their life: creation, scaling, loss of an instance, restart, deletion, permissions."""

import os
import signal

import pytest

from tests.unit.local.hosting.hosting_cloud import IMAGE, ROLE, Cloud, Load, archive, refused

DENIALS = ["ecr:BatchGetImage", "ecr:GetAuthorizationToken", "logs:PutLogEvents"]


def test_an_endpoint_comes_into_service_and_logs(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.endpoint("blue")
    described = cloud.settled()
    (variant,) = described["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 2)
    assert variant["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    assert cloud.call("ListEndpoints", StatusEquals="InService")["Endpoints"][0]["EndpointName"] == "flights"
    assert cloud.call("ListEndpoints", StatusEquals="Failed")["Endpoints"] == []
    statuses = [status for kind, status in cloud.detail_types() if kind == "SageMaker Endpoint State Change"]
    assert statuses == ["CREATING", "IN_SERVICE"]
    cloud.until(lambda: list(cloud.host.logs.values()) == [["serving blue"]] * 2)
    assert all(name.startswith("/aws/sagemaker/Endpoints/flights:primary/i-") for name in cloud.host.logs)


def test_an_event_has_the_details_of_aws(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    detail = cloud.context.store.outbox()[-1][1]["detail"]
    assert detail["EndpointStatus"] == "IN_SERVICE"
    assert detail["EndpointConfigName"] == "blue"
    assert detail["ProductionVariants"][0]["DesiredInstanceCount"] == 1
    assert detail["CreationTime"] > 1e12
    assert detail["Tags"] == {}


@pytest.mark.parametrize("action", DENIALS)
def test_a_role_without_a_permission_makes_a_failed_endpoint_that_says_so(cloud: Cloud, action: str) -> None:
    cloud.deploy("blue")
    cloud.host.denied.add(action)
    cloud.call("CreateEndpoint", EndpointName="flights", EndpointConfigName="blue")
    described = cloud.settled()
    assert described["EndpointStatus"] == "Failed"
    assert action in described["FailureReason"]
    assert (
        "Cannot update failed endpoint"
        in refused(
            lambda: cloud.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="blue")
        ).message
    )
    cloud.call("DeleteEndpoint", EndpointName="flights")
    cloud.until(lambda: cloud.call("ListEndpoints")["Endpoints"] == [])


def test_an_unknown_image_and_a_broken_archive_are_named(cloud: Cloud) -> None:
    cloud.host.objects["models/bad.tar.gz"] = b"not a tar"
    # A wrong checksum behind contents that unpack.
    cloud.host.objects["models/damaged.tar.gz"] = archive({"answer": "blue"})[:-8] + bytes(8)
    for name, image, data in (
        ("bad", IMAGE, "s3://models/bad.tar.gz"),
        ("damaged", IMAGE, "s3://models/damaged.tar.gz"),
        ("unknown", "000000000000.dkr.ecr.us-east-1.amazonaws.com/none:1", None),
    ):
        container = {"Image": image, **({"ModelDataUrl": data} if data else {})}
        cloud.call("CreateModel", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        cloud.config(name)
        cloud.call("CreateEndpoint", EndpointName=name, EndpointConfigName=name)
        reason = cloud.settled(name)["FailureReason"]
        assert (data or image) in reason


def test_a_killed_instance_is_replaced_and_its_requests_are_answered(cloud: Cloud) -> None:
    cloud.deploy("blue", 2, delay=0.05)
    cloud.endpoint("blue")
    load = Load(cloud)
    victim = cloud.running()[0]
    os.kill(victim.pid, signal.SIGKILL)
    cloud.until(lambda: not victim.alive and len(cloud.containers) == 3 and cloud.instances() == 2)
    results = load.stop()
    assert {result.status for result in results} == {200}
    assert len(cloud.running()) == 2
    assert any("exited with code 137" in line for lines in cloud.host.logs.values() for line in lines)


def test_the_only_instance_killed_is_a_clear_error_until_it_is_replaced(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    died = cloud.invoke(body=b"die")
    assert died.status == 424
    assert b"closed the connection" in died.body
    cloud.until(lambda: cloud.invoke().status == 200)
    assert cloud.settled()["EndpointStatus"] == "InService"


def test_capacity_goes_up_and_down_without_a_lost_request(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.sagemaker.hosting.invoke._INSTANCES_TRIED", 1)
    cloud.deploy("blue", delay=0.1)
    cloud.endpoint("blue")
    load = Load(cloud)
    for count in (3, 1):
        load.flow()
        desired = [{"VariantName": "primary", "DesiredInstanceCount": count}]
        cloud.call(
            "UpdateEndpointWeightsAndCapacities", EndpointName="flights", DesiredWeightsAndCapacities=desired
        )
        cloud.settled()
        assert cloud.instances() == count
        cloud.until(lambda count=count: len(cloud.running()) == count)  # type: ignore[misc]
    assert {result.status for result in load.stop()} == {200}


def test_weights_divide_the_traffic_of_two_variants(cloud: Cloud) -> None:
    for name in ("a", "b"):
        cloud.model(name)
    variants = [
        {"VariantName": name, "ModelName": name, "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        for name in ("a", "b")
    ]
    cloud.call("CreateEndpointConfig", EndpointConfigName="both", ProductionVariants=variants)
    cloud.endpoint("both")

    def of_a(requests: int) -> int:
        return sum(cloud.invoke().body.startswith(b"a") for _ in range(requests))

    assert of_a(20) == 10
    desired = [{"VariantName": "a", "DesiredWeight": 3.0}]
    cloud.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName="flights", DesiredWeightsAndCapacities=desired
    )
    assert cloud.settled()["ProductionVariants"][0]["CurrentWeight"] == 3.0
    assert of_a(20) == 15
    assert cloud.invoke(x_amzn_sagemaker_target_variant="b").body.startswith(b"b")


def test_a_change_of_size_that_cannot_be_is_refused(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    for desired in ({"VariantName": "none"}, {"VariantName": "primary", "DesiredInstanceCount": 0}):
        assert refused(
            lambda desired=desired: cloud.call(  # type: ignore[misc]
                "UpdateEndpointWeightsAndCapacities",
                EndpointName="flights",
                DesiredWeightsAndCapacities=[desired],
            )
        )


def test_deletion_ends_the_instances_and_the_name_is_free(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.endpoint("blue")
    cloud.call("DeleteEndpoint", EndpointName="flights")
    cloud.until(lambda: not cloud.running())
    cloud.until(lambda: cloud.call("ListEndpoints")["Endpoints"] == [])
    assert b"not found" in cloud.invoke().body
    assert 'endpoint "arn:' in refused(lambda: cloud.call("DeleteEndpoint", EndpointName="flights")).message
    cloud.endpoint("blue")
    assert cloud.invoke().status == 200


def test_an_endpoint_that_is_being_created_can_be_deleted(cloud: Cloud) -> None:
    cloud.deploy("blue", ping=500)
    cloud.call("CreateEndpoint", EndpointName="flights", EndpointConfigName="blue")
    cloud.until(lambda: len(cloud.running()) == 1)
    cloud.call("DeleteEndpoint", EndpointName="flights")
    cloud.until(lambda: cloud.call("ListEndpoints")["Endpoints"] == [] and not cloud.running())


def test_after_a_restart_the_endpoint_serves_again_at_its_scaled_size(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.endpoint("blue")
    desired = [{"VariantName": "primary", "DesiredInstanceCount": 2}]
    cloud.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName="flights", DesiredWeightsAndCapacities=desired
    )
    cloud.settled()
    cloud.call("DeleteModel", ModelName="blue")
    cloud.call("DeleteEndpointConfig", EndpointConfigName="blue")
    cloud.restart()
    cloud.until(lambda: cloud.instances() == 2)
    assert cloud.invoke().body == b"blue:1,2"


def test_a_change_of_size_that_a_restart_interrupted_ends(cloud: Cloud) -> None:
    cloud.deploy("blue", 2)
    cloud.endpoint("blue")
    cloud.context.store.update("endpoint", "flights", EndpointStatus="Updating")
    cloud.restart()
    assert cloud.settled()["EndpointStatus"] == "InService"
    assert cloud.instances() == 2


def test_a_deployment_that_a_restart_interrupted_is_done_anew(cloud: Cloud) -> None:
    cloud.deploy("blue")
    cloud.deploy("green")
    cloud.endpoint("blue")
    slow = {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 120,
        }
    }
    cloud.call("UpdateEndpoint", EndpointName="flights", EndpointConfigName="green", DeploymentConfig=slow)
    cloud.until(lambda: len(cloud.running()) == 2)
    cloud.restart()
    assert cloud.call("DescribeEndpoint", EndpointName="flights")["EndpointStatus"] == "Updating"
    described = cloud.settled()
    assert described["EndpointConfigName"] == "green"
    assert cloud.invoke().body == b"green:1,2"
    cloud.until(lambda: len(cloud.running()) == 1)


def test_a_creation_and_a_deletion_that_a_restart_interrupted_end(cloud: Cloud) -> None:
    cloud.deploy("blue", ping=500)
    cloud.call("CreateEndpoint", EndpointName="flights", EndpointConfigName="blue")
    cloud.until(lambda: len(cloud.running()) == 1)
    cloud.host.objects["models/blue.tar.gz"] = archive({"answer": "blue"})
    cloud.restart()
    assert cloud.settled()["EndpointStatus"] == "InService"
    cloud.context.store.update("endpoint", "flights", EndpointStatus="Deleting")
    cloud.restart()
    cloud.until(lambda: cloud.call("ListEndpoints")["Endpoints"] == [])
