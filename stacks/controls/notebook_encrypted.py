"""Security Hub SageMaker.21: the volumes of notebook instances are encrypted with a customer-managed key."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every notebook instance names a key."""
    for notebook in template.of("AWS::SageMaker::NotebookInstance"):
        if not notebook.properties.get("KmsKeyId"):
            yield found("SageMaker.21", notebook, "no customer-managed key encrypts the notebook's volume")
