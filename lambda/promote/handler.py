"""The function that puts the newest approved model package into service; its queue holds events.

IAM actions, and what they are needed on:
- cloudformation:DescribeStacks, cloudformation:DescribeStackEvents, cloudformation:DescribeStackResources,
  cloudformation:UpdateStack: the serving stack (CloudFormation goes on with the role that deployed it, so no
  iam:PassRole)
- sagemaker:ListModelPackages: the model package group and its packages (model-package/<group>/*)
- sagemaker:DescribeModelPackage, sagemaker:UpdateModelPackage: the group's packages (model-package/<group>/*)
- sagemaker:DescribeEndpoint, or sagemaker:DescribeInferenceComponent: the endpoint, or its component
- events:PutEvents: the default event bus; sns:Publish: the project's topic
- kms:Decrypt, kms:GenerateDataKey: the key of the topic
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

from promote.decision import Deploy, Failure, Nothing, Reject, Stack, decide
from promote.news import News
from promote.registry import Registry
from promote.service import Endpoint
from promote.stack import ServingStack

EVENTS = [
    ("aws.sagemaker", "SageMaker Model Package State Change"),
    ("aws.cloudformation", "CloudFormation Stack Status Change"),
]

logger = Logger(service="promote")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages; malformed ones are handed back, to end in the dead-letter queue."""
    read = {record["messageId"]: _event(record["body"]) for record in event["Records"]}
    malformed = [message_id for message_id, found in read.items() if found is None]
    if malformed:
        logger.error("Malformed messages", message_ids=malformed)
    if len(malformed) < len(event["Records"]):
        _promotion().reconcile(rolled_back=any(map(_tells_rollback, read.values())))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in malformed]}


class Promotion:
    """Brings the serving stack to the newest approved package, and tells what went wrong."""

    def __init__(
        self, serving: ServingStack, registry: Registry, endpoint: Endpoint | None, news: News
    ) -> None:
        self._serving, self._registry, self._endpoint, self._news = serving, registry, endpoint, news

    def reconcile(self, *, rolled_back: bool = False) -> None:
        """Look until nothing is left to do but to wait for an event.

        What an event says never matters, but for `rolled_back`: that somebody else's update of the stack was
        taken back leaves no trace that could be written, so it is told when its event comes.
        """
        while True:
            stack = self._serving.read()
            failure = self._serving.failure() if stack.rolled_back else None
            match decide(stack, [] if stack.in_progress else self._registry.approved(failure), failure):
                case Deploy(package):
                    self._tell_of_others(stack, failure, rolled_back=rolled_back)
                    self._serving.deploy(package)
                    logger.info("Deploying", package=package.arn, token=package.token)
                    return
                case Reject(package, reason):
                    self._news.rolled_back(package.arn, reason, stack.package_arn)
                    self._registry.reject(package, reason)
                    logger.warning("Rejected after a rollback", package=package.arn, reason=reason)
                case Nothing():
                    self._tell_of_others(stack, failure, rolled_back=rolled_back)
                    self._check(stack)
                    logger.info("Nothing to do", status=stack.status, serving=stack.package_arn)
                    return

    def _tell_of_others(self, stack: Stack, failure: Failure | None, *, rolled_back: bool) -> None:
        if rolled_back and stack.rolled_back and not (failure and failure.of_promotion):
            reason = failure.reason if failure else "the events of the stack say it"
            self._news.rolled_back("", reason, stack.package_arn)

    def _check(self, stack: Stack) -> None:
        """Tell when the endpoint does not serve what its stack has made, and no change is under way."""
        if stack.in_progress or not stack.package_arn:
            return
        stranger = self._stranger()
        if stranger and self._serving.read() == stack:
            self._news.not_as_asked(stack.package_arn, stranger)
            logger.warning("Not in service", asked=stack.package_arn, serving=stranger)

    def _stranger(self) -> str | None:
        """What is in service although the stack did not make it."""
        found = self._endpoint.serves() if self._endpoint else None
        return found if found and found not in self._serving.made() else None


def _event(body: str) -> Mapping[str, Any] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    known = isinstance(event, dict) and (event.get("source"), event.get("detail-type")) in EVENTS
    return event if known else None


def _tells_rollback(event: Mapping[str, Any] | None) -> bool:
    match event:
        case {"detail": {"status-details": {"status": "UPDATE_ROLLBACK_COMPLETE"}}}:
            return True
        case _:
            return False


@cache
def _promotion() -> Promotion:
    sagemaker = boto3.client("sagemaker")
    endpoint = os.environ["ENDPOINT_NAME"]
    return Promotion(
        ServingStack(boto3.client("cloudformation"), os.environ["STACK_NAME"]),
        Registry(sagemaker, os.environ["MODEL_PACKAGE_GROUP"]),
        Endpoint(sagemaker, endpoint, component=bool(os.environ["COMPONENT"])) if endpoint else None,
        News(
            os.environ["MODEL_PACKAGE_GROUP"],
            os.environ["TOPIC_ARN"],
            os.environ["GUARDS"].split(),
            events=boto3.client("events"),
            sns=boto3.client("sns"),
        ),
    )
