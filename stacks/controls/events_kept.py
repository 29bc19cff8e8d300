"""No event is lost: every target of a rule, and every queue that a function reads, has dead letters."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template

CONTROL = "Sageloop.EventsKept"


def check(template: Template) -> Iterator[Finding]:
    """Targets have a DeadLetterConfig, and queues of event source mappings a RedrivePolicy."""
    for rule in template.of("AWS::Events::Rule"):
        for target in rule.properties["Targets"]:
            if not target.get("DeadLetterConfig", {}).get("Arn"):
                yield found(CONTROL, rule, f"target {target['Id']} has no dead-letter queue")
    for mapping in template.of("AWS::Lambda::EventSourceMapping"):
        source = mapping.properties["EventSourceArn"]
        queue = template.resources[source["Fn::GetAtt"][0]]
        if not queue.properties.get("RedrivePolicy"):
            yield found(CONTROL, queue, "a function reads it, and it has no dead-letter queue")
