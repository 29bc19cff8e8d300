"""DynamoDB's tables in memory: single items, written under conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.histories.aws.conditions import holds
from tests.histories.aws.points import Refused

Item = dict[str, Any]


@dataclass
class Table:
    """Items by their key, and what stood there before the last write."""

    key: str
    items: dict[str, Item] = field(default_factory=dict)
    before: dict[str, Item | None] = field(default_factory=dict)


class DynamoDB:
    """Tables by their names; items are what the API calls attribute values. `written` hears of each write."""

    def __init__(self, keys: Mapping[str, str], written: Callable[[str, Item], None]) -> None:
        self.tables = {name: Table(key) for name, key in keys.items()}
        self._written = written

    def get_item(
        self, *, TableName: str, Key: Mapping[str, Any], ConsistentRead: bool = False, **_: Any
    ) -> dict[str, Any]:
        """The item; without a consistent read, what stood there before the last write, as it may be.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html
        """
        table, id_ = self._find(TableName, Key)
        old = None if ConsistentRead else table.before.get(id_)
        item = old or table.items.get(id_)
        return {"Item": item} if item else {}

    def put_item(
        self,
        *,
        TableName: str,
        Item: Item,
        ConditionExpression: str = "",
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        **_: Any,
    ) -> None:
        """Write the item if the condition holds for what stands there."""
        table, id_ = self._find(TableName, Item)
        self._require(table, id_, ConditionExpression, ExpressionAttributeValues, ExpressionAttributeNames)
        table.before[id_] = table.items.get(id_)
        table.items[id_] = Item
        self._written(id_, Item)

    def delete_item(
        self,
        *,
        TableName: str,
        Key: Mapping[str, Any],
        ConditionExpression: str = "",
        ExpressionAttributeValues: Mapping[str, Any] | None = None,
        ExpressionAttributeNames: Mapping[str, str] | None = None,
        **_: Any,
    ) -> None:
        """Remove the item if the condition holds; what is not there is removed already."""
        table, id_ = self._find(TableName, Key)
        self._require(table, id_, ConditionExpression, ExpressionAttributeValues, ExpressionAttributeNames)
        table.before[id_] = table.items.pop(id_, None)

    def item(self, table: str, id_: str) -> Item | None:
        """What stands there, for those who look at a history from outside."""
        return self.tables[table].items.get(id_)

    def _find(self, name: str, key: Mapping[str, Any]) -> tuple[Table, str]:
        if name not in self.tables:
            raise Refused("ResourceNotFoundException", f"Requested resource not found: Table: {name}")
        table = self.tables[name]
        return table, key[table.key]["S"]

    def _require(
        self,
        table: Table,
        id_: str,
        condition: str,
        values: Mapping[str, Any] | None,
        names: Mapping[str, str] | None,
    ) -> None:
        if condition and not holds(condition, table.items.get(id_), values or {}, names):
            raise Refused("ConditionalCheckFailedException", "The conditional request failed")
