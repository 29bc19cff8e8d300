"""The function as a whole: AWS as moto has it, but SageMaker, of which a few answers are enough."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

import awsclients
from retrain import handler, reconcile
from retrain.faults import Busy
from retrain.news import News
from retrain.queues import DeadLetters, Queue
from retrain.table import Table

ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/flights-training/execution/abc"
CONTEXT: Any = SimpleNamespace(
    function_name="flights-retrain",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:flights-retrain",
    aws_request_id="1",
)
CREATED = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "incoming"}, "object": {"key": "data/a.csv", "sequencer": "1"}},
}


class SageMaker:
    """As far as one execution needs it; `refusal` is what every call raises."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.status = "Executing"
        self.refusal: Exception | None = None

    def list_model_packages(self, **_request: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": []}

    def list_pipeline_executions(self, **_request: Any) -> dict[str, Any]:
        if self.refusal:
            raise self.refusal
        return {"PipelineExecutionSummaries": []}

    def describe_pipeline(self, **_request: Any) -> dict[str, Any]:
        return {"PipelineDefinition": "{}"}

    def start_pipeline_execution(self, **request: Any) -> dict[str, Any]:
        self.started.append(request)
        return {"PipelineExecutionArn": ARN}

    def describe_pipeline_execution(self, **_request: Any) -> dict[str, Any]:
        return {"PipelineExecutionStatus": self.status}


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[SageMaker]:
    """SageMaker, with all else that the function needs around it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(reconcile, "pause", lambda _seconds: None)
    made = SageMaker()
    real = awsclients.client
    monkeypatch.setattr(awsclients, "client", lambda name: made if name == "sagemaker" else real(name))
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="flights-retraining",
            KeySchema=[{"AttributeName": "pipeline", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pipeline", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for bucket in ("incoming", "artifacts"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        environment = {
            "PROJECT": "flights",
            "PIPELINE_NAME": "flights-training",
            "MODEL_PACKAGE_GROUP": "flights",
            "TABLE_NAME": "flights-retraining",
            "QUEUE_URL": queue_url("flights-retrain"),
            "DEAD_LETTER_URL": queue_url("flights-dead-letters"),
            "INCOMING_BUCKET": "incoming",
            "ARTIFACTS_BUCKET": "artifacts",
            "PACE": json.dumps({"quiet": 0, "cooldowns": {"data": 0, "drift": 60}, "on_new_data": True}),
            "LEAST": json.dumps({"bytes": None, "rows": None, "files": None, "or_after": None}),
        }
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget()
        yield made
        forget()


def forget() -> None:
    handler._reconciler.cache_clear()
    handler._dead_letters.cache_clear()


def queue_url(name: str) -> str:
    return boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]


def dead_letters() -> list[Any]:
    found = boto3.client("sqs").receive_message(
        QueueUrl=queue_url("flights-dead-letters"), MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return list(found.get("Messages", []))


def handle(*bodies: object) -> list[str]:
    """Invoke the function with these bodies; the numbers of those that are handed back."""
    records = [
        {"messageId": str(number), "body": body if isinstance(body, str) else json.dumps(body)}
        for number, body in enumerate(bodies)
    ]
    answer = handler.handle({"Records": records}, CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def state() -> Any:
    return Table(boto3.client("dynamodb"), "flights-retraining", "flights-training").load()


def test_a_batch_starts_one_execution_with_a_list_of_the_data(sagemaker: SageMaker) -> None:
    boto3.client("s3").put_object(Bucket="incoming", Key="data/a.csv", Body=b"1")
    assert handle(CREATED, CREATED) == []
    (started,) = sagemaker.started
    given = {each["Name"]: each["Value"] for each in started["PipelineParameters"]}
    assert given.keys() == {"InputDataUri", "InputDataType", "SnapshotUri", "Cause"}
    assert given["InputDataUri"] == state().inputs
    key = given["SnapshotUri"].removeprefix("s3://artifacts/")
    snapshot = json.loads(boto3.client("s3").get_object(Bucket="artifacts", Key=key)["Body"].read())
    assert [each["key"] for each in snapshot["objects"]] == ["data/a.csv"]
    assert state().requested == 1


def test_what_is_malformed_is_buried_at_once_and_the_rest_is_handled(sagemaker: SageMaker) -> None:
    boto3.client("s3").put_object(Bucket="incoming", Key="data/a.csv", Body=b"1")
    assert handle(CREATED, "garbage", {"source": "aws.s3", "detail-type": "Object Deleted"}) == []
    assert len(sagemaker.started) == 1
    letters = {each["Body"]: each["MessageAttributes"]["REASON"]["StringValue"] for each in dead_letters()}
    assert len(letters) == 2
    assert "not JSON" in letters["garbage"]


def test_what_cannot_be_buried_is_handed_back(sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("sqs").delete_queue(QueueUrl=queue_url("flights-dead-letters"))
    assert handle("garbage", {"source": "sageloop", "detail-type": "Sweep"}) == ["0"]


@pytest.mark.parametrize("reason", ["", "\ud800\x00\n", "ü" * 1000])
def test_any_reason_can_be_written_beside_a_letter(sagemaker: SageMaker, reason: str) -> None:
    letters = DeadLetters(boto3.client("sqs"), queue_url("flights-dead-letters"))
    assert letters.bury("garbage", f"because {reason}")
    (letter,) = dead_letters()
    assert letter["MessageAttributes"]["REASON"]["StringValue"].startswith("because ")


def test_events_that_could_not_be_counted_come_again(
    sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        error = {"Error": {"Code": "ThrottlingException", "Message": "slow"}}
        raise ClientError(error, "GetItem")  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Table, "load", refuse)
        assert handle(CREATED, "garbage", CREATED) == ["0", "2"]
    assert len(dead_letters()) == 1
    assert handle(CREATED) == []
    assert state().requested == 1


def test_an_answer_that_does_not_come_is_waited_for(sagemaker: SageMaker) -> None:
    sagemaker.refusal = ReadTimeoutError(endpoint_url="https://sagemaker")
    assert handle(CREATED) == []
    assert "Read timeout" in state().waits
    assert state().look_at
    attributes = boto3.client("sqs").get_queue_attributes(
        QueueUrl=queue_url("flights-retrain"), AttributeNames=["All"]
    )["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_what_an_execution_refused_is_put_apart(sagemaker: SageMaker) -> None:
    s3 = boto3.client("s3")
    etag = s3.put_object(Bucket="incoming", Key="data/a.csv", Body=b"1")["ETag"].strip('"')
    handle(CREATED)
    rejected = [{"key": "data/a.csv", "etag": etag, "reason": "no header"}]
    s3.put_object(
        Bucket="artifacts",
        Key="executions/abc/prepare/intake/intake.json",
        Body=json.dumps({"rejected": rejected}),
    )
    sagemaker.status = "Failed"
    handle({"source": "sageloop", "detail-type": "Sweep"})
    (left,) = s3.list_objects_v2(Bucket="incoming")["Contents"]
    assert left["Key"] == "quarantine/a.csv"
    assert state().running is None


def test_a_sweep_tells_how_long_is_waited(sagemaker: SageMaker) -> None:
    handle({"source": "sageloop", "detail-type": "Sweep"})
    (metric,) = boto3.client("cloudwatch").list_metrics(Namespace="Sageloop")["Metrics"]
    assert metric["MetricName"] == "PendingSeconds"
    assert metric["Dimensions"] == [{"Name": "Project", "Value": "flights"}]


def test_without_a_bucket_every_request_trains_on_what_the_pipeline_knows(
    sagemaker: SageMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INCOMING_BUCKET", "")
    monkeypatch.setenv("ARTIFACTS_BUCKET", "")
    for number in range(2):
        handle({"source": "aws.events", "detail-type": "Scheduled Event", "id": str(number)})
        sagemaker.status = "Succeeded"
    assert [started["PipelineParameters"] for started in sagemaker.started] == [[], []]


def test_a_look_is_a_delayed_message(sagemaker: SageMaker) -> None:
    url = queue_url("flights-retrain")
    Queue(boto3.client("sqs"), url).send(at=1_000_900, delay=900)
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def test_an_event_that_is_not_taken_is_told_again(sagemaker: SageMaker) -> None:
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttling", "ErrorMessage": "slow"}]}
    events: Any = SimpleNamespace(put_events=lambda **_: refused)
    news = News("flights", events=events, cloudwatch=boto3.client("cloudwatch"))
    with pytest.raises(Busy, match="slow"):
        news.skipped(state(), "nothing is new")
