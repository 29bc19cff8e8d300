"""Dead letters: each goes back to where it was for, or stays with a reason."""

import json
from typing import Any

import boto3
import pytest

from cli import dead_letters

EVENT = json.dumps({"source": "aws.s3", "detail-type": "Object Created", "detail": {}})
RETRAIN = "arn:aws:sqs:us-east-1:123456789012:flights-retrain"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "POLL_SECONDS", 0)


def url(aws: boto3.Session, name: str) -> str:
    return aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"]


def die(aws: boto3.Session, body: str = EVENT, **attributes: str) -> None:
    aws.client("sqs").send_message(
        QueueUrl=url(aws, "flights-dead-letters"),
        MessageBody=body,
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        },
    )


def bodies(aws: boto3.Session, name: str) -> list[str]:
    sqs = aws.client("sqs")
    found = []
    while batch := sqs.receive_message(QueueUrl=url(aws, name), MaxNumberOfMessages=10).get("Messages", []):
        found += [message["Body"] for message in batch]
    return found


@pytest.fixture
def from_sqs(flights: boto3.Session, answers: Any) -> None:
    """SQS says which queue it has moved a message from, which moto does not."""
    from botocore.client import BaseClient

    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    received = answers

    def receive(request: dict[str, Any]) -> Any:
        del received["ReceiveMessage"]
        client = flights.client("sqs")
        try:
            answer = original(client, "ReceiveMessage", request)
        finally:
            received["ReceiveMessage"] = receive
        for message in answer.get("Messages", []):
            if not message.get("MessageAttributes"):
                message.setdefault("Attributes", {})["DeadLetterQueueSourceArn"] = RETRAIN
        return answer

    answers["ReceiveMessage"] = receive


def test_no_dead_letters(sageloop: Any, flights: boto3.Session) -> None:
    assert "flights has no dead letters." in sageloop("redrive").stdout


def test_what_a_function_failed_with_goes_back_to_its_queue(
    sageloop: Any, flights: boto3.Session, from_sqs: None, answers: Any
) -> None:
    sent = [json.dumps({"source": "aws.s3", "detail-type": "Object Created", "n": n}) for n in range(23)]
    for body in sent:
        die(flights, body)
    result = sageloop("redrive", "--json")
    assert result.exit_code == 0
    assert {each["fate"] for each in json.loads(result.stdout)} == {"sent back"}
    del answers["ReceiveMessage"]
    assert sorted(bodies(flights, "flights-retrain")) == sorted(sent)
    assert bodies(flights, "flights-dead-letters") == []


def test_what_eventbridge_could_not_deliver_goes_to_its_target(sageloop: Any, flights: boto3.Session) -> None:
    die(flights, TARGET_ARN=RETRAIN, ERROR_MESSAGE="no permission")
    said = sageloop("redrive").stdout
    for words in ("sent back", "flights-retrain", "aws.s3 Object Created", "no permission"):
        assert words in said
    assert bodies(flights, "flights-retrain") == [EVENT]


def test_malformed_ones_stay_until_they_are_dropped(sageloop: Any, flights: boto3.Session) -> None:
    die(flights, "nonsense", REASON="the body is not JSON")
    die(flights, TARGET_ARN=RETRAIN)
    said = sageloop("redrive").stdout
    for words in ("kept", "malformed: the body is not JSON", "sageloop redrive --drop"):
        assert words in said
    assert bodies(flights, "flights-retrain") == [EVENT]
    found = json.loads(sageloop("redrive", "--drop", "--json").stdout)
    assert [each["fate"] for each in found] == ["dropped"]
    assert bodies(flights, "flights-dead-letters") == []


def test_what_has_no_queue_stays_with_the_reason(sageloop: Any, flights: boto3.Session) -> None:
    die(flights)
    die(flights, TARGET_ARN="arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights-batch")
    die(flights, TARGET_ARN="arn:aws:sqs:us-east-1:123456789012:flights-gone", ERROR_MESSAGE="gone")
    said = " ".join(sageloop("redrive").stdout.split())
    assert "nothing says which queue it was for" in said
    assert "pipeline/flights-batch is no queue that is there" in said
    assert "gone; arn:aws:sqs:us-east-1:123456789012:flights-gone is no queue that is there" in said
    assert len(bodies(flights, "flights-dead-letters")) == 3


def test_a_dry_run_moves_nothing(sageloop: Any, flights: boto3.Session) -> None:
    die(flights, TARGET_ARN=RETRAIN)
    die(flights, "nonsense", REASON="the body is not JSON")
    for _ in range(2):  # what was shown can be seen again at once
        result = sageloop("redrive", "--dry-run", "--drop")
        assert "Nothing was moved" in result.stdout
        assert "sent back" in result.stdout
        assert "dropped" in result.stdout
    assert bodies(flights, "flights-retrain") == []
    assert len(bodies(flights, "flights-dead-letters")) == 2


def test_a_message_is_not_lost_when_its_queue_refuses_it(
    sageloop: Any, flights: boto3.Session, answers: Any
) -> None:
    from botocore.exceptions import ClientError

    die(flights, TARGET_ARN=RETRAIN)

    def refuse(_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "SendMessage")

    answers["SendMessage"] = refuse
    result = sageloop("redrive")
    assert (result.exit_code, "does not allow you SendMessage" in result.stderr) == (1, True)
    del answers["SendMessage"]
    sqs = flights.client("sqs")
    counts = sqs.get_queue_attributes(
        QueueUrl=url(flights, "flights-dead-letters"),
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    assert sum(int(count) for count in counts.values()) == 1
