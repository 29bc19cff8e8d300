"""The executions of the pipeline, with SageMaker's answers stubbed."""

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from retrain.executions import Executions
from retrain.faults import Busy
from retrain.state import Running

PIPELINE = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/flights-training"
ARN = f"{PIPELINE}/execution/abc"
MANIFEST = "s3://artifacts/inputs/0123456789abcdef/data.manifest"


@pytest.fixture
def stub() -> Stubber:
    return Stubber(
        boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    )


def executions(stub: Stubber) -> Executions:
    return Executions(stub.client, "flights-training", "flights")  # type: ignore[arg-type]


def package(version: int) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/{version}"
    common = {"ModelPackageArn": arn, "CreationTime": datetime.now(UTC), "ModelPackageStatus": "Completed"}
    return common | {"ModelPackageGroupName": "flights", "ModelPackageVersion": version}


def approved(stub: Stubber, **more: Any) -> None:
    expected = {
        "ModelPackageGroupName": "flights",
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 1,
    }
    stub.add_response("list_model_packages", {"ModelPackageSummaryList": [package(2)]}, expected)
    described = package(2) | {
        "ModelPackageName": "flights",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "InferenceSpecification": {"Containers": [{"Image": "i", "ModelDataUrl": "s3://a/model.tar.gz"}]},
        **more,
    }
    stub.add_response("describe_model_package", described, {"ModelPackageName": described["ModelPackageArn"]})


def test_the_champion_is_the_newest_approved_package(stub: Stubber) -> None:
    approved(stub)
    with stub:
        assert executions(stub).champion() == "s3://a/model.tar.gz"


@pytest.mark.parametrize(
    ("properties", "length"),
    [
        ({"bytes_per_row": "81.5"}, 81.5),
        ({}, None),
        ({"bytes_per_row": "none"}, None),
        ({"bytes_per_row": "0"}, None),
    ],
)
def test_the_length_of_a_row_is_what_the_champion_says(
    stub: Stubber, properties: dict[str, str], length: float | None
) -> None:
    approved(stub, CustomerMetadataProperties=properties)
    with stub:
        assert executions(stub).bytes_per_row() == length


def test_without_an_approved_package_there_is_neither(stub: Stubber) -> None:
    for _ in range(2):
        stub.add_response("list_model_packages", {"ModelPackageSummaryList": []})
    with stub:
        assert executions(stub).champion() is None
        assert executions(stub).bytes_per_row() is None


@pytest.mark.parametrize(
    ("running", "parameters"),
    [
        (Running("t" * 64, description="why"), {}),
        (Running("t" * 64, "s3://a/m", "why"), {"ChampionModelUri": "s3://a/m"}),
        (
            Running("t" * 64, "s3://a/m", "why", MANIFEST, cause="other"),
            {
                "ChampionModelUri": "s3://a/m",
                "InputDataUri": MANIFEST,
                "InputDataType": "ManifestFile",
                "Cause": "other",
                "SnapshotUri": "s3://artifacts/inputs/0123456789abcdef/snapshot.json",
            },
        ),
        (
            Running("t" * 64, None, "why", "s3://incoming/data/"),
            {"InputDataUri": "s3://incoming/data/", "InputDataType": "S3Prefix", "Cause": "data"},
        ),
    ],
    ids=["nothing is known", "champion", "manifest", "prefix"],
)
def test_a_start_says_all_that_was_settled_in_the_intent(
    stub: Stubber, running: Running, parameters: dict[str, str]
) -> None:
    expected = {
        "PipelineName": "flights-training",
        "ClientRequestToken": "t" * 64,
        "PipelineExecutionDescription": "why",
        "PipelineParameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
    }
    stub.add_response("start_pipeline_execution", {"PipelineExecutionArn": ARN}, expected)
    with stub:
        assert executions(stub).start(running) == ARN


def test_quota_and_throttling_are_waited_for_and_other_errors_are_not(stub: Stubber) -> None:
    for code, status in (("ResourceLimitExceeded", 400), ("ThrottlingException", 400), ("Internal", 500)):
        stub.add_client_error("start_pipeline_execution", code, "wait", status)
    stub.add_client_error("start_pipeline_execution", "AccessDeniedException", "no", 400)
    stub.add_client_error("describe_pipeline_execution", "ResourceNotFound", "gone", 400)
    stub.add_client_error("describe_pipeline_execution", "ThrottlingException", "wait", 400)
    with stub:
        for _ in range(3):
            with pytest.raises(Busy):
                executions(stub).start(Running("t" * 64))
        with pytest.raises(stub.client.exceptions.ClientError, match="AccessDenied"):
            executions(stub).start(Running("t" * 64))
        assert executions(stub).status(ARN) == "Gone"
        with pytest.raises(Busy):
            executions(stub).status(ARN)


def listed(*statuses: str) -> dict[str, Any]:
    return {
        "PipelineExecutionSummaries": [
            {"PipelineExecutionArn": f"{PIPELINE}/execution/{number}", "PipelineExecutionStatus": status}
            for number, status in enumerate(statuses)
        ]
    }


def test_an_execution_in_flight_is_found_whoever_started_it(stub: Stubber) -> None:
    expected = {
        "PipelineName": "flights-training",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 20,
    }
    stub.add_response("list_pipeline_executions", listed("Succeeded", "Failed"), expected)
    stub.add_response("list_pipeline_executions", listed("Succeeded", "Executing"), expected)
    stub.add_response("describe_pipeline_execution", {"PipelineExecutionStatus": "Executing"})
    with stub:
        assert executions(stub).in_flight() is None
        assert executions(stub).in_flight() == f"{PIPELINE}/execution/1"


def test_a_list_that_lags_behind_the_end_is_not_believed(stub: Stubber) -> None:
    stub.add_response("list_pipeline_executions", listed("Executing"))
    stub.add_response("describe_pipeline_execution", {"PipelineExecutionStatus": "Succeeded"})
    with stub:
        assert executions(stub).in_flight() is None


def test_a_pipeline_is_known_by_its_definition(stub: Stubber) -> None:
    for text in ("{}", "{}", '{"Steps": []}'):
        stub.add_response("describe_pipeline", {"PipelineDefinition": text})
    with stub:
        first, again, other = (executions(stub).definition() for _ in range(3))
    assert first == again != other
