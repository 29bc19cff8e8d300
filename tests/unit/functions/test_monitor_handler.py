"""The function as a whole on moto's AWS; what moto lacks of SageMaker and CloudFormation is answered here."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import awsclients
from monitor import handler, storage
from monitor.calls import Calls, Counts
from monitor.figures import Figures
from monitor.model import Model, Service
from monitor.news import News, NotTold
from monitor.rules import Rules
from monitor.state import Last, Running, State
from monitor.storage import Places, Storage
from monitor.table import Conflict, Table

PIPELINE = "arn:aws:sagemaker:us-east-1:000000000000:pipeline/flights-monitoring"
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/flights/3"
DEPLOYED = datetime(2026, 1, 1, tzinfo=UTC)
RULES = {
    "every": 3_600,
    "quiet": 30,
    "drift": {
        "declared": True,
        "psi": 0.1,
        "alpha": 0.001,
        "rows": 500,
        "features": ["distance"],
        "retrain": True,
    },
    "quality": {
        "metric": "auc",
        "bound": 0.7,
        "higher": True,
        "rows": 300,
        "confidence": 0.95,
        "labels_within": 86_400,
        "retrain": False,
    },
}
PLACES = Places("captured", "traffic/flights/", "incoming", "artifacts")
CONTEXT: Any = SimpleNamespace(
    function_name="flights-monitor",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:flights-monitor",
    aws_request_id="1",
)


class Sagemaker:
    """The registry and the pipeline."""

    def __init__(self) -> None:
        self.started: list[dict[str, Any]] = []
        self.refuses: str | None = None
        self.baselines: dict[str, Any] = {
            "ModelDataQuality": {
                "Statistics": {"S3Uri": "s3://artifacts/e/prepare/baseline/statistics.json"}
            },
            "ModelQuality": {"Statistics": {"S3Uri": "s3://artifacts/e/evaluate/evaluation/metrics.json"}},
        }

    def describe_model_package(self, ModelPackageName: str) -> dict[str, Any]:
        assert ModelPackageName == PACKAGE
        return {"DriftCheckBaselines": self.baselines} if self.baselines else {}

    def start_pipeline_execution(self, **request: Any) -> dict[str, str]:
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses}}, "StartPipelineExecution")
        if request not in self.started:
            self.started.append(request)
        return {"PipelineExecutionArn": f"{PIPELINE}/execution/{len(self.started)}"}

    def describe_pipeline_execution(self, PipelineExecutionArn: str) -> dict[str, str]:
        return {"PipelineExecutionStatus": "Executing"}


class Cloudformation:
    """The serving stack."""

    def __init__(self, package: str = PACKAGE, status: str = "UPDATE_COMPLETE") -> None:
        self.package, self.status = package, status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        assert StackName == "flights-serving"
        parameters = [{"ParameterKey": "ModelPackageArn", "ParameterValue": self.package}]
        return {"Stacks": [{"StackStatus": self.status, "Parameters": parameters}]}

    def describe_stack_resources(self, StackName: str) -> dict[str, Any]:
        resources = [
            ("AWS::SageMaker::Endpoint", DEPLOYED),
            ("AWS::IAM::Role", datetime(2027, 1, 1, tzinfo=UTC)),
        ]
        return {"StackResources": [{"ResourceType": kind, "Timestamp": at} for kind, at in resources]}


@pytest.fixture
def sagemaker() -> Sagemaker:
    return Sagemaker()


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, sagemaker: Sagemaker) -> Iterator[None]:
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
        for bucket in ("captured", "incoming", "artifacts"):
            boto3.client("s3").create_bucket(Bucket=bucket)
        queues = {
            name: boto3.client("sqs").create_queue(QueueName=name)["QueueUrl"]
            for name in ("flights-monitor", "flights-monitor-dead-letters")
        }
        for name, value in {
            "PROJECT": "flights",
            "PIPELINE_NAME": "flights-monitoring",
            "STACK_NAME": "flights-serving",
            "ENDPOINT_NAME": "flights",
            "VARIANT": "primary",
            "TABLE_NAME": "flights-retraining",
            "QUEUE_URL": queues["flights-monitor"],
            "DEAD_LETTER_URL": queues["flights-monitor-dead-letters"],
            "CAPTURED_BUCKET": "captured",
            "CAPTURED_PREFIX": "traffic/flights/",
            "INCOMING_BUCKET": "incoming",
            "ARTIFACTS_BUCKET": "artifacts",
            "RULES": json.dumps(RULES),
        }.items():
            monkeypatch.setenv(name, value)
        stubs = {"sagemaker": sagemaker, "cloudformation": Cloudformation()}
        monkeypatch.setattr(awsclients, "client", lambda name: stubs.get(name) or boto3.client(name))
        for cached in (handler._watcher, handler._dead_letters):
            cached.cache_clear()
        yield
        for cached in (handler._watcher, handler._dead_letters):
            cached.cache_clear()


def put(bucket: str, key: str, body: bytes = b"{}") -> None:
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=body)


def wake(*bodies: Any) -> list[str]:
    """Run the function; the ids of the messages that it hands back."""
    records = [
        {"messageId": f"{number}", "body": body if isinstance(body, str) else json.dumps(body)}
        for number, body in enumerate(bodies)
    ]
    answer = handler.handle({"Records": records}, CONTEXT)
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


TICK = {"source": "aws.events", "detail-type": "Scheduled Event", "id": "1", "detail": {}}
WISH = {"source": "sageloop", "detail-type": "Look Requested", "id": "1", "detail": {"who": "arn"}}


def table() -> Table:
    return Table(boto3.client("dynamodb"), "flights-retraining", "flights-monitoring")


def storage_of() -> Storage:
    return Storage(boto3.client("s3"), PLACES, "primary")


def objects(bucket: str) -> dict[str, Any]:
    s3 = boto3.client("s3")
    return {
        each["Key"]: json.loads(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
        for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    }


def captured_at(moment: datetime, name: str = "x") -> str:
    return f"traffic/flights/primary/{moment:%Y/%m/%d/%H}/{name}.jsonl"


def test_the_schedule_starts_a_look(sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.decision.SETTLED", -5)
    key = captured_at(datetime.now(UTC))
    put("captured", key)
    put("captured", key.replace("primary", "shadow"))
    put("incoming", "labels/november.csv")
    assert wake(TICK) == []
    (request,) = sagemaker.started
    window = request["PipelineParameters"][0]["Value"].rpartition("/")[2]
    assert request["PipelineName"] == "flights-monitoring"
    assert request["PipelineParameters"] == [
        {"Name": "Window", "Value": f"s3://artifacts/monitoring/{window}"},
        {"Name": "Baseline", "Value": "s3://artifacts/e/prepare/baseline/"},
        {"Name": "Quality", "Value": "s3://artifacts/e/evaluate/evaluation/"},
    ]
    written = objects("artifacts")
    folder = f"monitoring/{window}"
    assert written[f"{folder}/traffic.manifest"] == [
        {"prefix": "s3://captured/traffic/flights/"},
        key.removeprefix("traffic/flights/"),
    ]
    assert written[f"{folder}/labels.manifest"] == [{"prefix": "s3://incoming/labels/"}, "november.csv"]
    nothing = [{"prefix": f"s3://artifacts/{folder}/"}, "nothing.json"]
    assert written[f"{folder}/earlier.manifest"] == nothing
    assert f"{folder}/nothing.json" in written
    told = written[f"{folder}/window.json"]
    assert (told["version"], told["deployed_at"]) == (3, "2026-01-01T00:00:00Z")
    assert set(told["labels"]) == {"november.csv"}
    running = table().load().running
    assert running is not None
    assert running.arn == f"{PIPELINE}/execution/1"
    # It is under way: nothing else starts.
    assert wake(TICK, WISH) == []
    assert len(sagemaker.started) == 1


def test_a_quota_makes_a_look_wait_and_hands_nothing_back(
    sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.decision.SETTLED", -5)
    put("captured", captured_at(datetime.now(UTC)))
    sagemaker.refuses = "ResourceLimitExceeded"
    assert wake(TICK) == []
    state = table().load()
    assert state.running is not None
    assert (state.running.arn, state.look_at > 0) == (None, True)
    sagemaker.refuses = None
    assert wake(TICK) == []
    assert [request["ClientRequestToken"] for request in sagemaker.started] == [state.running.token]


@pytest.mark.parametrize("refusal", ["AccessDeniedException", "ValidationException"])
def test_what_does_not_pass_is_handed_back(
    sagemaker: Sagemaker, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    monkeypatch.setattr("monitor.decision.SETTLED", -5)
    put("captured", captured_at(datetime.now(UTC)))
    sagemaker.refuses = refusal
    assert wake(TICK, "no event") == ["0"]


def test_malformed_messages_are_dead_letters_at_once_with_the_reason() -> None:
    assert wake("no event", {"source": "aws.s3", "detail-type": "Object Created"}) == []
    letters = boto3.client("sqs").receive_message(
        QueueUrl=boto3.client("sqs").get_queue_url(QueueName="flights-monitor-dead-letters")["QueueUrl"],
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
    )["Messages"]
    reasons = {each["Body"]: each["MessageAttributes"]["REASON"]["StringValue"] for each in letters}
    assert len(reasons) == 2
    assert reasons["no event"].startswith("the body is not JSON")


def test_a_malformed_message_that_cannot_be_buried_is_handed_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEAD_LETTER_URL", "https://sqs.us-east-1.amazonaws.com/000000000000/gone")
    assert wake("no event", WISH) == ["0"]
    assert table().load().asked == ("1",) or table().load().answered == ("1",)


def test_the_state_comes_back_as_it_was_written() -> None:
    state = State(
        covered_until=5,
        looked_until=7,
        labels_at=9,
        labels_seen=8,
        asked=("a",),
        asked_at=10,
        answered=("b", "c"),
        unjudged=("20261101T130000Z",),
        look_at=11,
        running=Running("t" * 64, "w", 12, "s3://a/w", "s3://b/", "s3://q/", "arn"),
        last=Last("v", 3, drifted=True, reason="temp ü"),
    )
    written = table().save(state)
    assert written.version == 1
    assert table().load() == written
    with pytest.raises(Conflict):
        table().save(state)


def test_files_belong_to_the_look_in_whose_time_they_were_written() -> None:
    hour = datetime(2026, 11, 1, 12, tzinfo=UTC)
    put("captured", captured_at(hour, "old"))
    put("captured", captured_at(datetime.now(UTC), "new"))
    now = int(datetime.now(UTC).timestamp())
    listed = storage_of().captured(now - 100, now + 100)
    # One that came weeks after its hour is given up, or every look would list all hours there are.
    assert [file.name.rpartition("/")[2] for file in listed.files] == ["new.jsonl"]
    assert listed.until == now + 100
    assert storage_of().captured(now + 50, now + 100).files == ()
    assert storage_of().captured(now - 100, now - 50).files == ()


def test_more_files_than_one_look_lists_are_left_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MOST_PAGES", 1)
    for hour in range(3):
        put("captured", f"traffic/flights/primary/2026/11/01/{hour:02}/x.jsonl")
    truncated = {
        "Contents": [
            {
                "Key": f"traffic/flights/primary/2026/11/01/{hour:02}/x.jsonl",
                "LastModified": datetime(2026, 11, 1, hour, 30, tzinfo=UTC),
                "Size": 7,
            }
            for hour in range(3)
        ],
        "IsTruncated": True,
    }
    pages = SimpleNamespace(paginate=lambda **_: [truncated, {"Contents": [{"Key": "never read"}]}])
    client: Any = SimpleNamespace(get_paginator=lambda _: pages)
    start = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp())
    listed = Storage(client, PLACES, "primary").captured(start, start + 86_400)
    assert listed.until == start + 2 * 3_600
    assert [file.hour for file in listed.files] == [f"primary/2026/11/01/{hour:02}" for hour in range(2)]


def test_earlier_looks_are_those_that_were_judged() -> None:
    for window in ("20261001T000000Z", "20261030T000000Z", "20261031T000000Z", "20261101T000000Z"):
        put("artifacts", f"monitoring/{window}/window.json")
        put("artifacts", f"monitoring/{window}/report/findings.json")
        put("artifacts", f"monitoring/{window}/report/predictions.parquet")

    def epoch(day: int, month: int) -> int:
        return int(datetime(2026, month, day, tzinfo=UTC).timestamp())

    names = storage_of().earlier(epoch(15, 10), epoch(20, 10), epoch(31, 10), ["20261030T000000Z"])
    assert names == [
        "20261030T000000Z/report/findings.json",
        "20261031T000000Z/report/findings.json",
        "20261031T000000Z/report/predictions.parquet",
    ]


def test_findings_that_are_not_there_are_none() -> None:
    assert storage_of().findings("20261101T000000Z") is None
    storage_of().write_findings("20261101T000000Z", {"format": 1})
    assert json.loads(storage_of().findings("20261101T000000Z") or b"") == {"format": 1}


def test_the_model_in_service_is_the_stacks(sagemaker: Sagemaker) -> None:
    def model(**stack: str) -> Model | None:
        cloudformation: Any = Cloudformation(**stack)
        registry: Any = sagemaker
        return Service(cloudformation, registry, "flights-serving").model()

    assert model() == Model(
        PACKAGE,
        3,
        int(DEPLOYED.timestamp()),
        "s3://artifacts/e/prepare/baseline/",
        "s3://artifacts/e/evaluate/evaluation/",
    )
    assert model(package="") is None
    assert model(status="UPDATE_IN_PROGRESS") is None
    sagemaker.baselines = {}
    assert model() is None


def test_calls_are_those_that_cloudwatch_has_counted() -> None:
    cloudwatch = boto3.client("cloudwatch")
    now = int(datetime.now(UTC).timestamp())
    for variant, value in (("primary", 3.0), ("shadow", 90.0)):
        cloudwatch.put_metric_data(
            Namespace="AWS/SageMaker",
            MetricData=[
                {
                    "MetricName": name,
                    "Dimensions": [
                        {"Name": "EndpointName", "Value": "flights"},
                        {"Name": "VariantName", "Value": variant},
                    ],
                    "Value": value,
                    "Timestamp": datetime.fromtimestamp(now - 300, UTC),
                }
                for name in ("Invocations", "Invocation4XXErrors")
            ],
        )
    assert Calls(cloudwatch, "flights", "primary").between(now - 600, now) == Counts(3, 3, 0)


def test_figures_have_the_projects_dimension() -> None:
    cloudwatch = boto3.client("cloudwatch")
    Figures(cloudwatch, "flights").put({"Drifted": 1.0, "LargestPsi": 0.3})
    found = cloudwatch.list_metrics(Namespace="Sageloop")["Metrics"]
    assert {(each["MetricName"], each["Dimensions"][0]["Value"]) for each in found} == {
        ("Drifted", "flights"),
        ("LargestPsi", "flights"),
    }


def test_an_event_that_the_bus_refuses_is_not_told() -> None:
    bus: Any = SimpleNamespace(
        put_events=lambda Entries: {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "full"}]}
    )
    with pytest.raises(NotTold, match="full"):
        News(bus, "flights").tell("Drift Found", {})


def test_the_rules_are_what_the_stack_wrote() -> None:
    rules = Rules.read(json.dumps(RULES))
    assert rules.rhythm.every == 3_600
    assert rules.drift.features == ("distance",)
    assert rules.retrains("drift")
    assert not rules.retrains("quality")
    assert Rules.read(json.dumps({**RULES, "quality": None})).document()["metric"] is None
