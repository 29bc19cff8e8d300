"""Security Hub SageMaker.5: models have network isolation enabled."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every model says EnableNetworkIsolation: true."""
    for model in template.of("AWS::SageMaker::Model"):
        if model.properties.get("EnableNetworkIsolation") is not True:
            yield found("SageMaker.5", model, "the model's containers can reach the network")
