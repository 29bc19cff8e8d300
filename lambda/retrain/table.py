"""The state item in DynamoDB, read consistently and written only over the version that was read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from retrain.faults import patient
from retrain.messages import Kind
from retrain.state import Cause, Running, State

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Conflict(Exception):
    """Somebody else wrote the state since it was read: read it again."""


class Table:
    """One pipeline's item in the state table; every method raises Busy when DynamoDB asks to wait."""

    def __init__(self, dynamodb: "DynamoDBClient", name: str, pipeline: str) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._pipeline = pipeline

    def load(self) -> State:
        """The state as last written; a pipeline that nobody asked for has the empty state."""
        item = _item(self._dynamodb, self._name, self._pipeline)
        return _state(item) if item else State()

    def save(self, state: State) -> State:
        """Write `state` over the version that it was made from; raises Conflict."""
        new = replace(state, version=state.version + 1)
        # Tuples become lists, as DynamoDB has them.
        item = {"pipeline": self._pipeline, **json.loads(json.dumps(asdict(new)))}
        write = TypeSerializer().serialize
        try:
            with patient():
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


class Admissions:
    """The item that names the objects which people took back out of the quarantine."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, project: str) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._key = f"{project}-admitted"

    def etags(self) -> frozenset[str]:
        """The etags of their contents, without quotes; raises Busy."""
        item = _item(self._dynamodb, self._table, self._key)
        return frozenset(map(str, item.get("etags", ())))


def _item(dynamodb: "DynamoDBClient", table: str, key: str) -> dict[str, Any]:
    with patient():
        answer = dynamodb.get_item(TableName=table, Key={"pipeline": {"S": key}}, ConsistentRead=True)
    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in answer.get("Item", {}).items()}


def _state(item: Mapping[str, Any]) -> State:
    """The state in an item; members that are missing because it is an older one have their defaults."""

    def number(name: str) -> int:
        return int(item.get(name, 0))

    return State(
        version=number("version"),
        requested=number("requested"),
        covered=number("covered"),
        causes=_causes(item),
        since=_since(item),
        last_request_at=number("last_request_at"),
        last_start_at=number("last_start_at"),
        look_at=number("look_at"),
        listed_at=number("listed_at"),
        measured_at=number("measured_at"),
        wait_until=number("wait_until"),
        waits=item.get("waits", ""),
        seen=tuple(item["seen"]),
        inputs=item.get("inputs", ""),
        definition=item.get("definition", ""),
        running=_running(item["running"]) if item["running"] else None,
    )


def _causes(item: Mapping[str, Any]) -> tuple[Cause, ...]:
    if "causes" in item:
        return tuple(Cause(**cause) for cause in item["causes"])
    # Once there were reasons without a kind.
    return tuple(Cause("data", reason) for reason in item.get("reasons", ()))


def _since(item: Mapping[str, Any]) -> Mapping[Kind, int]:
    if "since" in item:
        return {cast(Kind, kind): int(since) for kind, since in item["since"].items()}
    pending = item["requested"] > item["covered"]
    return {"manual" if item["urgent"] else "data": int(item["waiting_since"])} if pending else {}


def _running(item: Mapping[str, Any]) -> Running:
    return Running(
        token=item["token"],
        champion=item["champion"],
        description=item["description"],
        inputs=item.get("inputs", ""),
        kinds=tuple(item.get("kinds", ())),
        reasons=tuple(item.get("reasons", ())),
        cause=item.get("cause", "data"),
        moved=int(item.get("moved", 0)),
        kept=item.get("kept", {}),
        arn=item["arn"],
    )
