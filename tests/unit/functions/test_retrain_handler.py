"""The function as a whole, with DynamoDB and SQS as moto has them and SageMaker's answers stubbed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from retrain import handler
from retrain.decision import Pace
from retrain.executions import Busy, Executions
from retrain.reconcile import Queue, Reconciler
from retrain.state import Running, State
from retrain.table import Conflict, Table

ARN = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/flights-training/execution/abc"
CONTEXT: Any = SimpleNamespace(
    function_name="flights-retrain",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:flights-retrain",
    aws_request_id="1",
)


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="flights-retraining",
            KeySchema=[{"AttributeName": "pipeline", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pipeline", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield


def table() -> Table:
    return Table(boto3.client("dynamodb"), "flights-retraining", "flights-training")


def queue_url() -> str:
    return boto3.client("sqs").create_queue(QueueName="flights-retrain")["QueueUrl"]


def test_the_state_comes_back_as_it_was_written() -> None:
    state = State(
        requested=3,
        covered=2,
        waiting_since=5,
        last_request_at=7,
        urgent=True,
        reasons=("s3://b/ü",),
        seen=("a", "b"),
        running=Running("t" * 64, None, "why"),
    )
    written = table().save(state)
    assert written.version == 1
    assert table().load() == written


def test_the_second_of_two_writers_is_refused() -> None:
    read = table().load()
    table().save(read)
    with pytest.raises(Conflict):
        table().save(read)
    assert table().load().version == 1


def test_a_look_is_a_delayed_message() -> None:
    url = queue_url()
    Queue(boto3.client("sqs"), url).send(at=1_000_900, delay=900)
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


def sagemaker() -> tuple[Any, Stubber]:
    client = boto3.client("sagemaker")
    return client, Stubber(client)


def package(version: int) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/{version}"
    common = {"ModelPackageArn": arn, "CreationTime": datetime.now(UTC), "ModelPackageStatus": "Completed"}
    return common | {"ModelPackageGroupName": "flights", "ModelPackageVersion": version}


def test_the_champion_is_the_newest_approved_package() -> None:
    client, stub = sagemaker()
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
    }
    stub.add_response("describe_model_package", described, {"ModelPackageName": described["ModelPackageArn"]})
    with stub:
        assert Executions(client, "flights-training", "flights").champion() == "s3://a/model.tar.gz"


@pytest.mark.parametrize(
    ("champion", "parameters"),
    [(None, []), ("s3://a/m", [{"Name": "ChampionModelUri", "Value": "s3://a/m"}])],
)
def test_a_start_says_all_that_was_settled_in_the_intent(champion: str | None, parameters: list[Any]) -> None:
    client, stub = sagemaker()
    expected = {
        "PipelineName": "flights-training",
        "ClientRequestToken": "t" * 64,
        "PipelineExecutionDescription": "why",
        "PipelineParameters": parameters,
    }
    stub.add_response("start_pipeline_execution", {"PipelineExecutionArn": ARN}, expected)
    with stub:
        running = Running("t" * 64, champion, "why")
        assert Executions(client, "flights-training", "flights").start(running) == ARN


def test_quota_and_throttling_are_waited_for_and_other_errors_are_not() -> None:
    client, stub = sagemaker()
    executions = Executions(client, "flights-training", "flights")
    for code, status in (("ResourceLimitExceeded", 400), ("ThrottlingException", 400), ("Internal", 500)):
        stub.add_client_error("start_pipeline_execution", code, "wait", status)
    stub.add_client_error("start_pipeline_execution", "AccessDeniedException", "no", 400)
    stub.add_client_error("describe_pipeline_execution", "ResourceNotFound", "gone", 400)
    with stub:
        for _ in range(3):
            with pytest.raises(Busy):
                executions.start(Running("t" * 64, None, "why"))
        with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
            executions.start(Running("t" * 64, None, "why"))
        assert executions.status(ARN) == "Gone"


@dataclass
class Started:
    """SageMaker, as far as one execution needs it."""

    tokens: list[str] = field(default_factory=list)

    def champion(self) -> str | None:
        return None

    def start(self, running: Running) -> str:
        self.tokens.append(running.token)
        return ARN

    def status(self, arn: str) -> Any:
        return "Executing"


def test_a_batch_starts_one_execution_and_hands_the_malformed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    started = Started()
    looks = Queue(boto3.client("sqs"), queue_url())
    reconciler = Reconciler("flights-training", Pace(0, 0), table=table(), executions=started, looks=looks)
    monkeypatch.setattr(handler, "_reconciler", lambda: reconciler)
    event = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "detail": {"bucket": {"name": "incoming"}, "object": {"key": "data/a.csv", "sequencer": "1"}},
    }
    bodies = [json.dumps(event), "garbage", json.dumps(event)]
    records = [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
    answer = handler.handle({"Records": records}, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert len(started.tokens) == 1
    assert table().load().requested == 1
    assert handler.handle({"Records": records[1:2]}, CONTEXT) == answer


def test_the_function_is_wired_from_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {
        "PIPELINE_NAME": "flights-training",
        "MODEL_PACKAGE_GROUP": "flights",
        "TABLE_NAME": "flights-retraining",
        "QUEUE_URL": queue_url(),
        "QUIET_SECONDS": "300.0",
        "COOLDOWN_SECONDS": "0",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    handler._reconciler.cache_clear()
    event = {"source": "aws.events", "detail-type": "Scheduled Event", "id": "1"}
    handler.handle({"Records": [{"messageId": "m", "body": json.dumps(event)}]}, CONTEXT)
    handler._reconciler.cache_clear()
    state = table().load()
    assert (state.requested, state.covered, state.look_at - state.last_request_at) == (1, 0, 300)
