"""Another look at data: which objects, how often, and what the command promises."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli import messages
from cli.commands import replay
from retrain.messages import Request, parse

ARTIFACTS = "flights-artifacts"


def put(aws: boto3.Session, *keys: str) -> list[dict[str, Any]]:
    s3 = aws.client("s3")
    for key in keys:
        s3.put_object(Bucket="flights-incoming", Key=key, Body=key.encode())
    listed = s3.list_objects_v2(Bucket="flights-incoming", Prefix="data/").get("Contents", [])
    return [
        {
            "key": each["Key"],
            "etag": each["ETag"].strip('"'),
            "size": each["Size"],
            "modified": each["LastModified"].isoformat(),
        }
        for each in listed
    ]


def read_by_the_last_run(aws: boto3.Session, objects: list[dict[str, Any]]) -> None:
    aws.client("s3").create_bucket(Bucket=ARTIFACTS)
    snapshot = {"format": 1, "bucket": "flights-incoming", "objects": objects, "admitted": []}
    aws.client("s3").put_object(
        Bucket=ARTIFACTS, Key="inputs/0a1b/snapshot.json", Body=json.dumps(snapshot).encode()
    )
    aws.client("dynamodb").put_item(
        TableName="flights-retraining",
        Item={
            "pipeline": {"S": "flights-training"},
            "inputs": {"S": f"s3://{ARTIFACTS}/inputs/0a1b/data.manifest"},
        },
    )


def requests(aws: boto3.Session) -> list[Request]:
    sqs = aws.client("sqs")
    url = sqs.get_queue_url(QueueName="flights-retrain")["QueueUrl"]
    found = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found += [parse(message["Body"]) for message in batch]
    assert all(isinstance(request, Request) for request in found)
    return [request for request in found if isinstance(request, Request)]


def test_every_object_is_asked_for_as_often_as_the_command_is_given_under_one_name(
    sageloop: Any, flights: boto3.Session
) -> None:
    keys = [f"data/{number:02}.csv" for number in range(23)]
    put(flights, *keys, "data/folder/", "labels/a.csv")
    result = sageloop("replay", "--since", "1 h", "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["objects"], found["new"], found["forced"]) == (23, None, False)
    assert sageloop("replay", "--since", "1 h").exit_code == 0
    asked = requests(flights)
    assert len(asked) == 46
    assert len({request.id for request in asked}) == 23
    assert {request.kind for request in asked} == {"replay"}


def test_it_says_what_will_come_of_it(sageloop: Any, flights: boto3.Session) -> None:
    objects = put(flights, "data/a.csv", "data/b.csv")
    read_by_the_last_run(flights, objects)
    said = sageloop("replay", "--since", "1 h").stdout
    assert "the last run has read them all, so none will start" in " ".join(said.split())
    flights.client("s3").put_object(Bucket="flights-incoming", Key="data/b.csv", Body=b"other")
    said = sageloop("replay", "--since", "1 h").stdout
    assert "1 of them were in no run yet" in " ".join(said.split())


def test_force_asks_for_a_run_by_hand(sageloop: Any, flights: boto3.Session) -> None:
    put(flights, "data/a.csv")
    assert "training is requested" in sageloop("replay", "--since", "1 h", "--force").stdout
    kinds = sorted(request.kind for request in requests(flights))
    assert kinds == ["manual", "replay"]


def test_what_is_older_is_left_alone(sageloop: Any, flights: boto3.Session) -> None:
    put(flights, "data/a.csv")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "No object below" in sageloop("replay", "--since", tomorrow).stdout
    assert requests(flights) == []


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "5 fortnights", "", "999999999 days"])
def test_what_is_no_time_is_a_wrong_call(sageloop: Any, text: str) -> None:
    result = sageloop("replay", "--since", text)
    assert result.exit_code == 2
    assert "2026-11-01" in result.output


def test_times_are_on_the_users_clock_unless_they_name_a_zone() -> None:
    now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
    assert replay._moment("2 h", now) == now - timedelta(hours=2)
    assert replay._moment("2026-11-01T08:30+02:00", now) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    assert replay._moment("2026-11-01", now) == datetime(2026, 11, 1).astimezone()


@given(count=st.integers(0, 57), flaky=st.sets(st.integers(0, 56)))
def test_messages_that_the_queue_refuses_are_sent_again(count: int, flaky: set[int]) -> None:
    taken: list[str] = []
    refused = set(flaky)

    class Session:
        def client(self, _: str) -> "Session":
            return self

        def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
            assert 1 <= len(Entries) <= 10
            failed = []
            for entry in Entries:
                if int(entry["MessageBody"]) in refused:
                    refused.discard(int(entry["MessageBody"]))
                    failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
                else:
                    taken.append(entry["MessageBody"])
            return {"Failed": failed}

    session: Any = Session()
    assert messages.send(session, "url", map(str, range(count))) == count
    assert sorted(map(int, taken)) == list(range(count))


def test_a_queue_that_refuses_for_good_is_a_sentence(
    sageloop: Any, flights: boto3.Session, answers: Any
) -> None:
    put(flights, "data/a.csv", "data/b.csv")
    answers["SendMessageBatch"] = lambda request: {
        "Failed": [
            {"Id": entry["Id"], "Code": "KmsDisabled", "Message": "the key is disabled", "SenderFault": True}
            for entry in request["Entries"]
        ]
    }
    result = sageloop("replay", "--since", "1 h")
    assert result.exit_code == 1
    assert "The queue took only 0 messages (the key is disabled)" in result.stderr
