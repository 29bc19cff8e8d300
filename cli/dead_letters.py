"""The messages that nobody could take, and the queues that they came from.

SQS itself can move only what it has put there: not the events that EventBridge could not deliver.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cli.messages import MOST_AT_ONCE

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sqs.type_defs import MessageTypeDef

# How long a message that stays is out of others' sight while the rest is read.
HIDDEN_SECONDS = 600
# Long polling asks all of SQS's servers, so that an empty answer means an empty queue.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html
POLL_SECONDS = 2
# What our functions write beside a message that none of them can read.
REASON = "REASON"
# What EventBridge writes: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
TARGET, ERROR = "TARGET_ARN", "ERROR_MESSAGE"

# As the JSON protocol and the one before name it.
GONE = ("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")

Fate = Literal["sent back", "kept", "dropped"]


@dataclass(frozen=True)
class Letter:
    """A dead letter: the event in it, the queue that it was for (empty if unknown), and what became of it.

    `reason` is why it is here.
    """

    id: str
    event: str
    queue: str
    reason: str
    fate: Fate


def redrive(session: "boto3.Session", url: str, *, drop: bool, dry_run: bool) -> Iterator[Letter]:
    """Send each dead letter back to its queue, but for the malformed, which `drop` deletes.

    It is sent before it is deleted: what ends in between makes two of it, which does no harm.
    """
    sqs = session.client("sqs")
    queues = Queues(session)
    kept: list[str] = []
    seen: set[str] = set()
    try:
        while batch := [one for one in _receive(session, url) if one["MessageId"] not in seen]:
            for message in batch:
                seen.add(message["MessageId"])
                letter, target = _judge(message, queues, drop=drop)
                if letter.fate == "kept" or dry_run:
                    kept.append(message["ReceiptHandle"])
                else:
                    if target:
                        sqs.send_message(QueueUrl=target, MessageBody=message["Body"])
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield letter
    finally:
        _show_again(session, url, kept)


class Queues:
    """The addresses of queues by their ARNs, each asked for once."""

    def __init__(self, session: "boto3.Session") -> None:
        self._sqs = session.client("sqs")
        self._known: dict[str, str | None] = {}

    def url(self, arn: str) -> str | None:
        """The address of a queue; None when it is gone, or the ARN is that of something else."""
        if arn not in self._known:
            self._known[arn] = self._ask(arn)
        return self._known[arn]

    def _ask(self, arn: str) -> str | None:
        parts = arn.split(":")
        if len(parts) != 6 or parts[2] != "sqs":
            return None
        try:
            return self._sqs.get_queue_url(QueueName=parts[5], QueueOwnerAWSAccountId=parts[4])["QueueUrl"]
        except self._sqs.exceptions.ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return None
            raise


def _receive(session: "boto3.Session", url: str) -> Sequence["MessageTypeDef"]:
    return (
        session.client("sqs")
        .receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=MOST_AT_ONCE,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=POLL_SECONDS,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        .get("Messages", [])
    )


def _judge(message: "MessageTypeDef", queues: Queues, *, drop: bool) -> tuple[Letter, str | None]:
    """What is to become of a message, and where to send it."""
    written = {
        name: each.get("StringValue", "") for name, each in message.get("MessageAttributes", {}).items()
    }
    source = message.get("Attributes", {}).get("DeadLetterQueueSourceArn", "")
    arn = source or written.get(TARGET, "")
    name = arn.rpartition(":")[2]
    event = _event(message["Body"])
    id_ = message["MessageId"]
    if REASON in written:
        return Letter(id_, event, name, f"malformed: {written[REASON]}", "dropped" if drop else "kept"), None
    reason = "its function failed with it" if source else written.get(ERROR, "")
    url = queues.url(arn)
    if url is None:
        unknown = f"{arn} is no queue that is there" if arn else "nothing says which queue it was for"
        return Letter(id_, event, name, "; ".join(filter(None, [reason, unknown])), "kept"), None
    return Letter(id_, event, name, reason, "sent back"), url


def _event(body: str) -> str:
    """What kind of event a message holds."""
    try:
        match json.loads(body):
            case {"source": str(source), "detail-type": str(kind)}:
                return f"{source} {kind}"
    except (ValueError, RecursionError):
        return "no JSON"
    return "no event"


def _show_again(session: "boto3.Session", url: str, receipts: Sequence[str]) -> None:
    """Let others see at once what has stayed."""
    for begin in range(0, len(receipts), MOST_AT_ONCE):
        session.client("sqs").change_message_visibility_batch(
            QueueUrl=url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[begin : begin + MOST_AT_ONCE])
            ],
        )
