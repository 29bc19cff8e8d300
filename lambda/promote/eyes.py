"""Whether enough people have approved a version, as the API of approvals has recorded it.

An approval in the console or by UpdateModelPackage names only the last person:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UserContext.html
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Eyes:
    """Reads the table of approvals; `people` different ones have to approve a version."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, people: int) -> None:
        self._dynamodb, self._table, self.people = dynamodb, table, people

    def suffice(self, version: int) -> bool:
        """Whether a version may be deployed."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": f"version#{version}"}}, ConsistentRead=True
        )
        item: Mapping[str, Any] = answer.get("Item", {})
        names = {each["M"]["who"]["S"] for each in item.get("approvers", {}).get("L", [])}
        return len(names) >= self.people
