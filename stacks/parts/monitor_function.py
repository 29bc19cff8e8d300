"""The function `monitor` with its queue, and the rules that send it events."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs

from declaration import OnDrift, Project
from declaration.code import reference
from declaration.schedule import expression
from stacks.parts import events, metrics
from stacks.parts.function_code import function_code
from stacks.parts.model_role import CAPTURE
from stacks.parts.queue_function import QueueFunction, event_queue
from stacks.parts.roles import Grant
from stacks.parts.rules import QueueRules, accept_events
from stacks.parts.sagemaker_grants import list_objects
from stacks.parts.watching import LABELS, LOOKS
from stacks.storage import Storage

ENDED = ("Succeeded", "Stopped", "Failed")
# A look is due when its time has come, whatever woke the function: an event that got lost costs an hour.
LONGEST_SLEEP = timedelta(hours=1)
# After the last labels, in seconds: a batch of files makes one look.
QUIET = 30


def monitor_function(
    stack: cdk.Stack, *, project: Project, storage: Storage, dead_letters: sqs.Queue
) -> sqs.Queue:
    """The function and everything around it; the queue that wakes it."""
    name = project.name
    queue = event_queue(stack, "MonitorQueue", name=f"{name}-monitor", dead_letters=dead_letters)
    QueueFunction(
        stack,
        "Monitor",
        name=f"{name}-monitor",
        handler="monitor.handler.handle",
        code=function_code(stack),
        queue=queue,
        environment={
            "PROJECT": name,
            "PIPELINE_NAME": f"{name}-monitoring",
            "STACK_NAME": f"{name}-serving",
            "ENDPOINT_NAME": name,
            "VARIANT": metrics.VARIANT,
            # The stack that has it comes before, and nothing of it is needed but its name.
            "TABLE_NAME": f"{name}-retraining",
            "QUEUE_URL": queue.queue_url,
            "DEAD_LETTER_URL": dead_letters.queue_url,
            "CAPTURED_BUCKET": storage.captured.bucket_name,
            "CAPTURED_PREFIX": f"{CAPTURE}/{name}/",
            "INCOMING_BUCKET": storage.incoming.bucket_name,
            "ARTIFACTS_BUCKET": storage.artifacts.bucket_name,
            "RULES": json.dumps(_rules(project), sort_keys=True),
        },
        grants=[
            Grant("SendMessages", ["sqs:SendMessage"], [queue.queue_arn, dead_letters.queue_arn]),
            *_state_grants(stack, name),
            *_pipeline_grants(stack, name),
            *_storage_grants(project, storage),
            *_telling_grants(stack),
        ],
        key=storage.key,
    )
    rules = QueueRules(stack, project=name, queue=queue, dead_letters=dead_letters)
    rules.every("look", _awake(project))
    if project.on_quality:
        rules.on("new-labels", events.object_created(storage.incoming.bucket_name, LABELS))
    rules.on("monitoring-ended", events.execution_became(_pipeline(stack, name), ENDED))
    accept_events(queue, rules.arns)
    accept_events(dead_letters, rules.arns)
    return queue


def _awake(project: Project) -> str:
    seconds = project.look_seconds
    if seconds is None:
        raise ValueError(f"nothing watches {project.name}")
    return expression(min(timedelta(seconds=seconds), LONGEST_SLEEP))


def _rules(project: Project) -> dict[str, Any]:
    """What is declared of looks; what is not declared of drift is reported by its defaults."""
    drift, quality, bound = project.on_drift or OnDrift(), project.on_quality, project.quality_bound
    judged = None
    if quality and bound:
        judged = {
            "metric": reference(bound.function) if bound.function else bound.name,
            "bound": bound.threshold,
            "higher": bound.judged_by.higher_is_better,
            "rows": quality.rows,
            "confidence": quality.confidence,
            "labels_within": quality.labels_within_seconds,
            "retrain": quality.retrain,
        }
    return {
        "every": project.look_seconds,
        "quiet": QUIET,
        "drift": {
            "declared": project.on_drift is not None,
            "psi": drift.psi,
            "alpha": project.false_alarm_share,
            "rows": drift.rows,
            "features": [*drift.features],
            "retrain": drift.retrain,
        },
        "quality": judged,
    }


def _state_grants(stack: cdk.Stack, name: str) -> Sequence[Grant]:
    account = f"{stack.region}:{stack.account}"
    return [
        Grant(
            "KeepState",
            ["dynamodb:GetItem", "dynamodb:PutItem"],
            [f"arn:{stack.partition}:dynamodb:{account}:table/{name}-retraining"],
        ),
        Grant(
            "SeeWhatServes",
            ["cloudformation:DescribeStacks", "cloudformation:DescribeStackResources"],
            # The id that CloudFormation gives to the stack comes after the slash.
            [f"arn:{stack.partition}:cloudformation:{account}:stack/{name}-serving/*"],
            wildcard="The id that CloudFormation gives to the stack of this name",
        ),
        Grant(
            "KnowModels",
            ["sagemaker:DescribeModelPackage"],
            [f"arn:{stack.partition}:sagemaker:{account}:model-package/{name}/*"],
            wildcard="The versions of the model package group",
        ),
    ]


def _pipeline_grants(stack: cdk.Stack, name: str) -> Sequence[Grant]:
    pipeline = _pipeline(stack, name)
    return [
        Grant("StartLooks", ["sagemaker:StartPipelineExecution"], [pipeline]),
        Grant(
            "FollowLooks",
            ["sagemaker:DescribePipelineExecution"],
            [f"{pipeline}/execution/*"],
            wildcard="SageMaker names executions when they start",
        ),
    ]


def _storage_grants(project: Project, storage: Storage) -> Sequence[Grant]:
    looks = f"{storage.artifacts.bucket_arn}/{LOOKS}"
    why = "Looks are named by their time"
    grants = [
        list_objects("ListCalls", storage.captured.bucket_arn, [f"{CAPTURE}/{project.name}/*"]),
        list_objects("ListLooks", storage.artifacts.bucket_arn, [LOOKS]),
        Grant("KeepLooks", ["s3:GetObject", "s3:PutObject"], [looks], wildcard=why),
        Grant("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [storage.key.key_arn]),
    ]
    if project.on_quality:
        grants.append(list_objects("ListLabels", storage.incoming.bucket_arn, [f"{LABELS}*"]))
    return grants


def _telling_grants(stack: cdk.Stack) -> Sequence[Grant]:
    bus = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:event-bus/default"
    return [
        Grant("TellPrograms", ["events:PutEvents"], [bus]),
        Grant("CountCalls", ["cloudwatch:GetMetricData"], ["*"], wildcard="The action takes no resource"),
        Grant(
            "TellFigures",
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": metrics.NAMESPACE}},
            wildcard="The action takes no resource; the condition confines it to our own namespace",
        ),
    ]


def _pipeline(stack: cdk.Stack, name: str) -> str:
    return f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:pipeline/{name}-monitoring"
