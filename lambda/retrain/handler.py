"""The function that starts the training pipeline; its queue holds events, its table one item per pipeline.

IAM actions, and what they are needed on:
- dynamodb:GetItem, dynamodb:PutItem: the state table
- sqs:SendMessage: its own queue
- sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes: its own queue (event source mapping)
- sagemaker:StartPipelineExecution: the pipeline
- sagemaker:DescribePipelineExecution: the pipeline's executions (<pipeline arn>/execution/*)
- sagemaker:ListModelPackages: the model package group and its packages (model-package/<group>/*)
- sagemaker:DescribeModelPackage: the group's model packages (model-package/<group>/*)
- kms:Decrypt, kms:GenerateDataKey: the key of queue and table, when it is a customer-managed one
- logs:CreateLogStream, logs:PutLogEvents: its log group
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from retrain.decision import Pace
from retrain.executions import Executions
from retrain.messages import Look, MalformedMessage, Request, parse
from retrain.reconcile import Queue, Reconciler
from retrain.table import Table

logger = Logger(service="retrain")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages; malformed ones are handed back, to end in the dead-letter queue."""
    requests: list[Request] = []
    looks: list[int] = []
    malformed: list[str] = []
    for record in event["Records"]:
        try:
            message = parse(record["body"])
        except MalformedMessage as error:
            logger.error("Malformed message", message_id=record["messageId"], reason=str(error))
            malformed.append(record["messageId"])
            continue
        if isinstance(message, Request):
            requests.append(message)
        elif isinstance(message, Look) and message.at is not None:
            looks.append(message.at)
    if len(malformed) < len(event["Records"]):
        _reconciler().reconcile(requests, looks)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in malformed]}


@cache
def _reconciler() -> Reconciler:
    pipeline = os.environ["PIPELINE_NAME"]
    return Reconciler(
        pipeline,
        Pace(quiet=_seconds("QUIET_SECONDS"), cooldown=_seconds("COOLDOWN_SECONDS")),
        table=Table(boto3.client("dynamodb"), os.environ["TABLE_NAME"], pipeline),
        executions=Executions(boto3.client("sagemaker"), pipeline, os.environ["MODEL_PACKAGE_GROUP"]),
        looks=Queue(boto3.client("sqs"), os.environ["QUEUE_URL"]),
        report=logger.info,
    )


def _seconds(name: str) -> int:
    return round(float(os.environ[name]))
