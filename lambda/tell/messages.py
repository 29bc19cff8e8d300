"""What arrives on the queue: events to tell people of, notices for the chats, and a clock that ticks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

# What the functions of the project say, beside the events of SageMaker.
DRIFT, QUALITY, SILENT, CLEAR = "Drift Found", "Quality Below", "Traffic Silent", "Monitoring Clear"
SKIPPED, QUARANTINED = "Retrain Skipped", "Data Quarantined"
INCOMPLETE = "Approval Incomplete"
OURS = (SKIPPED, QUARANTINED, DRIFT, QUALITY, SILENT, CLEAR, INCOMPLETE)
# https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
PACKAGE = "SageMaker Model Package State Change"
EXECUTION = "SageMaker Model Building Pipeline Execution Status Change"


class MalformedMessage(ValueError):
    """The body of a message is not one that this function knows."""


@dataclass(frozen=True)
class Event:
    """Something that people may have to know: its detail-type, and what it says."""

    kind: str
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Notice:
    """What the topic has published, for the chats; the same one delivered twice has the same id."""

    id: str
    subject: str
    text: str


@dataclass(frozen=True)
class Tick:
    """Time has passed: what still waits for a person may be worth a reminder."""


Message = Event | Notice | Tick


def parse(body: str) -> Message:
    """Read the body of one SQS message; raises MalformedMessage."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(f"the body is not JSON: {error}") from error
    match event:
        case {"source": "sageloop", "detail-type": str(kind), "detail": {**detail}} if kind in OURS:
            return Event(kind, cast(Mapping[str, Any], detail))
        case {"source": "aws.sagemaker", "detail-type": str(kind), "detail": {**detail}} if kind in (
            PACKAGE,
            EXECUTION,
        ):
            return Event(kind, cast(Mapping[str, Any], detail))
        case {"source": "aws.events", "detail-type": "Scheduled Event"}:
            return Tick()
        # https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
        case {"Type": "Notification", "MessageId": str(id_), "Message": str(text), **more}:
            return _notice(id_, str(more.get("Subject") or ""), text)
        case {"source": source, "detail-type": kind}:
            raise MalformedMessage(f"no rule sends events of source {source!r} and detail-type {kind!r} here")
        case _:
            raise MalformedMessage("the body is neither an event of EventBridge nor a notification of SNS")


def _notice(id_: str, subject: str, text: str) -> Notice:
    """A notification in words: what CloudWatch publishes of an alarm is JSON.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
    """
    try:
        alarm = json.loads(text)
    except (ValueError, RecursionError):
        return Notice(id_, subject, text)
    match alarm:
        case {"AlarmName": str(name), "NewStateValue": str(state), **more}:
            said = (more.get("AlarmDescription"), more.get("NewStateReason"))
            lines = [str(line) for line in said if line]
            return Notice(id_, subject or f"{state}: {name}", "\n\n".join(lines))
        case _:
            return Notice(id_, subject, text)
