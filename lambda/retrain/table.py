"""The state item in DynamoDB, read consistently and written only over the version that was read."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from retrain.state import Running, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Conflict(Exception):
    """Somebody else wrote the state since it was read: read it again."""


class Table:
    """One pipeline's item in the state table."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str, pipeline: str) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._pipeline = pipeline

    def load(self) -> State:
        """The state as last written; a pipeline that nobody asked for has the empty state."""
        answer = self._dynamodb.get_item(
            TableName=self._name, Key={"pipeline": {"S": self._pipeline}}, ConsistentRead=True
        )
        if "Item" not in answer:
            return State()
        read = TypeDeserializer().deserialize
        return _state({name: read(value) for name, value in answer["Item"].items()})

    def save(self, state: State) -> State:
        """Write `state` over the version that it was made from; raises Conflict."""
        new = replace(state, version=state.version + 1)
        write = TypeSerializer().serialize
        item = {"pipeline": self._pipeline, **asdict(new), "reasons": [*new.reasons], "seen": [*new.seen]}
        try:
            self._dynamodb.put_item(
                TableName=self._name,
                Item={name: write(value) for name, value in item.items()},
                ConditionExpression="attribute_not_exists(pipeline) OR version = :read",
                ExpressionAttributeValues={":read": {"N": str(state.version)}},
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                raise Conflict from error
            raise
        return new


def _state(item: dict[str, Any]) -> State:
    return State(
        version=int(item["version"]),
        requested=int(item["requested"]),
        covered=int(item["covered"]),
        waiting_since=int(item["waiting_since"]),
        last_request_at=int(item["last_request_at"]),
        last_start_at=int(item["last_start_at"]),
        look_at=int(item["look_at"]),
        urgent=item["urgent"],
        reasons=tuple(item["reasons"]),
        seen=tuple(item["seen"]),
        running=Running(**item["running"]) if item["running"] else None,
    )
