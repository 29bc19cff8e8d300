"""Roles name what they may do: no action with a wildcard, and no managed policy of AWS."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template

CONTROL = "Sageloop.NamedActions"


def check(template: Template) -> Iterator[Finding]:
    """Every role has only statements with full action names, and no attached policy."""
    for policy in template.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        yield found(CONTROL, policy, "the statements of a role belong into the role itself")
    for role in template.of("AWS::IAM::Role"):
        if role.properties.get("ManagedPolicyArns"):
            yield found(CONTROL, role, "it has a managed policy, which allows more than it needs")
        for policy in role.properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement["Action"]
                for action in [actions] if isinstance(actions, str) else actions:
                    if "*" in action:
                        yield found(CONTROL, role, f"{statement.get('Sid')} allows {action}")
