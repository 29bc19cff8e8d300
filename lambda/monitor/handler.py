"""The function that has the traffic looked at; its queue holds events, its table one item per pipeline.

IAM actions, and what they are needed on:
- dynamodb:GetItem, dynamodb:PutItem: the table of states
- sqs:SendMessage: its own queue, and the dead letters
- sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes: its own queue (event source mapping)
- cloudformation:DescribeStacks, cloudformation:DescribeStackResources: the serving stack
- sagemaker:DescribeModelPackage: the group's model packages (model-package/<group>/*)
- sagemaker:StartPipelineExecution: the monitoring pipeline
- sagemaker:DescribePipelineExecution: its executions (<pipeline arn>/execution/*)
- s3:ListBucket: captured calls, labels, looks; s3:GetObject, s3:PutObject: looks (monitoring/*)
- cloudwatch:GetMetricData: any; cloudwatch:PutMetricData: the namespace Sageloop
- events:PutEvents: the default event bus
- kms:Decrypt, kms:GenerateDataKey: the key of the buckets
- logs:CreateLogStream, logs:PutLogEvents: its log group
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

import awsclients
from monitor.calls import Calls
from monitor.executions import Executions
from monitor.figures import Figures
from monitor.messages import MalformedMessage, Message, parse
from monitor.model import Service
from monitor.news import News, NotTold
from monitor.rules import Rules
from monitor.storage import Places, Storage
from monitor.table import Table
from monitor.watch import Contended, Queue, Watcher
from retrain.queues import DeadLetters

logger = Logger(service="monitor")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages; malformed ones go to the dead letters at once.

    What AWS would not let us count or tell is handed back, and comes again.
    """
    messages: dict[str, Message] = {}
    failed: list[str] = []
    for record in event["Records"]:
        try:
            messages[record["messageId"]] = parse(record["body"])
        except MalformedMessage as error:
            logger.error("Malformed message", message_id=record["messageId"], reason=str(error))
            if not _dead_letters().bury(record["body"], str(error)):
                failed.append(record["messageId"])
    if messages:
        try:
            _watcher().reconcile([*messages.values()])
        except (Contended, NotTold, ClientError, BotoCoreError):
            logger.exception("The messages will come again")
            failed += messages
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _dead_letters() -> DeadLetters:
    return DeadLetters(awsclients.client("sqs"), os.environ["DEAD_LETTER_URL"])


@cache
def _watcher() -> Watcher:
    project, pipeline = os.environ["PROJECT"], os.environ["PIPELINE_NAME"]
    client, variant = awsclients.client, os.environ["VARIANT"]
    return Watcher(
        project,
        Rules.read(os.environ["RULES"]),
        table=Table(client("dynamodb"), os.environ["TABLE_NAME"], pipeline),
        service=Service(
            client("cloudformation"), client("sagemaker"), os.environ["STACK_NAME"], logger.warning
        ),
        storage=Storage(
            client("s3"),
            Places(
                captured=os.environ["CAPTURED_BUCKET"],
                prefix=os.environ["CAPTURED_PREFIX"],
                incoming=os.environ["INCOMING_BUCKET"],
                artifacts=os.environ["ARTIFACTS_BUCKET"],
            ),
            variant,
        ),
        calls=Calls(client("cloudwatch"), os.environ["ENDPOINT_NAME"], variant),
        executions=Executions(client("sagemaker"), pipeline),
        looks=Queue(client("sqs"), os.environ["QUEUE_URL"]),
        figures=Figures(client("cloudwatch"), project),
        news=News(client("events"), project),
        report=logger.info,
    )
