"""EventBridge rules that put events into queues, and lose none on the way."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

RuleArns = Sequence[str]


class QueueRules:
    """Rules with one target queue; an event that cannot be delivered goes to the dead letters."""

    def __init__(self, scope: Construct, *, project: str, queue: sqs.Queue, dead_letters: sqs.Queue) -> None:
        self._scope, self._project = scope, project
        self._queue, self._dead_letters = queue, dead_letters
        self._rules: list[events.CfnRule] = []

    def on(self, name: str, pattern: Mapping[str, Any]) -> None:
        """Deliver the events that match a pattern."""
        self._add(name, event_pattern=dict(pattern))

    def every(self, name: str, schedule: str, *, say: Mapping[str, Any] | None = None) -> None:
        """Deliver an event at the times of a schedule expression: AWS's own, or always this one.

        AWS's has an id by which the same one delivered twice is known.
        """
        self._add(name, schedule_expression=schedule, say=say)

    def _add(
        self,
        name: str,
        *,
        event_pattern: dict[str, Any] | None = None,
        schedule_expression: str | None = None,
        say: Mapping[str, Any] | None = None,
    ) -> None:
        target = events.CfnRule.TargetProperty(
            id="queue",
            arn=self._queue.queue_arn,
            input=json.dumps(say) if say else None,
            dead_letter_config=events.CfnRule.DeadLetterConfigProperty(arn=self._dead_letters.queue_arn),
        )
        # The L2 rule would write a statement of its own into the policies of both queues.
        self._rules.append(
            events.CfnRule(
                self._scope,
                name.title().replace("-", ""),
                name=f"{self._project}-{name}",
                event_pattern=event_pattern,
                schedule_expression=schedule_expression,
                targets=[target],
            )
        )

    @property
    def arns(self) -> RuleArns:
        """The rules made so far."""
        return [rule.attr_arn for rule in self._rules]


def pipeline_rule(
    scope: Construct,
    id_: str,
    *,
    name: str,
    pipeline_arn: str,
    role_arn: str,
    dead_letters: sqs.Queue,
    pattern: Mapping[str, Any] | None = None,
    schedule: str | None = None,
    parameters: Mapping[str, str] = MappingProxyType({}),
) -> events.CfnRule:
    """Start executions of a pipeline; a parameter may be a path into the event: `$.detail.object.key`.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html (dynamic path parameters)
    """
    rule = events.CfnRule
    given = [
        rule.SageMakerPipelineParameterProperty(name=key, value=value) for key, value in parameters.items()
    ]
    return rule(
        scope,
        id_,
        name=name,
        event_pattern=dict(pattern) if pattern else None,
        schedule_expression=schedule,
        targets=[
            rule.TargetProperty(
                id="pipeline",
                arn=pipeline_arn,
                role_arn=role_arn,
                sage_maker_pipeline_parameters=(
                    rule.SageMakerPipelineParametersProperty(pipeline_parameter_list=given) if given else None
                ),
                dead_letter_config=rule.DeadLetterConfigProperty(arn=dead_letters.queue_arn),
            )
        ],
    )


def accept_events(queue: sqs.Queue, rules: RuleArns) -> None:
    """Let EventBridge send what these rules match, and nothing else, to a queue."""
    queue.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AcceptEvents",
            principals=[iam.ServicePrincipal("events.amazonaws.com")],
            actions=["sqs:SendMessage"],
            resources=[queue.queue_arn],
            conditions={"ArnEquals": {"aws:SourceArn": [*rules]}},
        )
    )
