"""Approvals that are recorded: the API is asked instead of the registry, and a rollback needs its record."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from cli import predictions
from cli.predictions import Answer

URL = "https://approve123.execute-api.us-east-1.amazonaws.com/v1/"
ANN, BOB = "arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:user/bob"
Asked = list[tuple[str, Any]]


@pytest.fixture
def two_people(flights: boto3.Session, deploy_stack: Any) -> boto3.Session:
    """The project, with the stack that two people's approval needs."""
    sqs = flights.client("sqs")
    flights.client("dynamodb").create_table(
        TableName="flights-approvals",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    outputs = {
        "RetrainQueueUrl": sqs.get_queue_url(QueueName="flights-retrain")["QueueUrl"],
        "TableName": "flights-retraining",
        "ApprovalsApiUrl": URL,
        "ApprovalsTable": "flights-approvals",
        "PeopleToApprove": "2",
    }
    deploy_stack("flights", "retraining", outputs)
    return flights


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """What the API was asked; it answers that one more person has to approve."""
    calls: Asked = []

    def ask(_: object, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        calls.append((url, json.loads(body)))
        told = {"version": 1, "status": "PendingManualApproval", "approvers": [ANN], "needed": 1}
        return Answer(202, {}, json.dumps(told).encode())

    monkeypatch.setattr(predictions, "ask", ask)
    return calls


def answers_with(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> None:
    monkeypatch.setattr(predictions, "ask", lambda *_: Answer(status, {}, body))


def approval(aws: boto3.Session, arn: str) -> str:
    return aws.client("sagemaker").describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"]


def recorded(aws: boto3.Session, version: int, *names: str) -> None:
    approvers = [{"M": {"who": {"S": name}, "at": {"N": "1"}}} for name in names]
    aws.client("dynamodb").put_item(
        TableName="flights-approvals",
        Item={"id": {"S": f"version#{version}"}, "lock": {"N": "1"}, "approvers": {"L": approvers}},
    )


def test_the_first_of_two_hears_that_another_is_needed(
    sageloop: Any, two_people: boto3.Session, register: Any, asked: Asked
) -> None:
    arn = register()
    result = sageloop("approve")
    assert result.exit_code == 0
    assert "Version 1 of flights needs the approval of 1 more person" in result.stdout
    assert asked == [(f"{URL}versions/1", {"decision": "approve"})]
    assert approval(two_people, arn) == "PendingManualApproval"
    assert json.loads(sageloop("approve", "--json").stdout) == {
        "version": 1,
        "arn": arn,
        "serves": False,
        "approvers": [ANN],
        "needed": 1,
    }


def test_the_second_waits_until_it_serves(
    sageloop: Any, two_people: boto3.Session, register: Any, serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = register()
    serving(arn, "UPDATE_COMPLETE")
    told = {"version": 1, "status": "Approved", "approvers": [ANN, BOB], "needed": 0}
    answers_with(monkeypatch, 200, json.dumps(told).encode())
    assert "Version 1 of flights serves" in sageloop("approve").stdout


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (403, b'{"Message": "not authorized"}', "The API of approvals refused version 1: not authorized."),
        (503, b'{"message": "try again"}', "The API of approvals refused version 1: try again."),
        (502, b"<html>", "The API of approvals answered 502, and not as it should."),
        (200, b"[]", "The API of approvals answered 200, and not as it should."),
    ],
)
def test_a_refusal_is_a_sentence(
    sageloop: Any,
    two_people: boto3.Session,
    register: Any,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: bytes,
    sentence: str,
) -> None:
    register()
    answers_with(monkeypatch, status, body)
    result = sageloop("approve")
    assert (result.exit_code, result.stderr.strip()) == (1, sentence)


def test_a_rollback_goes_to_what_two_have_approved(
    sageloop: Any, two_people: boto3.Session, register: Any, serving: Any
) -> None:
    first, second, third = register("Approved"), register("Approved"), register("Approved")
    recorded(two_people, 1, ANN, BOB)
    recorded(two_people, 2, ANN)
    serving(third, "UPDATE_COMPLETE")
    result = sageloop("rollback", "2", "--no-wait")
    assert result.exit_code == 1
    assert "Version 2 of flights was never approved by two people" in " ".join(result.stderr.split())
    assert json.loads(sageloop("rollback", "--no-wait", "--json").stdout)["version"] == 1
    assert [approval(two_people, arn) for arn in (first, second, third)] == [
        "Approved",
        "Rejected",
        "Rejected",
    ]
