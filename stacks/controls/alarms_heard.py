"""Every alarm tells somebody."""

from collections.abc import Iterator

from stacks.controls.finding import Finding, found
from stacks.controls.template import Template


def check(template: Template) -> Iterator[Finding]:
    """Every alarm has an action."""
    for alarm in template.of("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        if not alarm.properties.get("AlarmActions"):
            yield found("Sageloop.AlarmsHeard", alarm, "nobody is told when it fires")
