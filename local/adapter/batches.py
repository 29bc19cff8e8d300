"""Batches of a queue's messages for a function, as large as the event source mapping asks for.

SQS gives ten messages a call; Lambda calls again until the batch is full or its payload would be too large.
docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
"""

from collections.abc import Callable
from typing import Any

_AT_ONCE = 10
_MESSAGE = 256 * 1024
# Of the 6 MB of a synchronous call, what is left when ten of the largest messages still come.
_PAYLOAD = 6 * 1024 * 1024 - _AT_ONCE * _MESSAGE

Receive = Callable[[str, int], list[dict[str, Any]]]


def gathering(receive: Receive) -> Receive:
    """The same, with more than ten messages where so many are asked for and wait."""

    def gather(queue_url: str, most: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        size = 0
        while len(found) < most and size <= _PAYLOAD:
            asked = min(_AT_ONCE, most - len(found))
            more = receive(queue_url, asked)
            found += more
            size += sum(len(message["body"].encode()) for message in more)
            if len(more) < asked:
                break
        return found

    return gather
