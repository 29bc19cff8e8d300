"""A model that fails is taken back: people and programs are told, and the command shows it."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cli import endpoint, projects
from cli.endpoint import Rollout
from examples.flights.demo.traffic import Api, SteadyTraffic
from tests.loop.deployed import Deployed, until
from tests.loop.test_loop import IMAGES, REGISTRY, REPOSITORY

URI = f"{REGISTRY}/{REPOSITORY}:told"


class Listener:
    """A queue that hears the project's topic, and the project's events about models on the bus."""

    def __init__(self, deployed: Deployed) -> None:
        self._sqs, self._sns = deployed.client("sqs"), deployed.client("sns")
        self._events = deployed.client("events")
        self._url = self._sqs.create_queue(QueueName="heard")["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = found["Attributes"]["QueueArn"]
        anybody = {
            "Effect": "Allow",
            "Principal": {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": policy})
        self._subscription = self._sns.subscribe(
            TopicArn=deployed.outputs("observability")["TopicArn"],
            Protocol="sqs",
            Endpoint=arn,
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        pattern = {"source": ["sageloop"], "detail-type": [{"prefix": "Model "}]}
        self._events.put_rule(Name="heard", EventPattern=json.dumps(pattern))
        self._events.put_targets(Rule="heard", Targets=[{"Id": "queue", "Arn": arn}])
        self.messages: list[dict[str, Any]] = []

    def heard(self, member: str, value: str) -> dict[str, Any] | None:
        """The message or event with this member, if it has come."""
        received = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        self.messages += [json.loads(each["Body"]) for each in received.get("Messages", [])]
        return next((each for each in self.messages if each.get(member) == value), None)

    def close(self) -> None:
        """Leave nothing behind."""
        self._sns.unsubscribe(SubscriptionArn=self._subscription)
        self._events.remove_targets(Rule="heard", Ids=["queue"])
        self._events.delete_rule(Name="heard")
        self._sqs.delete_queue(QueueUrl=self._url)


@pytest.fixture
def listener(deployed: Deployed) -> Iterator[Listener]:
    made = Listener(deployed)
    yield made
    made.close()


def test_a_rollback_is_told(
    served: str,
    deployed: Deployed,
    api: Api,
    rows: list[str],
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in deployed.environment.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    aws = boto3.Session(region_name=deployed.environment["AWS_DEFAULT_REGION"])
    project = projects.find(aws, "flights")

    # As the command looks, without its start: a rollout that fails takes a second here.
    def under_way() -> Rollout | None:
        found = endpoint.describe(aws, project)
        return found.rollout if found else None

    deployed.docker("build", "--tag", URI, "--platform", "linux/amd64", str(IMAGES / "fails"))
    deployed.docker("push", URI)
    serving = deployed.sageloop_json("status")["endpoint"]["version"]
    package = deployed.package(like=served, image=URI)
    version = int(package.rpartition("/")[2])
    with SteadyTraffic(api, rows, per_second=20):
        deployed.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        rollout = until("the rollout", under_way)
        until("the rejection", lambda: deployed.approval(package)[0] == "Rejected")
    until("the rollback's end", lambda: not deployed.stack("serving")["StackStatus"].endswith("PROGRESS"))

    assert (rollout.version, rollout.guards[:1]) == (version, ["flights-5xx"])
    event = until("the event", lambda: listener.heard("detail-type", "Model Rolled Back"))
    detail = event["detail"]
    assert (event["source"], detail["project"]) == ("sageloop", "flights")
    assert (detail["version"], detail["serving"]["version"]) == (version, serving)
    assert [alarm["name"] for alarm in detail["alarms"]] == ["flights-5xx"]
    subject = f"flights: version {version} was rolled back"
    message = until("the message", lambda: listener.heard("Subject", subject))
    assert f"Now in service: version {serving}." in message["Message"]
    assert "too many of its calls failed with a 5xx" in message["Message"]

    found = deployed.sageloop_json("status")
    assert found["rollback"]["version"] == version
    assert "flights-5xx" in found["rollback"]["reason"]
    assert (found["endpoint"]["version"], found["endpoint"]["asked"]) == (serving, serving)
    assert f"version {version}: " in deployed.sageloop("status")
    assert not listener.heard("detail-type", "Model Not In Service")


def test_the_api_is_described_by_the_model_and_refuses_as_it_says(
    served: str, deployed: Deployed, api: Api, rows: list[str]
) -> None:
    document = deployed.sageloop_json("api")
    described = document["paths"]["/predict"]["post"]
    assert document["servers"][0]["url"] in deployed.outputs("serving")["ApiUrl"]
    assert api.predict(rows[0]).model == document["info"]["version"], "the model that answers"
    example = described["requestBody"]["content"]["text/csv"]["examples"]["header"]["value"]
    assert api.predict(example).status == 200
    header, values = rows[0].splitlines()
    wrong = values.split(",")
    wrong[header.split(",").index("distance")] = "far"
    for body, status, code in (
        (f"{header}\n{','.join(wrong)}\n", 400, "BadValue"),
        ("x" * (11 << 20), 413, "TooLarge"),
    ):
        answer = api.predict(body)
        refusal = json.loads(answer.body)
        assert (answer.status, refusal["code"]) == (status, code)
        assert refusal["request_id"]
        assert str(status) in described["responses"]
    assert json.loads(api.predict(f"{header}\n{','.join(wrong)}\n").body)["column"] == "distance"
    unread = deployed.sageloop_fails("invoke", "-", "--content-type", "image/png", typed=rows[0])
    assert "answered 415: the Content-Type is 'image/png'; send text/csv" in unread
