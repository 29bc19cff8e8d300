"""Roles made of named statements, each with the reason for its wildcards."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.parts.acknowledgements import acknowledge


@dataclass(frozen=True)
class Grant:
    """One statement of a role; `wildcard` says why a resource cannot be named in full."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Any] = field(default_factory=dict)
    wildcard: str = ""

    def statement(self) -> iam.PolicyStatement:
        """The statement for a policy document."""
        return iam.PolicyStatement(
            sid=self.sid,
            actions=[*self.actions],
            resources=[*self.resources],
            conditions=self.conditions or None,
        )

    def acknowledged(self) -> dict[str, str]:
        """The ends of the wildcard findings that `wildcard` answers; what a token stands for is cut off."""
        if not self.wildcard:
            return {}
        ends = (f"Resource::{resource}".rsplit("}", 1)[-1] for resource in self.resources if "*" in resource)
        return {f"{end}]": self.wildcard for end in ends}


def service_role(
    scope: Construct, id_: str, *, service: str, description: str, grants: Sequence[Grant]
) -> iam.Role:
    """A role for one AWS service; the policy is part of it, so nobody meets it without its rights."""
    role = iam.Role(
        scope,
        id_,
        assumed_by=iam.ServicePrincipal(service),
        description=description,
        inline_policies={
            "rights": iam.PolicyDocument(statements=[grant.statement() for grant in grants]),
        },
    )
    findings = {end: reason for grant in grants for end, reason in grant.acknowledged().items()}
    if findings:
        acknowledge(role, findings)
    return role
