"""Controls over the synthesised templates: one a file, each a function from a template to its findings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import cx_api
from cdk_nag import AwsSolutionsChecks

from stacks.controls import (
    alarms_heard,
    endpoint_on_two_instances,
    events_kept,
    jobs_protected,
    logs_kept,
    model_isolated,
    named_actions,
    notebook_encrypted,
    notebook_in_vpc,
    notebook_platform,
    notebook_without_internet,
    notebook_without_root,
    tls_only,
)
from stacks.controls.finding import Finding
from stacks.controls.template import Template

CONTROLS = (
    notebook_without_internet.check,
    notebook_in_vpc.check,
    notebook_without_root.check,
    endpoint_on_two_instances.check,
    model_isolated.check,
    notebook_platform.check,
    notebook_encrypted.check,
    jobs_protected.check,
    tls_only.check,
    named_actions.check,
    events_kept.check,
    logs_kept.check,
    alarms_heard.check,
)


def findings(stack: str, content: Mapping[str, Any]) -> list[Finding]:
    """What our own controls find in the template of a stack, acknowledged or not."""
    template = Template(stack, content)
    return [finding for control in CONTROLS for finding in control(template)]


def unanswered(app: cdk.App, assembly: cx_api.CloudAssembly) -> list[Finding]:
    """What our controls and cdk-nag's AwsSolutions find in a synthesised app and nobody acknowledged."""
    contents = {stack.stack_name: stack.template for stack in assembly.stacks}
    own = [finding for stack, content in contents.items() for finding in findings(stack, content)]
    answers = acknowledgements(contents)
    return [
        finding
        for finding in (*own, *nag(app))
        if not any(finding.control.endswith(end) for end in answers.get(finding.path, ()))
    ]


def acknowledgements(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Sequence[str]]:
    """The ends of the findings that are acknowledged, by the path of their resource."""
    return {
        resource.path: tuple(resource.acknowledged)
        for stack, content in contents.items()
        for resource in Template(stack, content).resources.values()
    }


def nag(app: cdk.App) -> Iterator[Finding]:
    """What cdk-nag finds; it looks at the constructs, after synthesis has resolved what they refer to."""
    for violation in AwsSolutionsChecks(app).validate_scope(app).violations:
        for resource in violation.violating_resources:
            yield Finding(violation.rule_name, resource.construct_path or "", violation.description)
