"""The state item in DynamoDB, read consistently and written only over the version that was read."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from monitor.state import Last, Running, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TEXTS = ("asked", "answered", "unjudged")


class Conflict(Exception):
    """Somebody else wrote the state since it was read: read it again."""


class Table:
    """One pipeline's item in the table of states."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str, pipeline: str) -> None:
        self._dynamodb, self._name, self._pipeline = dynamodb, name, pipeline

    def load(self) -> State:
        """The state as last written; the empty one before the first look."""
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
        item = {
            "pipeline": self._pipeline,
            **asdict(new),
            **{name: [*getattr(new, name)] for name in TEXTS},
        }
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
    running, last = item["running"], item["last"]
    return State(
        **{
            name: int(item[name])
            for name in (
                "version",
                "covered_until",
                "looked_until",
                "labels_at",
                "labels_seen",
                "asked_at",
                "look_at",
            )
        },
        asked=tuple(item["asked"]),
        answered=tuple(item["answered"]),
        unjudged=tuple(item["unjudged"]),
        running=Running(**{**running, "end": int(running["end"])}) if running else None,
        last=Last(**{**last, "version": int(last["version"])}) if last else None,
    )
