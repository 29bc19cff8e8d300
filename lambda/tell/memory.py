"""What people have been told already, so that they are told once: an item for each thing, for 90 days.

It is written after the message was sent: a crash in between repeats a message and never swallows one.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
EXPIRES = "expires"
KEPT_SECONDS = 90 * 86_400


class Memory:
    """The table of one project."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def value(self, id_: str) -> str | None:
        """What is remembered under this name; None when nothing is."""
        answer = self._dynamodb.get_item(TableName=self._table, Key={"id": {"S": id_}}, ConsistentRead=True)
        item = answer.get("Item")
        # DynamoDB deletes what has expired some time later.
        if item is None or int(item[EXPIRES]["N"]) <= self._clock():
            return None
        return item["told"]["S"]

    def remember(self, id_: str, told: str = "") -> None:
        """Keep `told` under this name."""
        expires = int(self._clock()) + KEPT_SECONDS
        self._dynamodb.put_item(
            TableName=self._table,
            Item={"id": {"S": id_}, "told": {"S": told}, EXPIRES: {"N": str(expires)}},
        )
