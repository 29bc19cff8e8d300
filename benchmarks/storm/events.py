"""The bodies of real events, caught on their way, and sent again: twice, in any order, and late.

Nobody but AWS may put events of S3's, so that EventBridge's second delivery is played by sending the same
body to the same queue.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

from benchmarks.storm.deployed import Platform, queue_arn

BATCH = 10


class Tap:
    """A second target for the events of objects whose key begins with `prefix`: a queue that we read."""

    def __init__(self, platform: Platform, prefix: str) -> None:
        self._platform = platform
        self._rule = f"tap-{prefix.strip('/').replace('/', '-')}"
        arn = queue_arn(self._rule)
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        created = platform.sqs.create_queue(QueueName=self._rule, Attributes={"Policy": policy})
        self._url = created["QueueUrl"]
        detail = {"bucket": {"name": [platform.incoming]}, "object": {"key": [{"prefix": prefix}]}}
        pattern = {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}
        platform.events.put_rule(Name=self._rule, EventPattern=json.dumps(pattern))
        platform.events.put_targets(Rule=self._rule, Targets=[{"Id": "tap", "Arn": arn}])

    def take(self) -> list[str]:
        """Some of the bodies that came; none if there are none."""
        answer = self._platform.sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=BATCH)
        messages = answer.get("Messages", [])
        if messages:
            self._platform.sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": f"{number}", "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )
        return [message["Body"] for message in messages]


class Repeater(threading.Thread):
    """Sends every body of the tap once more, shuffled among those of about a second; keeps some for later."""

    def __init__(self, platform: Platform, tap: Tap, *, count: int, late: int, dice: Random) -> None:
        super().__init__(name="repeater", daemon=True)
        self._platform, self._tap, self._count, self._dice = platform, tap, count, dice
        self._late = late
        self.sent = 0
        self.late: list[str] = []
        self.strange: list[str] = []

    def run(self) -> None:
        """Until all of them came."""
        seen = 0
        held: list[str] = []
        deadline = time.monotonic() + 300
        while seen < self._count and time.monotonic() < deadline:
            bodies = self._tap.take()
            seen += len(bodies)
            self.strange += [body for body in bodies if not like_eventbridge(body)]
            held += bodies
            if not bodies:
                time.sleep(0.05)
            if len(held) >= 100 or seen >= self._count:
                self._dice.shuffle(held)
                if len(self.late) < self._late:
                    self.late += held[: self._late // 4]
                self.sent += send(self._platform, held)
                held = []
        self.sent += send(self._platform, held)


def send(platform: Platform, bodies: Sequence[str]) -> int:
    """Put bodies into the function's queue, ten a call; how many."""
    for first in range(0, len(bodies), BATCH):
        entries: list[Any] = [
            {"Id": f"{number}", "MessageBody": body}
            for number, body in enumerate(bodies[first : first + BATCH])
        ]
        platform.sqs.send_message_batch(QueueUrl=platform.queue, Entries=entries)
    return len(bodies)


def send_by_many(platform: Platform, body: str, *, times: int, threads: int) -> None:
    """Send one body so often, from so many threads at once."""
    begin = threading.Barrier(threads)

    def one(share: int) -> None:
        begin.wait()
        for _ in range(share):
            platform.sqs.send_message(QueueUrl=platform.queue, MessageBody=body)

    shares = [times // threads + (number < times % threads) for number in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, shares))


def like_eventbridge(body: str) -> bool:
    """Whether a body has the form in which EventBridge sends S3's events.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    match json.loads(body):
        case {
            "version": "0",
            "id": str(),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "account": str(),
            "time": str(),
            "region": str(),
            "resources": [str()],
            "detail": {
                "bucket": {"name": str()},
                "object": {"key": str(), "size": int(), "etag": str(), "sequencer": str()},
                "reason": str(),
            },
        }:
            return True
        case _:
            return False
