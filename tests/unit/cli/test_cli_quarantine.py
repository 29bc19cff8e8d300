"""Data that were refused: they are listed with the reason, and released at most once."""

import json
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from cli import quarantined
from retrain.messages import Request, parse

REASON = "temp looks like another unit: 32 % of its values are outside, größer als je"


@pytest.fixture
def apart(flights: boto3.Session) -> boto3.Session:
    """A file in quarantine, as retraining puts it there."""
    flights.client("s3").put_bucket_versioning(
        Bucket="flights-incoming", VersioningConfiguration={"Status": "Enabled"}
    )
    flights.client("s3").put_object(
        Bucket="flights-incoming",
        Key="quarantine/2013-08.csv",
        Body=b"temp\n40\n",
        ContentType="text/csv",
        Metadata={"reason": quote(REASON), "execution": "arn:aws:x:pipeline/p/execution/k2x9", "etag": "e"},
    )
    return flights


def keys(aws: boto3.Session) -> list[str]:
    listed = aws.client("s3").list_objects_v2(Bucket="flights-incoming")
    return [each["Key"] for each in listed.get("Contents", [])]


def admitted(aws: boto3.Session) -> list[str]:
    item = aws.client("dynamodb").get_item(
        TableName="flights-retraining", Key={"pipeline": {"S": "flights-admitted"}}
    )["Item"]
    return [each["S"] for each in item["etags"]["L"]]


def test_what_is_apart_is_listed_with_the_reason(sageloop: Any, apart: boto3.Session) -> None:
    (found,) = json.loads(sageloop("quarantine", "--json").stdout)
    assert (found["key"], found["reason"], found["execution"]) == ("2013-08.csv", REASON, "k2x9")
    said = " ".join(sageloop("quarantine").stdout.split())
    for words in ("2013-08.csv", "k2x9", "temp looks like another unit"):
        assert words in said
    assert "1 object was refused: see `sageloop quarantine`" in sageloop("status").stdout


def test_nothing_is_apart(sageloop: Any, flights: boto3.Session) -> None:
    assert "Nothing of flights is in quarantine." in sageloop("quarantine").stdout
    assert "refused" not in sageloop("status").stdout


@pytest.mark.parametrize(
    "name",
    [
        "2013-08.csv",
        "data/2013-08.csv",
        "quarantine/2013-08.csv",
        "s3://flights-incoming/quarantine/2013-08.csv",
    ],
)
def test_a_release_puts_it_back_admits_it_and_has_it_looked_at(
    sageloop: Any, apart: boto3.Session, name: str
) -> None:
    result = sageloop("quarantine", "-p", "flights", "release", name, "--json")
    assert json.loads(result.stdout) == {
        "key": "2013-08.csv",
        "uri": "s3://flights-incoming/data/2013-08.csv",
    }
    assert keys(apart) == ["data/2013-08.csv"]
    back = apart.client("s3").get_object(Bucket="flights-incoming", Key="data/2013-08.csv")
    assert (back["Body"].read(), back["ContentType"]) == (b"temp\n40\n", "text/csv")
    assert back["ETag"].strip('"') in admitted(apart)
    sqs = apart.client("sqs")
    url = sqs.get_queue_url(QueueName="flights-retrain")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    asked = parse(message["Body"])
    assert isinstance(asked, Request)
    assert asked.kind == "replay"


def test_newer_data_of_that_name_are_not_replaced(sageloop: Any, apart: boto3.Session) -> None:
    apart.client("s3").put_object(Bucket="flights-incoming", Key="data/2013-08.csv", Body=b"corrected")
    result = sageloop("quarantine", "release", "2013-08.csv")
    assert result.exit_code == 1
    assert "There is another data/2013-08.csv by now" in result.stderr
    assert keys(apart) == ["data/2013-08.csv", "quarantine/2013-08.csv"]
    back = apart.client("s3").get_object(Bucket="flights-incoming", Key="data/2013-08.csv")
    assert back["Body"].read() == b"corrected"


@pytest.mark.parametrize("operation", ["CopyObject", "SendMessageBatch", "DeleteObject"])
def test_a_release_that_broke_off_is_finished_by_the_next(
    sageloop: Any, apart: boto3.Session, answers: Any, operation: str
) -> None:
    from botocore.exceptions import ClientError

    def fail(_: object) -> None:
        raise ClientError({"Error": {"Code": "InternalError", "Message": "again"}}, operation)

    answers[operation] = fail
    assert sageloop("quarantine", "release", "2013-08.csv").exit_code == 1
    assert "quarantine/2013-08.csv" in keys(apart)
    del answers[operation]
    assert sageloop("quarantine", "release", "2013-08.csv").exit_code == 0
    assert keys(apart) == ["data/2013-08.csv"]


def test_what_is_not_there_is_a_sentence(sageloop: Any, apart: boto3.Session) -> None:
    result = sageloop("quarantine", "release", "nothing.csv")
    assert (result.exit_code, "nothing.csv is not in quarantine" in result.stderr) == (1, True)


def test_as_many_as_fit_are_admitted_and_each_once(
    sageloop: Any, apart: boto3.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quarantined, "MOST_ADMITTED", 3)
    s3 = apart.client("s3")
    etags = []
    for number in range(5):
        put = s3.put_object(
            Bucket="flights-incoming", Key=f"quarantine/{number}.csv", Body=f"{number}".encode()
        )
        etags.append(put["ETag"].strip('"'))
        assert sageloop("quarantine", "release", f"{number}.csv").exit_code == 0
    assert admitted(apart) == etags[-3:]


def test_two_at_once_lose_none(sageloop: Any, apart: boto3.Session, answers: Any) -> None:
    dynamodb = apart.client("dynamodb")
    dynamodb.put_item(
        TableName="flights-retraining",
        Item={"pipeline": {"S": "flights-admitted"}, "etags": {"L": [{"S": "first"}]}},
    )
    raced: list[bool] = []

    def race(request: dict[str, Any]) -> Any:
        del answers["UpdateItem"]
        if not raced:
            raced.append(True)
            other = {"L": [{"S": "first"}, {"S": "meanwhile"}]}
            dynamodb.put_item(
                TableName="flights-retraining", Item={"pipeline": {"S": "flights-admitted"}, "etags": other}
            )
        return dynamodb.update_item(**request)

    answers["UpdateItem"] = race
    assert sageloop("quarantine", "release", "2013-08.csv").exit_code == 0
    assert admitted(apart)[:2] == ["first", "meanwhile"]
    assert len(admitted(apart)) == 3
