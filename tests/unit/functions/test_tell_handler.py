"""What arrives on the queue of tell, and what becomes of a batch of it."""

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

import awsclients
from tell import handler, messages
from tell.messages import Event, MalformedMessage, Notice, Tick, parse


def body(**event: Any) -> str:
    return json.dumps(event)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            body(source="sageloop", **{"detail-type": "Drift Found"}, detail={"a": 1}),
            Event("Drift Found", {"a": 1}),
        ),
        (
            body(source="aws.sagemaker", **{"detail-type": messages.PACKAGE}, detail={}),
            Event(messages.PACKAGE, {}),
        ),
        (body(source="aws.events", **{"detail-type": "Scheduled Event"}), Tick()),
        (body(Type="Notification", MessageId="1", Subject="s", Message="text"), Notice("1", "s", "text")),
        (body(Type="Notification", MessageId="1", Message="[1, 2]"), Notice("1", "", "[1, 2]")),
        (
            body(
                Type="Notification",
                MessageId="1",
                Message=body(
                    AlarmName="flights-5xx",
                    AlarmDescription="More than 1% of the calls failed",
                    NewStateValue="ALARM",
                    NewStateReason="Threshold crossed",
                ),
            ),
            Notice("1", "ALARM: flights-5xx", "More than 1% of the calls failed\n\nThreshold crossed"),
        ),
    ],
)
def test_what_arrives(text: str, found: Event | Notice | Tick) -> None:
    assert parse(text) == found


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_anything_else_is_malformed(value: Any) -> None:
    for text in (json.dumps(value), str(value)):
        with pytest.raises(MalformedMessage):
            parse(text)


def test_events_that_no_rule_sends_are_malformed() -> None:
    with pytest.raises(MalformedMessage, match="no rule sends"):
        parse(body(source="sageloop", **{"detail-type": "Retrain Started"}, detail={}))


class Clients:
    """What the handler gets of AWS: a queue for the malformed, and a topic."""

    def __init__(self) -> None:
        self.buried: list[Mapping[str, Any]] = []
        self.published: list[Mapping[str, Any]] = []
        self.items: dict[str, Any] = {}
        self.refuse = ""

    def client(self, _: str) -> "Clients":
        return self

    def send_message(self, **request: Any) -> None:
        if self.refuse == "sqs":
            raise ClientError({"Error": {"Code": "Throttling"}}, "Call")
        self.buried.append(request)

    def publish(self, **request: Any) -> None:
        if self.refuse == "sns":
            raise ClientError({"Error": {"Code": "Throttling"}}, "Call")
        self.published.append(request)

    def get_item(self, *, Key: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        found = self.items.get(Key["id"]["S"])
        return {"Item": found} if found else {}

    def put_item(self, *, Item: Mapping[str, Any], **_: Any) -> None:
        self.items[Item["id"]["S"]] = Item

    def list_model_packages(self, **_: Any) -> dict[str, Any]:
        return {"ModelPackageSummaryList": []}


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Clients:
    made = Clients()
    monkeypatch.setattr(awsclients, "client", made.client)
    for name, value in {
        "PROJECT": "flights",
        "PEOPLE": "1",
        "SERVES": "yes",
        "RETRAINS": "drift",
        "WEBHOOKS": "",
        "MODEL_PACKAGE_GROUP": "flights",
        "TABLE_NAME": "flights-news",
        "TOPIC_ARN": "topic",
        "ARTIFACTS_BUCKET": "artifacts",
        "DEAD_LETTER_URL": "dead",
    }.items():
        monkeypatch.setenv(name, value)
    for cached in (handler._news, handler._dead_letters):
        cached.cache_clear()
    return made


def handled(*bodies: str) -> list[str]:
    records = [{"messageId": str(number), "body": text} for number, text in enumerate(bodies)]
    context: Any = SimpleNamespace(
        function_name="f", memory_limit_in_mb=256, invoked_function_arn="arn", aws_request_id="1"
    )
    answer = handler.handle({"Records": records}, context)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def drift(day: int) -> str:
    detail = {"project": "flights", "window": f"202611{day:02}T000000Z", "version": 3, "reason": "r"}
    return body(source="sageloop", **{"detail-type": "Drift Found"}, detail=detail)


def test_each_message_of_a_batch_stands_for_itself(clients: Clients) -> None:
    assert handled("nonsense", drift(1), drift(2)) == []
    assert [each["MessageBody"] for each in clients.buried] == ["nonsense"]
    assert "REASON" in clients.buried[0]["MessageAttributes"]
    assert len(clients.published) == 1


def test_what_could_not_be_told_or_buried_comes_again(clients: Clients) -> None:
    clients.refuse = "sns"
    assert handled(drift(1)) == ["0"]
    clients.refuse = "sqs"
    assert handled("nonsense", drift(1)) == ["0"]
    assert len(clients.published) == 1


def test_what_was_told_is_told_again_when_its_time_is_over(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert handled(drift(1)) == []
    assert handled(drift(1)) == []
    for item in clients.items.values():
        item["expires"]["N"] = "1"
    assert handled(drift(1)) == []
    assert len(clients.published) == 2
