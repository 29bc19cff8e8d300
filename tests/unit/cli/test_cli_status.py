"""One screen about a project."""

import json
from datetime import UTC, datetime
from typing import Any

import boto3


def test_a_fresh_project(sageloop: Any, flights: boto3.Session, answers: Any) -> None:
    result = sageloop("status")
    assert result.exit_code == 0
    for words in (
        "flights (us-east-1)",
        "4 deployed",
        "none yet in s3://flights-incoming/data/",
        "no run yet",
    ):
        assert words in result.stdout
    assert json.loads(sageloop("status", "--json").stdout)["endpoint"] is None


def test_a_project_at_work(
    sageloop: Any, flights: boto3.Session, register: Any, answers: Any, serving: Any
) -> None:
    flights.client("s3").put_object(Bucket="flights-incoming", Key="data/a.csv", Body=b"12345")
    flights.client("dynamodb").put_item(
        TableName="flights-retraining",
        Item={"pipeline": {"S": "flights-training"}, "requested": {"N": "5"}, "covered": {"N": "3"}},
    )
    first = register("Approved")
    second = register()
    flights.client("sagemaker").update_model_package(
        ModelPackageArn=second, ModelApprovalStatus="Rejected", ApprovalDescription="Rolled back: 5xx"
    )
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights-training/execution/abc"
    answers["ListPipelineExecutions"] = lambda _: {
        "PipelineExecutionSummaries": [{"PipelineExecutionArn": arn}]
    }
    answers["DescribePipelineExecution"] = lambda _: {
        "PipelineExecutionStatus": "Failed",
        "CreationTime": datetime.now(UTC),
        "FailureReason": "Step failure",
    }
    rejected = "auc 0.61 is below 0.7"
    answers["ListPipelineExecutionSteps"] = lambda _: {
        "PipelineExecutionSteps": [
            {"StepName": "Rejected", "StepStatus": "Failed", "FailureReason": rejected, "Metadata": {}}
        ]
    }
    serving(first, "UPDATE_COMPLETE", CurrentInstanceCount=2, DesiredInstanceCount=4)
    result = sageloop("status")
    assert result.exit_code == 0
    for words in (
        "1 objects, 5 B",
        rejected,
        "2 new requests wait",
        "InService version 1, 2 of 4 instances",
        "auc 0.7512",
        "in service",
        "Rolled back: 5xx",
        "POST https://abc12345.execute-api.us-east-1.amazonaws.com/v1/predict",
    ):
        assert words in result.stdout
    found = json.loads(sageloop("status", "--json").stdout)
    assert found["endpoint"]["version"] == 1
    assert [one["version"] for one in found["packages"]] == [2, 1]
    assert found["waiting"] == {"requests": 2}
