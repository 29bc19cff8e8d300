"""Predictions that come later: through the queue of an asynchronous endpoint, and from a batch."""

import json
from typing import Any

import boto3
import pytest

from cli import later

BUCKET = "flights-incoming"
QUEUED = {"EndpointName": "flights", "AnswersTopicArn": "arn:aws:sns:us-east-1:123456789012:flights-answers"}
FILES = {"BatchPipeline": "flights-batch"}


@pytest.fixture
def queue(flights: boto3.Session, answers: Any, deploy_stack: Any) -> dict[str, Any]:
    """An asynchronous endpoint that fails garbage, and what it was asked."""
    deploy_stack("flights", "serving", QUEUED)
    s3 = flights.client("s3")
    asked: dict[str, Any] = {}

    def invoke(request: dict[str, Any]) -> Any:
        key = request["InputLocation"].removeprefix(f"s3://{BUCKET}/")
        body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        asked.update(request, body=body)
        place = "failures/1" if body == b"garbage" else "answers/1"
        s3.put_object(Bucket=BUCKET, Key=place, Body=b"0.25\n" if place == "answers/1" else b"no\ntable")
        return {
            "OutputLocation": f"s3://{BUCKET}/answers/1",
            "FailureLocation": f"s3://{BUCKET}/failures/1",
        }

    answers["InvokeEndpointAsync"] = invoke
    return asked


def test_invoke_waits_for_the_answer_of_a_queue(sageloop: Any, queue: dict[str, Any]) -> None:
    result = sageloop("invoke", "-", stdin="1,2")
    assert (result.exit_code, result.stdout) == (0, "0.25\n")
    assert f"s3://{BUCKET}/answers/1" in result.stderr
    assert queue["body"] == b"1,2"
    assert queue["InputLocation"].startswith(f"s3://{BUCKET}/requests/")
    assert (queue["EndpointName"], queue["ContentType"], queue["Accept"]) == (
        "flights",
        "text/csv",
        "text/csv",
    )


def test_a_failed_call_is_a_sentence(sageloop: Any, queue: dict[str, Any]) -> None:
    result = sageloop("invoke", "-", stdin="garbage")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The call failed: no table" in result.stderr


def test_an_answer_that_does_not_come_is_named(
    sageloop: Any, queue: dict[str, Any], answers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(later, "TIMEOUT_SECONDS", 0)
    result = sageloop("invoke", "-", stdin="1,2")
    assert result.exit_code == 1
    assert f"it will be s3://{BUCKET}/answers/1, or s3://{BUCKET}/failures/1 if" in result.stderr


@pytest.fixture
def files(flights: boto3.Session, answers: Any, deploy_stack: Any) -> Any:
    """A batch pipeline that nothing runs yet."""
    deploy_stack("flights", "serving", FILES)
    answers["DescribeRule"] = lambda _: {}
    return answers


def put_answer(aws: boto3.Session) -> str:
    """Answer the one file that waits."""
    s3 = aws.client("s3")
    [waiting] = s3.list_objects_v2(Bucket=BUCKET, Prefix="rows/")["Contents"]
    name = waiting["Key"].removeprefix("rows/")
    s3.put_object(Bucket=BUCKET, Key=f"predictions/{name}.out", Body=b"0.5\n")
    return waiting["Key"]


def test_invoke_waits_for_a_batch(sageloop: Any, flights: boto3.Session, files: Any) -> None:
    looked = []

    def executions(_: Any) -> Any:
        looked.append(put_answer(flights))
        return {"PipelineExecutionSummaries": []}

    files["ListPipelineExecutions"] = executions
    result = sageloop("invoke", "-", stdin="1,2")
    assert (result.exit_code, result.stdout) == (0, "0.5\n")
    assert looked[0].endswith(".csv")


def test_a_batch_that_fails_says_why(sageloop: Any, flights: boto3.Session, files: Any) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights-batch/execution/abcdefghijkl"

    def parameters(_: Any) -> Any:
        [waiting] = flights.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="rows/")["Contents"]
        return {"PipelineParameters": [{"Name": "Rows", "Value": waiting["Key"]}]}

    files["ListPipelineExecutions"] = lambda _: {
        "PipelineExecutionSummaries": [{"PipelineExecutionArn": arn, "PipelineExecutionStatus": "Failed"}]
    }
    files["ListPipelineParametersForExecution"] = parameters
    files["ListPipelineExecutionSteps"] = lambda _: {
        "PipelineExecutionSteps": [{"FailureReason": "ClientError: row 3"}]
    }
    result = sageloop("invoke", "-", stdin="1,2")
    assert result.exit_code == 1
    assert "failed: ClientError: row 3" in result.stderr


def test_a_batch_by_the_clock_is_not_waited_for(sageloop: Any, flights: boto3.Session, files: Any) -> None:
    files["DescribeRule"] = lambda _: {"ScheduleExpression": "rate(1 day)"}
    result = sageloop("invoke", "-", stdin="1,2")
    assert result.exit_code == 1
    assert "waits for the next run, rate(1 day) (UTC); the answer will be" in result.stderr
    [waiting] = flights.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="rows/")["Contents"]
    assert waiting["Key"] in result.stderr


def test_a_batch_takes_csv_alone(sageloop: Any, flights: boto3.Session, files: Any) -> None:
    result = sageloop("invoke", "-", stdin='{"instances": []}')
    assert result.exit_code == 1
    assert "flights predicts files of CSV" in result.stderr
    assert "Contents" not in flights.client("s3").list_objects_v2(Bucket=BUCKET)


def test_approval_of_a_batch_waits_for_its_stack_alone(
    sageloop: Any, flights: boto3.Session, files: Any, register: Any, deploy_stack: Any
) -> None:
    arn = register()
    deploy_stack("flights", "serving", FILES, ModelPackageArn=arn)
    files["ListEndpoints"] = lambda _: {"Endpoints": []}
    assert "Version 1 of flights serves" in sageloop("approve").stdout
    found = json.loads(sageloop("status", "--json").stdout)
    assert found["batch"] == {"pipeline": "flights-batch", "version": 1}
    shown = sageloop("status").stdout
    assert "version 1 predicts the files below rows/ (flights-batch)" in shown
    assert "in service" in shown
    assert "has no endpoint: the jobs of flights-batch write to" in sageloop("logs", "endpoint").stderr
    assert "flights has no API" in sageloop("api").stderr
