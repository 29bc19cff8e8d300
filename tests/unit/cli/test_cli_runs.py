"""Runs, logs and the request to train."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tests.unit.cli.training_runs import PIPELINE, Runs

BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PREFIX = "arn:aws:sagemaker:us-east-1:123456789012"
SENTENCE = "AlgorithmError: data/2013-01.csv has no column 'late', exit code: 1"


@pytest.fixture
def two_runs(flights: boto3.Session, answers: Any) -> Callable[[], None]:
    """A run that failed in Prepare, and an older one that succeeded."""
    arns = {
        id_: f"{PREFIX}:pipeline/flights-training/execution/{id_}" for id_ in ("newer00001", "older00001")
    }

    def describe(request: dict[str, str]) -> dict[str, Any]:
        failed = request["PipelineExecutionArn"].endswith("newer00001")
        status = {"PipelineExecutionStatus": "Failed" if failed else "Succeeded"}
        reason = {"FailureReason": "Step failure: One or multiple steps failed."} if failed else {}
        why = {"PipelineExecutionDescription": "Requested by s3://b/data/a.csv"}
        return status | reason | why | {"CreationTime": BEGIN}

    def steps(request: dict[str, str]) -> dict[str, Any]:
        failed = request["PipelineExecutionArn"].endswith("newer00001")
        job = f"pipelines-{request['PipelineExecutionArn'][-10:]}-Prepare-abc"
        times = {"StartTime": BEGIN, "EndTime": BEGIN + timedelta(seconds=75)}
        prepare: dict[str, Any] = {
            "StepName": "Prepare",
            "StepStatus": "Failed" if failed else "Succeeded",
            **times,
        }
        prepare["Metadata"] = {"ProcessingJob": {"Arn": f"{PREFIX}:processing-job/{job}"}}
        if failed:
            prepare["FailureReason"] = SENTENCE
        return {"PipelineExecutionSteps": [prepare]}

    answers["ListPipelineExecutions"] = lambda _: {
        "PipelineExecutionSummaries": [{"PipelineExecutionArn": arn} for arn in arns.values()]
    }
    answers["DescribePipelineExecution"] = describe
    answers["ListPipelineExecutionSteps"] = steps
    return lambda: None


def test_a_failed_run_shows_the_sentence_of_its_step(sageloop: Any, two_runs: Any) -> None:
    listed = sageloop("runs")
    assert listed.exit_code == 0
    assert SENTENCE in listed.stdout
    assert "1 min 15 s" in listed.stdout
    assert "Requested by s3://b/data/a.csv" in listed.stdout
    assert [one["status"] for one in json.loads(sageloop("runs", "--json").stdout)] == ["Failed", "Succeeded"]
    assert len(json.loads(sageloop("runs", "--limit", "1", "--json").stdout)) == 1


def test_a_run_is_found_by_the_beginning_of_its_id(sageloop: Any, two_runs: Any) -> None:
    result = sageloop("runs", "older", "--json")
    assert json.loads(result.stdout)["id"] == "older00001"
    assert "Prepare" in sageloop("runs", "newer").stdout
    missing = sageloop("runs", "xyz")
    assert (missing.exit_code, "has no run xyz" in missing.stderr) == (1, True)


def test_no_run_yet(sageloop: Any, flights: boto3.Session) -> None:
    assert "No run yet" in sageloop("runs").stdout
    result = sageloop("logs")
    assert (result.exit_code, "has not run yet" in result.stderr) == (1, True)


def write_log(aws: boto3.Session, group: str, stream: str, *messages: str) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = round(datetime.now(UTC).timestamp() * 1000)
    logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[{"timestamp": now + n, "message": message} for n, message in enumerate(messages)],
    )


def test_logs_are_those_of_the_step_that_failed(sageloop: Any, two_runs: Any, flights: boto3.Session) -> None:
    stream = "pipelines-newer00001-Prepare-abc/algo-1-1"
    write_log(flights, "/aws/sagemaker/ProcessingJobs", stream, "reading [bold]a.csv", "no column 'late'")
    result = sageloop("logs")
    assert result.exit_code == 0
    assert "reading [bold]a.csv" in result.stdout
    assert sageloop("logs", "-n", "1").stdout.rstrip().endswith("no column 'late'")
    assert [line["stream"] for line in json.loads(sageloop("logs", "prepare", "--json").stdout)] == [
        stream
    ] * 2
    assert sageloop("logs", "pipelines-newer00001-Prepare-abc").stdout == result.stdout
    assert "has no job Train" in sageloop("logs", "Train").stderr
    assert "no line of pipelines-older00001-Prepare-abc" in sageloop("logs", "--run", "older").stderr


@pytest.mark.parametrize(
    ("what", "group"),
    [
        ("endpoint", "/aws/sagemaker/Endpoints/flights"),
        ("retrain", "/aws/lambda/flights-retrain"),
        ("promote", "/aws/lambda/flights-promote"),
    ],
)
def test_logs_of_what_is_not_a_job(sageloop: Any, flights: boto3.Session, what: str, group: str) -> None:
    missing = sageloop("logs", what)
    assert (missing.exit_code, group in missing.stderr) == (1, True)
    write_log(flights, group, "stream", "hello")
    assert "hello" in sageloop("logs", what).stdout


def test_training_is_requested_by_a_message_that_the_function_knows(
    sageloop: Any, flights: boto3.Session
) -> None:
    from retrain.messages import Request, parse

    assert sageloop("retrain", "--reason", "new rules  for late flights").exit_code == 0
    url = flights.client("sqs").get_queue_url(QueueName="flights-retrain")["QueueUrl"]
    body = flights.client("sqs").receive_message(QueueUrl=url)["Messages"][0]["Body"]
    request = parse(body)
    assert isinstance(request, Request)
    assert (request.kind, request.reason) == ("manual", "new rules for late flights")
    assert request.who.startswith("arn:aws:sts::123456789012:")


def test_steps_that_did_not_run_say_whose_results_they_took(
    sageloop: Any, flights: boto3.Session, answers: Any
) -> None:
    runs = Runs(flights, answers)
    arn = runs.add("again0000001", "Prepare", "Tune", "Train", "Register")
    steps = answers["ListPipelineExecutionSteps"]({"PipelineExecutionArn": arn})["PipelineExecutionSteps"]
    lender = {"SourcePipelineExecutionArn": f"{PIPELINE}/execution/lender000001"}
    steps[0]["SelectiveExecutionResult"] = lender
    steps[1]["CacheHitResult"] = lender
    said = sageloop("runs", "again").stdout
    assert "reused from lender00" in said
    assert "cached from lender00" in said
    assert "9 s" in said
    assert "model-package/flights/1" in said
    found = json.loads(sageloop("runs", "again", "--json").stdout)["steps"]
    assert [step["job_kind"] for step in found] == ["ProcessingJobs", "TuningJobs", "TrainingJobs", ""]
    assert [step["cached"] for step in found] == [False, True, False, False]


def test_logs_of_a_tuning_job_are_those_of_its_trials(
    sageloop: Any, flights: boto3.Session, answers: Any
) -> None:
    Runs(flights, answers).add("tuned0000001", "Tune", "Predict")
    trials = [f"tuned0000001-Tune-abc-{number:03}-x" for number in (1, 2)]
    write_log(flights, "/aws/sagemaker/TrainingJobs", f"{trials[0]}/algo-1", "validation-auc=0.7")
    flights.client("logs").create_log_stream(
        logGroupName="/aws/sagemaker/TrainingJobs", logStreamName=f"{trials[1]}/algo-1"
    )
    write_log(flights, "/aws/sagemaker/TransformJobs", "pipelines-tuned0000001-Predict-abc/a", "ping")
    assert "validation-auc=0.7" in sageloop("logs", "tune").stdout
    assert "validation-auc=0.7" in sageloop("logs", trials[0]).stdout
    assert f"no line of {trials[1]} yet" in sageloop("logs", trials[1]).stderr
    assert "ping" in sageloop("logs", "predict").stdout
    assert "ping" in sageloop("logs").stdout, "the last job of the run"
