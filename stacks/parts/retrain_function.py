"""The function `retrain` with its table, its queue, and the rules that send it events."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs

from declaration import BuiltIn, Project
from stacks.parts import events, metrics
from stacks.parts.alarms import alarm
from stacks.parts.places import INPUTS, INTAKE
from stacks.parts.queue_function import QueueFunction, event_queue
from stacks.parts.roles import Grant
from stacks.parts.rules import QueueRules, RuleArns, accept_events
from stacks.parts.sagemaker_grants import list_objects, read_objects
from stacks.storage import Storage

FINISHED = ("Succeeded", "Stopped")
SWEEP = {"source": "sageloop", "detail-type": "Sweep"}
# One vCPU (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html): long lists are read.
MEMORY_MB = 1769
LONGEST_WAIT = 3600
# In the bucket of the incoming data.
DATA, QUARANTINE = "data/*", "quarantine/*"


def retrain_function(
    stack: cdk.Stack,
    *,
    project: Project,
    storage: Storage,
    topic: sns.ITopic,
    signals: sns.ITopic,
    dead_letters: sqs.Queue,
    code: s3_assets.Asset,
) -> RuleArns:
    """The function and everything around it; the rules may send to `dead_letters`, too."""
    name = project.name
    table = _state_table(stack, name)
    queue = event_queue(stack, "RetrainQueue", name=f"{name}-retrain", dead_letters=dead_letters)
    lists = reads_data(project)
    trigger = project.on_new_data
    pace = {
        "quiet": trigger.quiet_seconds if trigger else 0,
        "cooldowns": dict(project.cooldowns),
        "on_new_data": trigger is not None,
    }
    QueueFunction(
        stack,
        "Retrain",
        name=f"{name}-retrain",
        handler="retrain.handler.handle",
        code=code,
        queue=queue,
        environment={
            "PROJECT": name,
            "PIPELINE_NAME": f"{name}-training",
            "MODEL_PACKAGE_GROUP": name,
            "TABLE_NAME": table.table_name,
            "QUEUE_URL": queue.queue_url,
            "DEAD_LETTER_URL": dead_letters.queue_url,
            "INCOMING_BUCKET": storage.incoming.bucket_name if lists else "",
            "ARTIFACTS_BUCKET": storage.artifacts.bucket_name if lists else "",
            "PACE": json.dumps(pace, sort_keys=True),
            "LEAST": json.dumps(asdict(project.least), sort_keys=True),
        },
        grants=[
            Grant("KeepState", ["dynamodb:GetItem", "dynamodb:PutItem"], [table.table_arn]),
            Grant("SendMessages", ["sqs:SendMessage"], [queue.queue_arn, dead_letters.queue_arn]),
            *_execution_grants(stack, name),
            *_news_grants(stack),
            *(_data_grants(storage) if lists else ()),
        ],
        key=storage.key,
        memory_mb=MEMORY_MB,
    )
    cdk.CfnOutput(stack, "RetrainQueueUrl", value=queue.queue_url)
    cdk.CfnOutput(stack, "RetrainFunction", value=f"{name}-retrain")
    cdk.CfnOutput(stack, "TableName", value=table.table_name)
    _alarms(stack, name, topic=topic, signals=signals)
    return _rules(stack, project, storage, queue, dead_letters)


def reads_data(project: Project) -> bool:
    """Whether training reads data/ of the incoming data: algorithms with channels of their own do not."""
    return not isinstance(project.train, BuiltIn) or project.train.reads_tables


def _state_table(stack: cdk.Stack, name: str) -> dynamodb.Table:
    return dynamodb.Table(
        stack,
        "State",
        table_name=f"{name}-retraining",
        partition_key=dynamodb.Attribute(name="pipeline", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        # Counters and times, which the next event starts anew: nothing to keep, no data of the user's.
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


def _execution_grants(stack: cdk.Stack, name: str) -> Sequence[Grant]:
    sagemaker = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}"
    pipeline = _pipeline(stack, name)
    return [
        Grant(
            "StartExecutions",
            [
                "sagemaker:StartPipelineExecution",
                "sagemaker:ListPipelineExecutions",
                "sagemaker:DescribePipeline",
            ],
            [pipeline],
        ),
        Grant(
            "FollowExecutions",
            ["sagemaker:DescribePipelineExecution"],
            [f"{pipeline}/execution/*"],
            wildcard="SageMaker names executions when they start",
        ),
        Grant(
            "UseRegistry",
            ["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"],
            [f"{sagemaker}:model-package-group/{name}", f"{sagemaker}:model-package/{name}/*"],
            wildcard="The versions of the model package group",
        ),
    ]


def _news_grants(stack: cdk.Stack) -> Sequence[Grant]:
    bus = f"arn:{stack.partition}:events:{stack.region}:{stack.account}:event-bus/default"
    return [
        Grant("TellPrograms", ["events:PutEvents"], [bus]),
        Grant(
            "TellWaits",
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringEquals": {"cloudwatch:namespace": metrics.NAMESPACE}},
            wildcard="The action takes no resource; the condition confines it to our own namespace",
        ),
    ]


def _data_grants(storage: Storage) -> Sequence[Grant]:
    """Listing the data, keeping the lists, and putting apart what an execution could not use."""
    incoming, artifacts = storage.incoming.bucket_arn, storage.artifacts.bucket_arn
    why = "Objects are named by what they hold, and by the files that people upload"
    written = [f"{artifacts}/{INPUTS}", f"{incoming}/{QUARANTINE}"]
    return [
        list_objects("ListData", incoming, [DATA]),
        list_objects("ListInputs", artifacts, [INPUTS, INTAKE]),
        read_objects("ReadInputs", artifacts, [INPUTS, INTAKE]),
        Grant("WriteInputs", ["s3:PutObject"], written, wildcard=why),
        # A condition on what is deleted reads it; what is deleted stays as a version.
        Grant("MoveData", ["s3:GetObject", "s3:DeleteObject"], [f"{incoming}/{DATA}"], wildcard=why),
        Grant("UseKey", ["kms:Decrypt", "kms:GenerateDataKey"], [storage.key.key_arn]),
    ]


def _rules(
    stack: cdk.Stack, project: Project, storage: Storage, queue: sqs.Queue, dead_letters: sqs.Queue
) -> RuleArns:
    rules = QueueRules(stack, project=project.name, queue=queue, dead_letters=dead_letters)
    pipeline = _pipeline(stack, project.name)
    if project.on_new_data:
        rules.on("new-data", events.object_created(storage.incoming.bucket_name, "data/"))
    for number, schedule in enumerate(project.schedules, start=1):
        rules.every(f"schedule-{number}", schedule.schedule_expression)
    if project.watched:
        rules.on("retrain-wanted", events.ours(project.name, ["Retrain Wanted"]))
    rules.on("execution-finished", events.execution_became(pipeline, FINISHED))
    # A rule of its own, because the alarm looks at how often it matched.
    rules.on("execution-failed", events.execution_became(pipeline, ["Failed"]))
    rules.every("sweep", "rate(5 minutes)", say=SWEEP)
    accept_events(queue, rules.arns)
    return rules.arns


def _alarms(stack: cdk.Stack, name: str, *, topic: sns.ITopic, signals: sns.ITopic) -> None:
    """Programs hear of failed executions, of which people get more words; of waits nobody else tells."""
    alarm(
        stack,
        "ExecutionFailedAlarm",
        name=f"{name}-execution-failed",
        description=f"An execution of {name}-training failed: its FailureReason says why",
        metric=metrics.rule(f"{name}-execution-failed"),
        above=0,
        topic=signals,
    )
    alarm(
        stack,
        "WaitsAlarm",
        name=f"{name}-waits",
        description=(
            f"Training of {name} has been due for more than an hour and cannot start, for a quota or because "
            "AWS throttles: `sageloop status` says which, and it starts by itself when it can"
        ),
        metric=metrics.of_project(name, "PendingSeconds"),
        above=LONGEST_WAIT,
        topic=topic,
        # It comes with each sweep.
        until_the_next=True,
    )


def _pipeline(stack: cdk.Stack, name: str) -> str:
    return f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:pipeline/{name}-training"
