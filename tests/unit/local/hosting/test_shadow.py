"""Shadow variants on real servers: they see their share, are measured and captured, and harm nobody."""

import json
from typing import Any

import pytest

from tests.unit.local.hosting.hosting_cloud import Cloud, Load, refused


def variant(name: str, model: str, weight: float = 1.0, **rest: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.c5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": weight,
        **rest,
    }


def deploy(cloud: Cloud, weight: float = 1.0, *, capture: bool = False, **behaviour: Any) -> None:
    cloud.model("blue")
    cloud.model("shade", **behaviour)
    captured = {
        "EnableCapture": True,
        "InitialSamplingPercentage": 100,
        "DestinationS3Uri": "s3://captured/all",
        "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
    }
    cloud.call(
        "CreateEndpointConfig",
        EndpointConfigName="both",
        ProductionVariants=[variant("primary", "blue")],
        ShadowProductionVariants=[variant("shadow", "shade", weight)],
        **({"DataCaptureConfig": captured} if capture else {}),
    )
    cloud.endpoint("both")


def count(cloud: Cloud, name: str, variant_name: str) -> float:
    wanted = {"EndpointName": "flights", "VariantName": variant_name}
    return sum(
        m.value * m.count for m in list(cloud.host.metrics) if (m.name, m.dimensions) == (name, wanted)
    )


def test_the_shadow_sees_every_request_and_answers_none(cloud: Cloud) -> None:
    deploy(cloud, capture=True)
    described = cloud.call("DescribeEndpoint", EndpointName="flights")
    [shadow] = described["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["CurrentInstanceCount"]) == ("shadow", 1)
    assert [one["VariantName"] for one in described["ProductionVariants"]] == ["primary"]
    for number in range(20):
        result = cloud.invoke(x_amzn_sagemaker_inference_id=str(number))
        assert (result.status, result.body) == (200, b"blue:1,2")
        assert result.headers["x-Amzn-Invoked-Production-Variant"] == "primary"
    # Metrics come after the answers.
    cloud.until(lambda: count(cloud, "Invocations", "shadow") == count(cloud, "Invocations", "primary") == 20)
    cloud.until(lambda: len(captured(cloud, "shadow")) == len(captured(cloud, "primary")) == 20)
    ours, theirs = captured(cloud, "primary"), captured(cloud, "shadow")
    assert {one["eventMetadata"]["inferenceId"] for one in ours} == {
        one["eventMetadata"]["inferenceId"] for one in theirs
    }
    assert {one["captureData"]["endpointOutput"]["data"] for one in theirs} == {"shade:1,2"}


def captured(cloud: Cloud, variant_name: str) -> list[dict[str, Any]]:
    files = [
        body
        for key, body in list(cloud.host.objects.items())
        if key.startswith(f"captured/all/flights/{variant_name}/")
    ]
    return [json.loads(line) for body in files for line in body.decode().splitlines()]


def test_the_weight_is_the_share(cloud: Cloud) -> None:
    deploy(cloud, weight=0.25)
    for _ in range(400):
        cloud.invoke()
    cloud.until(lambda: count(cloud, "Invocations", "primary") == 400)
    # Four standard deviations of a binomial with n = 400 and p = 0.25 are 35.
    assert 65 <= count(cloud, "Invocations", "shadow") <= 135


def test_the_share_can_be_changed(cloud: Cloud) -> None:
    deploy(cloud)
    desired = [{"VariantName": "shadow", "DesiredWeight": 0.0}]
    cloud.call(
        "UpdateEndpointWeightsAndCapacities", EndpointName="flights", DesiredWeightsAndCapacities=desired
    )
    assert cloud.settled()["ShadowProductionVariants"][0]["DesiredWeight"] == 0.0
    for _ in range(5):
        cloud.invoke()
    cloud.until(lambda: count(cloud, "Invocations", "primary") == 5)
    assert count(cloud, "Invocations", "shadow") == 0


@pytest.mark.parametrize("behaviour", [{"status": 500}, {"delay": 30}])
def test_a_shadow_that_fails_or_hangs_hurts_nobody(cloud: Cloud, behaviour: dict[str, Any]) -> None:
    deploy(cloud, **behaviour)
    load = Load(cloud, callers=8)
    load.flow()
    load.flow()
    assert {(result.status, result.body) for result in load.stop()} == {(200, b"blue:1,2")}
    if "status" in behaviour:
        cloud.until(lambda: count(cloud, "Invocation5XXErrors", "shadow") > 0)
    assert count(cloud, "Invocation5XXErrors", "primary") == 0


def test_a_shadow_that_dies_comes_back_and_nobody_notices(cloud: Cloud) -> None:
    deploy(cloud)
    [shadow] = [container for container in cloud.running() if cloud.answers[container.pid] == "shade"]
    load = Load(cloud, callers=2)
    load.flow()
    shadow.kill()
    cloud.until(lambda: len(cloud.containers) == 3 and len(cloud.running()) == 2)
    assert {result.status for result in load.stop()} == {200}
    assert cloud.settled()["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"ProductionVariants": [variant("a", "blue"), variant("b", "blue")]}, "only specify one variant"),
        ({"ShadowProductionVariants": [variant("primary", "blue")]}, "unique"),
        (
            {"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": "s3://a"}}},
            "not supported for serverless and asynchronous",
        ),
        ({"ShadowProductionVariants": [variant("shadow", "none")]}, "Could not find model"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(cloud: Cloud, params: dict[str, Any], said: str) -> None:
    cloud.model("blue")
    asked = {
        "ProductionVariants": [variant("primary", "blue")],
        "ShadowProductionVariants": [variant("shadow", "blue")],
        **params,
    }
    refusal = refused(lambda: cloud.call("CreateEndpointConfig", EndpointConfigName="both", **asked))
    assert said in refusal.message
