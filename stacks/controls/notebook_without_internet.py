"""Security Hub SageMaker.1: notebook instances have no direct internet access."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every notebook instance says DirectInternetAccess: Disabled."""
    for notebook in template.of("AWS::SageMaker::NotebookInstance"):
        if notebook.properties.get("DirectInternetAccess") != "Disabled":
            yield found("SageMaker.1", notebook, "the notebook instance has direct internet access")
