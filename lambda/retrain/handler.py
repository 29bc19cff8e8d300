"""The function that starts the training pipeline; its queue holds events, its table one item per pipeline.

IAM actions, and what they are needed on:
- dynamodb:GetItem, dynamodb:PutItem: the state table
- sqs:SendMessage: its own queue, and that of the dead letters
- sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes: its own queue (event source mapping)
- sagemaker:StartPipelineExecution, sagemaker:ListPipelineExecutions, sagemaker:DescribePipeline: the pipeline
- sagemaker:DescribePipelineExecution: the pipeline's executions (<pipeline arn>/execution/*)
- sagemaker:ListModelPackages: the model package group and its packages (model-package/<group>/*)
- sagemaker:DescribeModelPackage: the group's model packages (model-package/<group>/*)
- events:PutEvents: the default event bus; cloudwatch:PutMetricData: the namespace Sageloop
- s3:ListBucket: data/ of the incoming data; inputs/ and executions/*/prepare/intake/ of the artifacts
- s3:GetObject: the same places; s3:PutObject: inputs/ of the artifacts, quarantine/ of the incoming data
- s3:DeleteObject: data/ of the incoming data (the bucket keeps versions, of which no right deletes any)
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
from retrain.executions import Executions
from retrain.faults import Busy
from retrain.inventory import Inventory
from retrain.measured import Least
from retrain.messages import Look, MalformedMessage, Request, Sweep, parse
from retrain.news import News
from retrain.pace import Pace
from retrain.quarantine import Quarantine
from retrain.queues import DeadLetters, Queue
from retrain.reconcile import Contended, Reconciler
from retrain.surroundings import Surroundings
from retrain.table import Admissions, Table

logger = Logger(service="retrain")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages; malformed ones go to the dead letters at once.

    What AWS would not let us count is handed back, and comes again.
    """
    messages: dict[str, Request | Look | Sweep] = {}
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
            _reconcile([*messages.values()])
        except (Busy, Contended, ClientError, BotoCoreError):
            logger.exception("The messages will come again")
            failed += messages
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _reconcile(messages: list[Request | Look | Sweep]) -> None:
    _reconciler().reconcile(
        [each for each in messages if isinstance(each, Request)],
        [each.at for each in messages if isinstance(each, Look) and each.at is not None],
        sweep=any(isinstance(each, Sweep) for each in messages),
    )


@cache
def _dead_letters() -> DeadLetters:
    return DeadLetters(awsclients.client("sqs"), os.environ["DEAD_LETTER_URL"])


@cache
def _reconciler() -> Reconciler:
    """The reconciler of this function's environment; a pipeline that reads no data/ has no bucket for it."""
    pipeline, project, table = (os.environ[name] for name in ("PIPELINE_NAME", "PROJECT", "TABLE_NAME"))
    incoming, artifacts = os.environ["INCOMING_BUCKET"], os.environ["ARTIFACTS_BUCKET"]
    dynamodb, s3 = awsclients.client("dynamodb"), awsclients.client("s3")
    admissions = Admissions(dynamodb, table, project)
    surroundings = Surroundings(
        table=Table(dynamodb, table, pipeline),
        executions=Executions(awsclients.client("sagemaker"), pipeline, os.environ["MODEL_PACKAGE_GROUP"]),
        looks=Queue(awsclients.client("sqs"), os.environ["QUEUE_URL"]),
        news=News(project, events=awsclients.client("events"), cloudwatch=awsclients.client("cloudwatch")),
        inventory=(
            Inventory(s3, admissions.etags, incoming=incoming, artifacts=artifacts) if incoming else None
        ),
        quarantine=(
            Quarantine(s3, incoming=incoming, artifacts=artifacts, report=logger.warning)
            if incoming
            else None
        ),
    )
    return Reconciler(
        pipeline,
        Pace.read(os.environ["PACE"]),
        surroundings,
        least=Least.read(os.environ["LEAST"]),
        report=logger.info,
    )
