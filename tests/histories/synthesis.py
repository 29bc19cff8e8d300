"""The wiring of projects, out of the templates that the CDK makes of them."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from declaration import Project
from stacks import build
from tests.histories.intrinsics import Deployed
from tests.histories.wiring import WiredFunction, WiredQueue, WiredRule, Wiring


def wirings_of(*projects: Project) -> list[Wiring]:
    """Synthesise the stacks of projects, without any AWS, and read what they deploy."""
    kept = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith(("AWS_", "CDK_"))}
    try:
        with tempfile.TemporaryDirectory() as directory:
            assembly = build(*projects, outdir=directory).synth()
            templates = {stack.stack_name: stack.template for stack in assembly.stacks}
    finally:
        os.environ.update(kept)
    return [
        read(
            project.name,
            Deployed({name: found for name, found in templates.items() if _is_of(project, name)}),
        )
        for project in projects
    ]


def read(project: str, deployed: Deployed) -> Wiring:
    """The wiring that templates describe."""
    queues = [_queue(properties) for _, _, properties in deployed.of("AWS::SQS::Queue")]
    return Wiring(
        project=project,
        functions={function.name: function for function in _functions(deployed)},
        wired_queues=tuple(queues),
        rules=tuple(_rule(properties) for _, _, properties in deployed.of("AWS::Events::Rule")),
        tables={
            properties["TableName"]: _hash_key(properties)
            for _, _, properties in deployed.of("AWS::DynamoDB::Table")
        },
        subscribed=_subscribed(deployed),
        thresholds={
            properties["MetricName"]: properties["Threshold"]
            for _, _, properties in deployed.of("AWS::CloudWatch::Alarm")
            if "MetricName" in properties
        },
        buckets=tuple(deployed.name(stack, name) for stack, name, _ in deployed.of("AWS::S3::Bucket")),
        pipelines={
            properties["PipelineName"]: _defaults(properties)
            for _, _, properties in deployed.of("AWS::SageMaker::Pipeline")
        },
    )


def _is_of(project: Project, stack: str) -> bool:
    return stack.rpartition("-")[0] == project.name


def _functions(deployed: Deployed) -> Sequence[WiredFunction]:
    mappings = {
        properties["FunctionName"]: properties
        for _, _, properties in deployed.of("AWS::Lambda::EventSourceMapping")
    }
    found = []
    for _, _, properties in deployed.of("AWS::Lambda::Function"):
        name = properties["FunctionName"]
        module, _, handler = properties["Handler"].rpartition(".")
        mapping = mappings.get(name, {})
        found.append(
            WiredFunction(
                name,
                module,
                handler,
                properties.get("Environment", {}).get("Variables", {}),
                _last(mapping.get("EventSourceArn", "")),
                mapping.get("BatchSize", 1),
            )
        )
    return found


def _subscribed(deployed: Deployed) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for _, _, properties in deployed.of("AWS::SNS::Subscription"):
        if properties["Protocol"] == "sqs":
            topic = properties["TopicArn"]
            found[topic] = (*found.get(topic, ()), _last(properties["Endpoint"]))
    return found


def _queue(properties: Mapping[str, Any]) -> WiredQueue:
    redrive = properties.get("RedrivePolicy", {})
    return WiredQueue(
        properties["QueueName"],
        properties["VisibilityTimeout"],
        redrive.get("maxReceiveCount"),
        _last(redrive["deadLetterTargetArn"]) if redrive else None,
    )


def _rule(properties: Mapping[str, Any]) -> WiredRule:
    targets = [
        (_last(target["Arn"]), target.get("Input"))
        for target in properties["Targets"]
        if ":sqs:" in target["Arn"]
    ]
    return WiredRule(
        properties["Name"],
        properties.get("EventPattern"),
        properties.get("ScheduleExpression"),
        tuple(targets),
    )


def _defaults(properties: Mapping[str, Any]) -> dict[str, str]:
    definition = json.loads(properties["PipelineDefinition"]["PipelineDefinitionBody"])
    return {one["Name"]: one["DefaultValue"] for one in definition["Parameters"] if "DefaultValue" in one}


def _hash_key(properties: Mapping[str, Any]) -> str:
    (key,) = (part["AttributeName"] for part in properties["KeySchema"] if part["KeyType"] == "HASH")
    return str(key)


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
