"""Messages into the queues of a project."""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
MOST_AT_ONCE = 10
ATTEMPTS = 3


@dataclass(frozen=True)
class Request:
    """A person's request to train."""

    id: str
    body: str


def retrain_request(reason: str, who: str) -> Request:
    """The message that asks for an execution; `who` is an ARN."""
    id_ = str(uuid.uuid4())
    detail = {"reason": reason, "who": who}
    body = {"source": "sageloop", "detail-type": "Retrain Requested", "id": id_, "detail": detail}
    return Request(id_, json.dumps(body))


def object_replayed(key: str, etag: str, size: int) -> str:
    """The message that asks for another look at an object."""
    detail = {"key": key, "etag": etag, "size": size}
    return json.dumps({"source": "sageloop", "detail-type": "Object Replayed", "detail": detail})


def send(session: "boto3.Session", url: str, bodies: Iterable[str]) -> int:
    """Send messages to a queue, and tell how many; raises CommandError when it does not take them."""
    sqs = session.client("sqs")
    sent = 0
    for batch in _batches(bodies):
        waiting = {str(number): body for number, body in enumerate(batch)}
        why = ""
        for _ in range(ATTEMPTS):
            answer = sqs.send_message_batch(
                QueueUrl=url,
                Entries=[{"Id": id_, "MessageBody": body} for id_, body in waiting.items()],
            )
            refused = {one["Id"]: one.get("Message", one["Code"]) for one in answer.get("Failed", [])}
            waiting = {id_: waiting[id_] for id_ in refused}
            if not waiting:
                break
            why = next(iter(refused.values()))
        sent += len(batch) - len(waiting)
        if waiting:
            raise CommandError(
                f"The queue took only {sent} messages ({why}): give the command again, what comes twice does "
                "no harm."
            )
    return sent


def _batches(bodies: Iterable[str]) -> Iterator[list[str]]:
    left = iter(bodies)
    while batch := list(islice(left, MOST_AT_ONCE)):
        yield batch
