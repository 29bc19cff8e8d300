"""Models and endpoint configurations."""

from typing import Any

import pytest

from local.errors import ApiError
from tests.unit.local.hosting.hosting_cloud import IMAGE, PACKAGE, ROLE, Cloud, archive, refused


def package(cloud: Cloud, approval: str) -> None:
    cloud.host.objects["models/p.tar.gz"] = archive({"answer": "packaged"})
    containers = [{"Image": IMAGE, "ModelDataUrl": "s3://models/p.tar.gz"}]
    cloud.context.store.put(
        "model-package",
        "flights/1",
        {
            "ModelPackageArn": PACKAGE,
            "ModelApprovalStatus": approval,
            "InferenceSpecification": {"Containers": containers},
        },
    )


def from_package(cloud: Cloud) -> dict[str, Any]:
    container = {"ModelPackageName": PACKAGE}
    return cloud.call("CreateModel", ModelName="p", ExecutionRoleArn=ROLE, PrimaryContainer=container)


@pytest.mark.parametrize("approval", ["PendingManualApproval", "Rejected"])
def test_a_package_that_is_not_approved_makes_no_model(cloud: Cloud, approval: str) -> None:
    package(cloud, approval)
    error = refused(lambda: from_package(cloud))
    assert error.code == "ValidationException"
    assert approval in error.message
    assert "Approved" in error.message


def test_an_approved_package_serves(cloud: Cloud) -> None:
    package(cloud, "Approved")
    assert from_package(cloud) == {"ModelArn": "arn:aws:sagemaker:us-east-1:000000000000:model/p"}
    cloud.config("p")
    cloud.endpoint("p")
    assert cloud.invoke().body == b"packaged:1,2"


def test_a_model_whose_artifact_cannot_be_read_is_refused_in_the_words_of_aws(cloud: Cloud) -> None:
    container = {"Image": IMAGE, "ModelDataUrl": "s3://models/none.tar.gz"}
    error = refused(
        lambda: cloud.call("CreateModel", ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    )
    assert error.message.startswith("Could not access model data at s3://models/none.tar.gz.")


def test_names_are_unique_and_missing_ones_are_named(cloud: Cloud) -> None:
    cloud.deploy("blue")
    assert "already existing model" in refused(lambda: cloud.model("blue")).message
    assert "already existing endpoint configuration" in refused(lambda: cloud.config("blue")).message
    assert 'model "arn:' in refused(lambda: cloud.call("DescribeModel", ModelName="none")).message
    assert "model/none" in refused(lambda: cloud.config("none")).message


def test_models_and_configurations_are_described_listed_and_deleted(cloud: Cloud) -> None:
    for name in ("a", "b", "c"):
        cloud.deploy(name)
    described = cloud.call("DescribeModel", ModelName="b")
    assert described["PrimaryContainer"]["Image"] == IMAGE
    first = cloud.call("ListModels", MaxResults=2, SortBy="Name", SortOrder="Ascending")
    assert [model["ModelName"] for model in first["Models"]] == ["a", "b"]
    rest = cloud.call(
        "ListModels", MaxResults=2, SortBy="Name", SortOrder="Ascending", NextToken=first["NextToken"]
    )
    assert [model["ModelName"] for model in rest["Models"]] == ["c"]
    assert len(cloud.call("ListEndpointConfigs", NameContains="b")["EndpointConfigs"]) == 1
    cloud.call("DeleteModel", ModelName="a")
    cloud.call("DeleteEndpointConfig", EndpointConfigName="a")
    assert refused(lambda: cloud.call("DescribeModel", ModelName="a"))
    assert refused(lambda: cloud.call("DescribeEndpointConfig", EndpointConfigName="a"))
    assert ("SageMaker Endpoint Config State Change", "") in cloud.detail_types()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {
                "ExplainerConfig": {
                    "ClarifyExplainerConfig": {"ShapConfig": {"ShapBaselineConfig": {"ShapBaseline": "1"}}}
                }
            },
            "ExplainerConfig",
        ),
        ({"ProductionVariants": [{"VariantName": "v", "ModelName": "blue"}]}, "InstanceType"),
        (
            {
                "ProductionVariants": [
                    {"VariantName": "v", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
                ]
            },
            "ExecutionRoleArn",
        ),
        (
            {
                "ProductionVariants": [
                    {
                        "VariantName": "v",
                        "ModelName": "blue",
                        "InstanceType": "ml.m5.large",
                        "InitialInstanceCount": 1,
                        "ManagedInstanceScaling": {"Status": "ENABLED", "MaxInstanceCount": 2},
                    }
                ]
            },
            "ManagedInstanceScaling",
        ),
    ],
)
def test_what_the_embedded_aws_does_not_run_is_refused(
    cloud: Cloud, changes: dict[str, Any], said: str
) -> None:
    cloud.model("blue")
    variant = {
        "VariantName": "v",
        "ModelName": "blue",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    request = {"EndpointConfigName": "c", "ProductionVariants": [variant], **changes}
    with pytest.raises(ApiError, match=said):
        cloud.call("CreateEndpointConfig", **request)
