import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import ApiError, ValidationException
from local.model import check_input, shape_output


def test_each_broken_rule_is_named_with_its_place() -> None:
    request = {
        "ModelPackageGroupName": "bad name!",
        "Tags": [{"Key": "a", "Value": "x" * 300}],
    }
    with pytest.raises(ValidationException) as raised:
        check_input("sagemaker", "CreateModelPackageGroup", request)
    assert raised.value.message.startswith("2 validation errors detected: ")
    assert (
        "Value 'bad name!' at 'modelPackageGroupName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern" in raised.value.message
    )
    assert "at 'tags.1.member.value'" in raised.value.message
    assert "Member must have length less than or equal to 256" in raised.value.message


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({}, "null at 'endpointName'"),
        ({"EndpointName": "e", "Endpoint": "e"}, "at 'endpoint'"),
    ],
)
def test_missing_and_unknown_members_are_refused(request_: dict[str, str], words: str) -> None:
    with pytest.raises(ValidationException, match=words):
        check_input("sagemaker", "DescribeEndpoint", request_)


def test_enumerations_are_checked() -> None:
    request = {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:000000000000:model-package/a/1"}
    with pytest.raises(ValidationException, match=r"enum value set: \[Approved, Rejected"):
        check_input("sagemaker", "UpdateModelPackage", {**request, "ModelApprovalStatus": "Fine"})


@pytest.mark.parametrize(
    ("service", "operation", "member", "value", "fits"),
    [
        ("application-autoscaling", "PutScalingPolicy", "PolicyName", "track", True),
        ("application-autoscaling", "PutScalingPolicy", "PolicyName", "new\nline", False),
        ("application-autoscaling", "DeleteScalingPolicy", "PolicyName", "🙂", True),
        ("application-autoscaling", "DeleteScalingPolicy", "PolicyName", "\x01", False),
        ("sagemaker", "DeleteTags", "TagKeys", ["Größe & Zahl"], False),
        ("sagemaker", "DeleteTags", "TagKeys", ["Größe: 4/5 @home"], True),
    ],
)
def test_patterns_of_java_are_understood(
    service: str, operation: str, member: str, value: object, fits: bool
) -> None:
    with pytest.raises(ValidationException) as raised:
        check_input(service, operation, {member: value})
    assert ("regular expression" not in raised.value.message) is fits


def test_a_wrong_type_is_a_serialization_error() -> None:
    with pytest.raises(ApiError) as raised:
        check_input("sagemaker", "DescribeEndpoint", {"EndpointName": 3})
    assert raised.value.code == "SerializationException"


def test_true_is_not_a_number() -> None:
    with pytest.raises(ApiError, match="integer"):
        check_input("sagemaker", "ListEndpoints", {"MaxResults": True})


def test_nulls_count_as_absent() -> None:
    assert check_input("sagemaker", "ListEndpoints", {"NextToken": None}) == {}


def test_answers_lose_what_the_model_does_not_know() -> None:
    answer = {"EndpointName": "e", "Private": 1, "FailureReason": None}
    assert shape_output("sagemaker", "DescribeEndpoint", answer) == {"EndpointName": "e"}


def test_answers_that_break_the_model_are_errors_of_ours() -> None:
    with pytest.raises(ApiError) as raised:
        shape_output("sagemaker", "DescribeEndpoint", {"EndpointStatus": "Sleeping"})
    assert raised.value.status == 500


def test_unknown_operations_have_aws_own_code() -> None:
    with pytest.raises(ApiError) as raised:
        check_input("sagemaker", "MakeCoffee", {})
    assert raised.value.code == "UnknownOperationException"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(["PipelineName", "Tags", "RoleArn", "Other"]), _JSON))
def test_any_request_gets_an_answer_in_aws_terms(request_: dict[str, object]) -> None:
    with pytest.raises(ApiError) as raised:
        check_input("sagemaker", "CreatePipeline", request_)
    assert raised.value.code in ("ValidationException", "SerializationException")
