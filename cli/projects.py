"""The deployed projects, found by the tag and the outputs of their CloudFormation stacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3

TAG = "sageloop:project"


@dataclass(frozen=True)
class Stack:
    """A stack of a project: what CloudFormation says of it."""

    name: str
    status: str
    reason: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


@dataclass(frozen=True)
class Project:
    """A project and its stacks by role: storage, training, serving, ..."""

    name: str
    stacks: dict[str, Stack] = field(default_factory=dict)

    def output(self, stack: str, name: str) -> str:
        """An output of one of its stacks; raises CommandError when that is not deployed."""
        found = self.find(stack, name)
        if found is None:
            raise CommandError(
                f"Project {self.name} has no {name}: deploy stack {self.name}-{stack} with `sageloop deploy`."
            )
        return found

    def find(self, stack: str, name: str) -> str | None:
        """An output of one of its stacks, None when that is not deployed."""
        return self.stacks[stack].outputs.get(name) if stack in self.stacks else None


def find_all(session: "boto3.Session") -> list[Project]:
    """All deployed projects, by name."""
    projects: dict[str, Project] = {}
    for page in session.client("cloudformation").get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
            name = tags.get(TAG)
            if not name or not stack["StackName"].startswith(f"{name}-"):
                continue
            projects.setdefault(name, Project(name)).stacks[stack["StackName"][len(name) + 1 :]] = Stack(
                name=stack["StackName"],
                status=stack["StackStatus"],
                reason=stack.get("StackStatusReason", ""),
                parameters={
                    p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])
                },
                outputs={o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])},
            )
    return [projects[name] for name in sorted(projects)]


def find(session: "boto3.Session", name: str | None) -> Project:
    """The project of this name, or the only one; raises CommandError with the names that there are."""
    return chosen(find_all(session), name)


def chosen(projects: Sequence[Project], name: str | None) -> Project:
    """The project of this name among all, or the only one; raises CommandError."""
    if not projects:
        raise CommandError("No project is deployed here: deploy yours with `sageloop deploy`.")
    names = ", ".join(project.name for project in projects)
    if name is None and len(projects) > 1:
        raise CommandError(f"Several projects are deployed ({names}): choose one with --project.")
    for project in projects:
        if name in (None, project.name):
            return project
    raise CommandError(f"No project {name} is deployed here, only {names}.")
