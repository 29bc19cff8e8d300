"""Approvals that are recorded: who approves a model, where two people have to or messages hold links."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import predictions, session
from cli.errors import CommandError
from cli.projects import Project

if TYPE_CHECKING:
    import boto3

HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


@dataclass(frozen=True)
class Outcome:
    """What became of a version: its status, who has approved it, and how many more people have to."""

    status: str
    approvers: tuple[str, ...]
    needed: int


@dataclass(frozen=True)
class Approvals:
    """Where approvals are given and recorded, and how many people have to give one."""

    url: str
    table: str
    people: int

    def approve(self, aws: "boto3.Session", version: int) -> Outcome:
        """Approve a version as the caller; raises CommandError with the API's refusal."""
        url = session.api_address(f"{self.url.rstrip('/')}/versions/{version}")
        answer = predictions.ask(aws, url, json.dumps({"decision": "approve"}).encode(), HEADERS)
        try:
            told = json.loads(answer.body)
            if answer.status in (200, 202):
                return Outcome(told["status"], tuple(told["approvers"]), told["needed"])
            why = told["message"] if "message" in told else told["Message"]
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"The API of approvals answered {answer.status}, and not as it should."
            ) from error
        raise CommandError(f"The API of approvals refused version {version}: {why}.")

    def enough(self, aws: "boto3.Session", version: int) -> bool:
        """Whether as many people as have to have approved a version, now or before."""
        if self.people < 2:
            return True
        key = {"id": {"S": f"version#{version}"}}
        dynamodb = aws.client("dynamodb")
        item = dynamodb.get_item(TableName=self.table, Key=key, ConsistentRead=True).get("Item", {})
        listed = item["approvers"]["L"] if "approvers" in item else []
        return len({each["M"]["who"]["S"] for each in listed}) >= self.people


def find(project: Project) -> Approvals | None:
    """Where approvals of a project are recorded; None where the registry says all that is needed."""
    url, table, people = (
        project.find("retraining", name) for name in ("ApprovalsApiUrl", "ApprovalsTable", "PeopleToApprove")
    )
    return Approvals(url, table, int(people)) if url and table and people else None
