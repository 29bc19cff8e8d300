from typing import Any

import pytest

from local.errors import ApiError, ConflictException, ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import IMAGE, DiskHost


@pytest.fixture
def group(sagemaker: SageMaker) -> str:
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "flights"})
    return "flights"


def register(sagemaker: SageMaker, **members: Any) -> str:
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://artifacts/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    request = {"ModelPackageGroupName": "flights", "InferenceSpecification": specification, **members}
    return str(sagemaker.call("CreateModelPackage", request)["ModelPackageArn"])


def test_versions_count_up_and_are_never_given_twice(sagemaker: SageMaker, group: str) -> None:
    first, second = register(sagemaker), register(sagemaker)
    assert (first[-2:], second[-2:]) == ("/1", "/2")
    sagemaker.call("DeleteModelPackage", {"ModelPackageName": second})
    assert register(sagemaker).endswith("/3")


def test_a_client_token_registers_once(sagemaker: SageMaker, group: str) -> None:
    assert register(sagemaker, ClientToken="one") == register(sagemaker, ClientToken="one")
    assert (
        len(sagemaker.call("ListModelPackages", {"ModelPackageGroupName": group})["ModelPackageSummaryList"])
        == 1
    )


def test_an_approval_changes_the_package_and_tells_of_it(
    sagemaker: SageMaker, host: DiskHost, group: str
) -> None:
    arn = register(sagemaker)
    sagemaker.call(
        "UpdateModelPackage",
        {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved", "ApprovalDescription": "good"},
    )
    package = sagemaker.call("DescribeModelPackage", {"ModelPackageName": arn})
    assert package["ModelApprovalStatus"] == "Approved"
    assert sagemaker.context.store.wait(lambda: not sagemaker.context.store.outbox(), 5)
    kind, detail = host.events[-1]
    assert kind == "SageMaker Model Package State Change"
    assert detail["ModelApprovalStatus"] == "Approved"
    assert detail["UpdatedModelPackageFields"] == ["ApprovalDescription", "ModelApprovalStatus"]
    assert detail["CreationTime"].endswith("Z")


def test_lists_filter_and_page(sagemaker: SageMaker, group: str) -> None:
    for approval in ("Approved", "Rejected", "Approved", "Approved"):
        register(sagemaker, ModelApprovalStatus=approval)
    request = {"ModelPackageGroupName": group, "ModelApprovalStatus": "Approved", "SortOrder": "Descending"}
    first = sagemaker.call("ListModelPackages", {**request, "MaxResults": 2})
    second = sagemaker.call("ListModelPackages", {**request, "NextToken": first["NextToken"]})
    versions = [
        package["ModelPackageVersion"]
        for answer in (first, second)
        for package in answer["ModelPackageSummaryList"]
    ]
    assert sorted(versions) == [1, 3, 4]
    assert "NextToken" not in second


def test_a_token_of_somebody_else_is_refused(sagemaker: SageMaker) -> None:
    with pytest.raises(ValidationException, match="NextToken"):
        sagemaker.call("ListModelPackageGroups", {"NextToken": "nonsense"})


def test_metadata_is_merged_and_removed_by_key(sagemaker: SageMaker, group: str) -> None:
    arn = register(sagemaker, CustomerMetadataProperties={"auc": "0.7", "old": "1"})
    sagemaker.call(
        "UpdateModelPackage",
        {
            "ModelPackageArn": arn,
            "CustomerMetadataProperties": {"auc": "0.8"},
            "CustomerMetadataPropertiesToRemove": ["old"],
        },
    )
    package = sagemaker.call("DescribeModelPackage", {"ModelPackageName": arn})
    assert package["CustomerMetadataProperties"] == {"auc": "0.8"}


def test_a_group_with_packages_stays(sagemaker: SageMaker, group: str) -> None:
    arn = register(sagemaker)
    with pytest.raises(ConflictException, match="still contains Model Packages"):
        sagemaker.call("DeleteModelPackageGroup", {"ModelPackageGroupName": group})
    sagemaker.call("DeleteModelPackage", {"ModelPackageName": arn})
    sagemaker.call("DeleteModelPackageGroup", {"ModelPackageGroupName": group})
    with pytest.raises(ValidationException, match="does not exist"):
        sagemaker.call("DescribeModelPackageGroup", {"ModelPackageGroupName": group})


def test_what_is_missing_is_named(sagemaker: SageMaker, group: str) -> None:
    arn = sagemaker.context.arn("model-package", "flights/9")
    with pytest.raises(ApiError, match=f"ModelPackage {arn} does not exist"):
        sagemaker.call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})


def test_an_unknown_image_is_refused(sagemaker: SageMaker, group: str) -> None:
    specification = {
        "Containers": [{"Image": "nobody/nothing:1"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    with pytest.raises(ValidationException, match="nobody/nothing:1"):
        register(sagemaker, InferenceSpecification=specification)
    assert register(sagemaker).endswith("/1")


def test_tags_of_a_group(sagemaker: SageMaker) -> None:
    arn = sagemaker.call(
        "CreateModelPackageGroup",
        {"ModelPackageGroupName": "tagged", "Tags": [{"Key": "b", "Value": "1"}, {"Key": "a", "Value": "2"}]},
    )["ModelPackageGroupArn"]
    sagemaker.call("AddTags", {"ResourceArn": arn, "Tags": [{"Key": "b", "Value": "3"}]})
    sagemaker.call("DeleteTags", {"ResourceArn": arn, "TagKeys": ["a", "absent"]})
    assert sagemaker.call("ListTags", {"ResourceArn": arn})["Tags"] == [{"Key": "b", "Value": "3"}]
    with pytest.raises(ApiError, match="does not exist"):
        sagemaker.call("ListTags", {"ResourceArn": arn + "-other"})
