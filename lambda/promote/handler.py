"""The function that puts the newest approved model package into service; its queue holds events.

IAM actions, and what they are needed on:
- cloudformation:DescribeStacks, cloudformation:DescribeStackEvents, cloudformation:UpdateStack: the serving
  stack (CloudFormation goes on with the role that deployed it, so no iam:PassRole)
- sagemaker:ListModelPackages: the model package group and its packages (model-package/<group>/*)
- sagemaker:DescribeModelPackage, sagemaker:UpdateModelPackage: the group's packages (model-package/<group>/*)
- sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes: its own queue (event source mapping)
- kms:Decrypt: the key of the queue, when it is a customer-managed one
- logs:CreateLogStream, logs:PutLogEvents: its log group
"""

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from promote.decision import Deploy, Nothing, Reject, decide
from promote.registry import Registry
from promote.stack import ServingStack

EVENTS = [
    ("aws.sagemaker", "SageMaker Model Package State Change"),
    ("aws.cloudformation", "CloudFormation Stack Status Change"),
]

logger = Logger(service="promote")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages; malformed ones are handed back, to end in the dead-letter queue."""
    malformed = [record["messageId"] for record in event["Records"] if not _is_event(record["body"])]
    if malformed:
        logger.error("Malformed messages", message_ids=malformed)
    if len(malformed) < len(event["Records"]):
        reconcile(*_clients())
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in malformed]}


def reconcile(serving: ServingStack, registry: Registry) -> None:
    """Look until nothing is left to do but to wait for an event; what an event says never matters."""
    while True:
        stack = serving.read()
        failure = serving.failure() if stack.rolled_back else None
        match decide(stack, [] if stack.in_progress else registry.approved(failure), failure):
            case Deploy(package):
                serving.deploy(package)
                logger.info("Deploying", package=package.arn, token=package.token)
                return
            case Reject(package, reason):
                registry.reject(package, reason)
                logger.warning("Rejected after a rollback", package=package.arn, reason=reason)
            case Nothing():
                logger.info("Nothing to do", status=stack.status, serving=stack.package_arn)
                return


def _is_event(body: str) -> bool:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(event, dict) and (event.get("source"), event.get("detail-type")) in EVENTS


@cache
def _clients() -> tuple[ServingStack, Registry]:
    return (
        ServingStack(boto3.client("cloudformation"), os.environ["STACK_NAME"]),
        Registry(boto3.client("sagemaker"), os.environ["MODEL_PACKAGE_GROUP"]),
    )
