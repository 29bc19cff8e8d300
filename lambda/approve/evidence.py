"""Who has approved which version: an item for each, written only over what was read.

What enough people have once approved stays approved until a person rejects it here: a rollback to it must not
wait for a second person.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from approve.tokens import Claim

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TURNS = 20
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
EXPIRES = "expires"
DAY = 86_400


class Contended(Exception):
    """Too many others write the same item at the same time: ask again."""


class Used(Exception):
    """The link was used before, for something else."""


@dataclass(frozen=True)
class Approver:
    """A person, by the ARN that AWS gave or the link that was used, and the epoch second."""

    who: str
    at: int


@dataclass(frozen=True)
class Evidence:
    """Who has approved a version; `lock` counts the writes."""

    version: int
    lock: int = 0
    approvers: tuple[Approver, ...] = ()

    def approved(self, who: str, at: int) -> "Evidence":
        """The evidence with one more person, who counts once."""
        if who in self.names:
            return self
        return replace(self, approvers=(*self.approvers, Approver(who, at)))

    @property
    def names(self) -> list[str]:
        """Who has approved it, in the order of time."""
        return [each.who for each in self.approvers]


class Records:
    """The table of one project."""

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._dynamodb, self._table, self._clock = dynamodb, table, clock

    def of(self, version: int) -> Evidence:
        """What is known of a version."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": _name(version)}}, ConsistentRead=True
        )
        item = answer.get("Item")
        return _evidence(version, item) if item else Evidence(version)

    def approve(self, version: int, who: str) -> Evidence:
        """Write down that a person approves a version; the evidence then; raises Contended."""
        return self._change(version, lambda found: found.approved(who, int(self._clock())))

    def reject(self, version: int) -> Evidence:
        """Forget who has approved a version; raises Contended."""
        return self._change(version, lambda found: replace(found, approvers=()))

    def used(self, claim: Claim) -> str:
        """What a link was used for; empty if for nothing yet."""
        answer = self._dynamodb.get_item(
            TableName=self._table, Key={"id": {"S": _link(claim)}}, ConsistentRead=True
        )
        return answer["Item"]["decision"]["S"] if "Item" in answer else ""

    def use(self, claim: Claim, decision: str) -> None:
        """Write down what a link was used for; raises Used if it was for something else before.

        For the same it may be used again, which finishes what broke off. The item goes some time after the
        link has expired.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": _link(claim)},
                    "for": {"N": str(claim.version)},
                    "decision": {"S": decision},
                    EXPIRES: {"N": str(claim.expires + DAY)},
                },
                ConditionExpression="attribute_not_exists(id) OR decision = :decision",
                ExpressionAttributeValues={":decision": {"S": decision}},
            )
        except ClientError as error:
            if _refused(error):
                raise Used from error
            raise

    def _change(self, version: int, change: Callable[[Evidence], Evidence]) -> Evidence:
        for _ in range(TURNS):
            found = self.of(version)
            wanted = change(found)
            if wanted == found:
                return found
            if self._write(replace(wanted, lock=found.lock + 1)):
                return wanted
        raise Contended(f"Others decide on version {version} at the same time")

    def _write(self, evidence: Evidence) -> bool:
        """Write over the item that was read; False when somebody else has written it since."""
        approvers = [
            {"M": {"who": {"S": each.who}, "at": {"N": str(each.at)}}} for each in evidence.approvers
        ]
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item={
                    "id": {"S": _name(evidence.version)},
                    "lock": {"N": str(evidence.lock)},
                    "approvers": {"L": approvers},
                },
                ConditionExpression="attribute_not_exists(id) OR #lock = :read",
                ExpressionAttributeNames={"#lock": "lock"},
                ExpressionAttributeValues={":read": {"N": str(evidence.lock - 1)}},
            )
        except ClientError as error:
            if _refused(error):
                return False
            raise
        return True


def _link(claim: Claim) -> str:
    return f"link#{claim.id}"


def _name(version: int) -> str:
    return f"version#{version}"


def _evidence(version: int, item: Mapping[str, Any]) -> Evidence:
    approvers = [each["M"] for each in item["approvers"]["L"]]
    return Evidence(
        version,
        int(item["lock"]["N"]),
        tuple(Approver(each["who"]["S"], int(each["at"]["N"])) for each in approvers),
    )


def _refused(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "ConditionalCheckFailedException"
