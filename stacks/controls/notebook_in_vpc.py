"""Security Hub SageMaker.2: notebook instances are in a custom VPC."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every notebook instance has a subnet and a security group of its own."""
    for notebook in template.of("AWS::SageMaker::NotebookInstance"):
        if not (notebook.properties.get("SubnetId") and notebook.properties.get("SecurityGroupIds")):
            yield found("SageMaker.2", notebook, "the notebook instance is not in a VPC")
