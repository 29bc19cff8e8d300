"""Security Hub SageMaker.3: users of notebook instances have no root access."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every notebook instance says RootAccess: Disabled."""
    for notebook in template.of("AWS::SageMaker::NotebookInstance"):
        if notebook.properties.get("RootAccess") != "Disabled":
            yield found("SageMaker.3", notebook, "people have root access to the notebook instance")
