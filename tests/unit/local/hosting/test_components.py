"""Inference components: copies placed on the instances of an endpoint, to none and back."""

import json
from typing import Any

import pytest

from tests.unit.local.hosting.hosting_cloud import IMAGE, ROLE, Cloud, archive, refused

SCALING = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
NEEDS = {"NumberOfCpuCoresRequired": 1, "MinMemoryRequiredInMb": 1024}


def endpoint(cloud: Cloud, **variant: Any) -> None:
    whole = {"VariantName": "AllTraffic", "InstanceType": "ml.c5.large", "InitialInstanceCount": 1, **variant}
    whole.setdefault("ManagedInstanceScaling", SCALING)
    cloud.call(
        "CreateEndpointConfig",
        EndpointConfigName="shared",
        ExecutionRoleArn=ROLE,
        ProductionVariants=[whole],
        EnableNetworkIsolation=True,
    )
    cloud.endpoint("shared")


def component(cloud: Cloud, name: str = "ic", copies: int = 1, **specification: Any) -> dict[str, Any]:
    cloud.call(
        "CreateInferenceComponent",
        InferenceComponentName=name,
        EndpointName="flights",
        VariantName="AllTraffic",
        Specification={"ComputeResourceRequirements": NEEDS, **specification},
        RuntimeConfig={"CopyCount": copies},
    )
    return settled(cloud, name)


def describe(cloud: Cloud, name: str = "ic") -> dict[str, Any]:
    return cloud.call("DescribeInferenceComponent", InferenceComponentName=name)


def settled(cloud: Cloud, name: str = "ic") -> dict[str, Any]:
    done = ("InService", "Failed")
    cloud.until(lambda: describe(cloud, name)["InferenceComponentStatus"] in done)
    return describe(cloud, name)


def copies(cloud: Cloud, count: int, name: str = "ic") -> dict[str, Any]:
    cloud.call(
        "UpdateInferenceComponentRuntimeConfig",
        InferenceComponentName=name,
        DesiredRuntimeConfig={"CopyCount": count},
    )
    return settled(cloud, name)


def ask(cloud: Cloud, name: str = "ic", body: bytes = b"1,2") -> Any:
    return cloud.invoke(body=body, x_amzn_sagemaker_inference_component=name)


def instances(cloud: Cloud) -> int:
    [variant] = cloud.call("DescribeEndpoint", EndpointName="flights")["ProductionVariants"]
    return int(variant["CurrentInstanceCount"])


def total(cloud: Cloud, name: str, component_name: str = "ic") -> float:
    found = [m for m in list(cloud.host.metrics) if m.name == name]
    assert all(m.dimensions == {"InferenceComponentName": component_name} for m in found)
    return sum(m.value * m.count for m in found)


def test_two_components_share_an_endpoint(cloud: Cloud) -> None:
    endpoint(cloud)
    for name in ("a", "b"):
        cloud.model(name)
        described = component(cloud, name, ModelName=name)
        assert described["InferenceComponentStatus"] == "InService", described
    result = ask(cloud, "a")
    assert (result.status, result.body) == (200, b"a:1,2")
    assert result.headers["x-Amzn-Invoked-Production-Variant"] == "AllTraffic"
    assert ask(cloud, "b").body == b"b:1,2"
    described = describe(cloud, "a")
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 1, "CurrentCopyCount": 1}
    assert described["Specification"]["ModelName"] == "a"
    assert described["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"] == IMAGE
    assert described["EndpointArn"].endswith(":endpoint/flights")
    names = [
        one["InferenceComponentName"]
        for one in cloud.call("ListInferenceComponents", EndpointNameEquals="flights", SortBy="Name")[
            "InferenceComponents"
        ]
    ]
    assert sorted(names) == ["a", "b"]
    assert cloud.call("ListInferenceComponents", StatusEquals="Failed")["InferenceComponents"] == []
    assert instances(cloud) == 1
    cloud.until(lambda: any("InferenceComponents/a:AllTraffic/" in name for name in cloud.host.logs))
    failed = json.loads(ask(cloud, "a", b"bad").body)
    assert failed["LogStreamArn"].endswith(":log-group:/aws/sagemaker/InferenceComponents/a")
    assert "group=/aws/sagemaker/InferenceComponents/a " in failed["Message"]


def test_copies_need_room_and_bring_instances_with_them(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.model("a")
    component(cloud, ModelName="a")
    assert instances(cloud) == 1
    assert copies(cloud, 4)["RuntimeConfig"] == {"DesiredCopyCount": 4, "CurrentCopyCount": 4}
    assert instances(cloud) == 2, "an ml.c5.large has two processors"
    described = copies(cloud, 5)
    assert "not enough hardware resources" in described["FailureReason"]
    assert described["InferenceComponentStatus"] == "InService"
    assert described["RuntimeConfig"]["DesiredCopyCount"] == 4
    cloud.until(lambda: len(cloud.running()) == 4)


def test_a_copy_larger_than_an_instance_fails_and_says_why(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.model("a")
    needs = {"NumberOfCpuCoresRequired": 3, "MinMemoryRequiredInMb": 1024}
    described = component(cloud, ModelName="a", ComputeResourceRequirements=needs)
    assert described["InferenceComponentStatus"] == "Failed"
    assert "not enough hardware resources" in described["FailureReason"]
    assert b"no capacity" in ask(cloud).body
    cloud.call("DeleteInferenceComponent", InferenceComponentName="ic")
    cloud.until(lambda: cloud.call("ListInferenceComponents")["InferenceComponents"] == [])


def test_without_a_copy_a_request_is_refused_and_counted(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.model("a")
    component(cloud, copies=0, ModelName="a")
    result = ask(cloud)
    assert (result.status, result.headers["x-amzn-ErrorType"]) == (400, "ValidationError")
    assert json.loads(result.body)["Message"].startswith(
        "Inference Component has no capacity to process this request."
    )
    cloud.until(lambda: total(cloud, "NoCapacityInvocationFailures") == 1)
    assert total(cloud, "InvocationsPerCopy") == 0
    copies(cloud, 2)
    for _ in range(4):
        assert ask(cloud).status == 200
    cloud.until(lambda: total(cloud, "Invocations") == 4)
    assert total(cloud, "InvocationsPerCopy") == 2


def test_idle_instances_go_after_ten_minutes(cloud: Cloud) -> None:
    cloud.host.speed = cloud.host.speed * 5
    cloud.restart()
    endpoint(cloud)
    cloud.model("a")
    component(cloud, ModelName="a")
    copies(cloud, 0)
    assert instances(cloud) == 1
    cloud.until(lambda: instances(cloud) == 0)
    assert not cloud.running()
    copies(cloud, 1)
    assert instances(cloud) == 1
    assert ask(cloud).status == 200


def test_a_new_specification_takes_the_place_of_the_old_one(cloud: Cloud) -> None:
    endpoint(cloud)
    for name in ("a", "b"):
        cloud.model(name)
    component(cloud, copies=2, ModelName="a")
    policy = {
        "MaximumBatchSize": {"Type": "COPY_COUNT", "Value": 1},
        "WaitIntervalInSeconds": 0,
    }
    specification = {"ModelName": "b", "ComputeResourceRequirements": NEEDS}
    cloud.call(
        "UpdateInferenceComponent",
        InferenceComponentName="ic",
        Specification=specification,
        DeploymentConfig={"RollingUpdatePolicy": policy},
    )
    described = settled(cloud)
    assert described["Specification"]["ModelName"] == "b"
    assert described["LastDeploymentConfig"]["RollingUpdatePolicy"] == policy
    assert {ask(cloud).body for _ in range(4)} == {b"b:1,2"}
    assert described["RuntimeConfig"] == {"DesiredCopyCount": 2, "CurrentCopyCount": 2}


def test_a_new_specification_that_does_not_serve_leaves_the_old_one(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.model("a")
    cloud.model("b", die_at_start=True)
    component(cloud, ModelName="a")
    cloud.call(
        "UpdateInferenceComponent",
        InferenceComponentName="ic",
        Specification={"ModelName": "b", "ComputeResourceRequirements": NEEDS},
    )
    described = settled(cloud)
    assert "ping health check" in described["FailureReason"]
    assert described["Specification"]["ModelName"] == "a"
    assert ask(cloud).body == b"a:1,2"


def test_a_component_can_bring_its_container(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.host.objects["models/c.tar.gz"] = archive({"answer": "c"})
    container = {"Image": IMAGE, "ArtifactUrl": "s3://models/c.tar.gz", "Environment": {"A": "1"}}
    described = component(cloud, Container=container)
    assert described["Specification"]["Container"]["ArtifactUrl"] == "s3://models/c.tar.gz"
    assert ask(cloud).body == b"c:1,2"


def test_copies_come_back_after_a_restart_and_after_a_death(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.model("a")
    component(cloud, copies=2, ModelName="a")
    cloud.restart()
    cloud.until(lambda: describe(cloud)["RuntimeConfig"]["CurrentCopyCount"] == 2)
    assert ask(cloud).body == b"a:1,2"
    assert ask(cloud, body=b"die").status == 424
    cloud.until(lambda: ask(cloud).status == 200)
    cloud.until(lambda: describe(cloud)["RuntimeConfig"]["CurrentCopyCount"] == 2)


def test_deletion_frees_the_room_and_the_endpoint(cloud: Cloud) -> None:
    endpoint(cloud)
    cloud.model("a")
    component(cloud, copies=4, ModelName="a")
    refusal = refused(lambda: cloud.call("DeleteEndpoint", EndpointName="flights"))
    assert "hosts the inference components ic" in refusal.message
    cloud.call("DeleteInferenceComponent", InferenceComponentName="ic")
    cloud.until(lambda: cloud.call("ListInferenceComponents")["InferenceComponents"] == [])
    assert not cloud.running()
    assert b"not found" in ask(cloud).body
    assert component(cloud, copies=4, ModelName="a")["InferenceComponentStatus"] == "InService"
    cloud.call("DeleteInferenceComponent", InferenceComponentName="ic")
    cloud.until(lambda: cloud.call("ListInferenceComponents")["InferenceComponents"] == [])
    cloud.call("DeleteEndpoint", EndpointName="flights")
    cloud.until(lambda: cloud.call("ListEndpoints")["Endpoints"] == [])


def test_the_header_belongs_to_component_endpoints_alone(cloud: Cloud) -> None:
    endpoint(cloud)
    assert b"header is required" in cloud.invoke().body
    assert b"not found on endpoint" in ask(cloud, "none").body
    cloud.deploy("blue")
    cloud.call("CreateEndpoint", EndpointName="models", EndpointConfigName="blue")
    cloud.settled("models")
    answer = cloud.invoke("models", x_amzn_sagemaker_inference_component="ic")
    assert (answer.status, b"header is not allowed" in answer.body) == (400, True)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"EndpointName": "none"}, "Could not find endpoint"),
        ({"VariantName": "other"}, "Variant other not found"),
        ({"Specification": {"ModelName": "a"}}, "ComputeResourceRequirements"),
        ({"Specification": {"ComputeResourceRequirements": NEEDS}}, "either ModelName or Container"),
        (
            {"Specification": {"ModelName": "none", "ComputeResourceRequirements": NEEDS}},
            "Could not find model",
        ),
        (
            {
                "Specification": {
                    "ModelName": "a",
                    "ComputeResourceRequirements": {**NEEDS, "NumberOfAcceleratorDevicesRequired": 1},
                }
            },
            "accelerators",
        ),
        ({"Specification": None}, "Specification"),
        ({"RuntimeConfig": None}, "CopyCount"),
        ({"InferenceComponentName": "-"}, "inferenceComponentName"),
    ],
)
def test_a_component_that_cannot_be_is_refused(cloud: Cloud, params: dict[str, Any], said: str) -> None:
    endpoint(cloud)
    cloud.model("a")
    asked = {
        "InferenceComponentName": "ic",
        "EndpointName": "flights",
        "Specification": {"ModelName": "a", "ComputeResourceRequirements": NEEDS},
        "RuntimeConfig": {"CopyCount": 1},
        **params,
    }
    assert said in refused(lambda: cloud.call("CreateInferenceComponent", **asked)).message
    assert cloud.call("ListInferenceComponents")["InferenceComponents"] == []


@pytest.mark.parametrize(
    ("config", "variant"),
    [
        ({"ExecutionRoleArn": None}, {}),
        ({}, {"ManagedInstanceScaling": {"Status": "ENABLED", "MinInstanceCount": 3, "MaxInstanceCount": 2}}),
        ({}, {"ManagedInstanceScaling": None, "InitialInstanceCount": None}),
        ({}, {"ModelName": "a"}),
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://a"}}}, {}),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    cloud: Cloud, config: dict[str, Any], variant: dict[str, Any]
) -> None:
    cloud.model("a")
    whole = {
        "VariantName": "AllTraffic",
        "InstanceType": "ml.c5.large",
        "InitialInstanceCount": 1,
        "ManagedInstanceScaling": SCALING,
        **variant,
    }
    asked = {"EndpointConfigName": "x", "ExecutionRoleArn": ROLE, "ProductionVariants": [whole], **config}
    assert refused(lambda: cloud.call("CreateEndpointConfig", **asked))
