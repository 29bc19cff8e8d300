"""Log groups say how long they keep what they have."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every log group has a retention."""
    for group in template.of("AWS::Logs::LogGroup"):
        if not group.properties.get("RetentionInDays"):
            yield found("Sageloop.LogsKept", group, "it keeps its logs, and costs, for ever")
