"""Security Hub SageMaker.8: notebook instances run on supported platforms."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template

SUPPORTED = "notebook-al2023-v1"


def check(template: Template) -> Iterator[Finding]:
    """Every notebook instance runs on Amazon Linux 2023."""
    for notebook in template.of("AWS::SageMaker::NotebookInstance"):
        if notebook.properties.get("PlatformIdentifier") != SUPPORTED:
            yield found("SageMaker.8", notebook, f"the notebook instance does not run on {SUPPORTED}")
