"""Security Hub SageMaker.4: endpoint production variants start with more than one instance."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every variant on instances has two or more; serverless ones have none to count."""
    for config in template.of("AWS::SageMaker::EndpointConfig"):
        for variant in config.properties["ProductionVariants"]:
            if "ServerlessConfig" not in variant and variant.get("InitialInstanceCount", 1) < 2:
                yield found("SageMaker.4", config, "a variant starts with a single instance")
