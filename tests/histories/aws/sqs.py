"""SQS's standard queues in memory: delays, visibility, and the dead letters of what fails too often."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.histories.aws.points import Refused

LONGEST_DELAY = 900


@dataclass
class Message:
    """One message; `visible_at` is an epoch second, `receives` how often it was handed out."""

    id: str
    body: str
    visible_at: float
    attributes: Mapping[str, Any] = field(default_factory=dict)
    receives: int = 0


@dataclass
class Queue:
    """A queue, in the order in which messages came; `dead` holds what `most` receives did not get handled."""

    name: str
    url: str
    visibility: int
    most: int | None = None
    dead: str | None = None
    messages: list[Message] = field(default_factory=list)


class SQS:
    """Queues by their names."""

    def __init__(self, queues: Sequence[Queue], clock: Callable[[], float]) -> None:
        self.queues = {queue.name: queue for queue in queues}
        self._clock = clock
        self._sent = 0

    def send_message(
        self,
        *,
        QueueUrl: str,
        MessageBody: str,
        DelaySeconds: int = 0,
        MessageAttributes: Mapping[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """Put a message into the queue.

        https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
        """
        if not 0 <= DelaySeconds <= LONGEST_DELAY:
            raise Refused("InvalidParameterValue", f"Value {DelaySeconds} for parameter DelaySeconds")
        message = self.put(self._at(QueueUrl).name, MessageBody, DelaySeconds, MessageAttributes)
        return {"MessageId": message.id, "MD5OfMessageBody": "0" * 32}

    def send_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Put several; each has an answer of its own."""
        if not 1 <= len(Entries) <= 10:
            raise Refused("AWS.SimpleQueueService.TooManyEntriesInBatchRequest", f"{len(Entries)} entries")
        done = []
        for entry in Entries:
            sent = {name: value for name, value in entry.items() if name != "Id"}
            done.append({"Id": entry["Id"], **self.send_message(QueueUrl=QueueUrl, **sent)})
        return {"Successful": done, "Failed": []}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str] = ()) -> dict[str, Any]:
        """How many messages there are."""
        queue, now = self._at(QueueUrl), self._clock()
        waiting = sum(message.visible_at <= now for message in queue.messages)
        counted = {
            "ApproximateNumberOfMessages": waiting,
            "ApproximateNumberOfMessagesDelayed": len(queue.messages) - waiting,
        }
        return {"Attributes": {name: str(value) for name, value in counted.items()}}

    def put(
        self, queue: str, body: str, delay: float = 0, attributes: Mapping[str, Any] | None = None
    ) -> Message:
        """Put a message into a queue, as EventBridge does, too."""
        self._sent += 1
        message = Message(f"message-{self._sent}", body, self._clock() + delay, dict(attributes or {}))
        self.queues[queue].messages.append(message)
        return message

    def take(self, name: str, most: int) -> list[Message]:
        """Hand out up to so many visible messages; who was handed out too often is a dead letter instead."""
        queue, now = self.queues[name], self._clock()
        taken: list[Message] = []
        for message in [found for found in queue.messages if found.visible_at <= now]:
            if len(taken) == most:
                break
            if queue.most is not None and message.receives >= queue.most:
                queue.messages.remove(message)
                if queue.dead:
                    self.queues[queue.dead].messages.append(message)
                continue
            message.receives += 1
            message.visible_at = now + queue.visibility
            taken.append(message)
        return taken

    def remove(self, name: str, messages: Sequence[Message]) -> None:
        """Delete what was handled."""
        done = {id(message) for message in messages}
        queue = self.queues[name]
        queue.messages = [message for message in queue.messages if id(message) not in done]

    def bodies(self, name: str) -> list[dict[str, Any]]:
        """What a queue holds, for those who look at a history from outside."""
        return [json.loads(message.body) for message in self.queues[name].messages]

    def _at(self, url: str) -> Queue:
        for queue in self.queues.values():
            if queue.url == url:
                return queue
        raise Refused("AWS.SimpleQueueService.NonExistentQueue", f"The queue {url} does not exist.")
