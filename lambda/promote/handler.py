"""The function that puts the newest approved model package into service; its queue holds events.

IAM actions, and what they are needed on:
- cloudformation:DescribeStacks, cloudformation:DescribeStackEvents, cloudformation:DescribeStackResources,
  cloudformation:UpdateStack: the serving stack (CloudFormation goes on with the role that deployed it, so no
  iam:PassRole)
- sagemaker:ListModelPackages: the model package group and its packages (model-package/<group>/*)
- sagemaker:DescribeModelPackage, sagemaker:UpdateModelPackage: the group's packages (model-package/<group>/*)
- sagemaker:DescribeEndpoint, or sagemaker:DescribeInferenceComponent: the endpoint, or its component
- events:PutEvents: the default event bus; sns:Publish: the project's topic
- dynamodb:GetItem: the table of approvals, where more than one person has to approve
- kms:Decrypt, kms:GenerateDataKey: the key of the topic
- s3:ListBucket, s3:GetObject, cloudwatch:GetMetricData: the captured answers and the metrics of the endpoint,
  where the rollout is Shadow; the answers have the key of the topic
- sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes: its own queue (event source mapping)
- sqs:SendMessage: the dead letters
- kms:Decrypt: the key of the queue, when it is a customer-managed one
- logs:CreateLogStream, logs:PutLogEvents: its log group
"""

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

import awsclients
from promote.captured import Captured
from promote.decision import (
    UPDATABLE,
    Decision,
    Deploy,
    EndShadow,
    Failure,
    Nothing,
    Package,
    Reject,
    RunShadow,
    Stack,
    decide,
)
from promote.eyes import Eyes
from promote.news import News
from promote.registry import Registry
from promote.service import Endpoint
from promote.shadow import Trial
from promote.stack import ServingStack
from promote.traffic import Metrics
from promote.verdict import Holds, Rules, Seen, Verdict
from retrain.queues import DeadLetters

# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
SCHEDULED = ("aws.events", "Scheduled Event")
EVENTS = [
    ("aws.sagemaker", "SageMaker Model Package State Change"),
    ("aws.cloudformation", "CloudFormation Stack Status Change"),
    # Of approve: as many people as it takes have approved a version that the registry had approved before.
    ("sageloop", "Approval Complete"),
    SCHEDULED,
]

MALFORMED = "the body is no event that a rule sends here"

logger = Logger(service="promote")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages; malformed ones go to the dead letters at once."""
    told: list[Mapping[str, Any]] = []
    failed: list[str] = []
    for record in event["Records"]:
        found = _event(record["body"])
        if found is not None:
            told.append(found)
            continue
        logger.error("Malformed message", message_id=record["messageId"])
        if not _dead_letters().bury(record["body"], MALFORMED):
            failed.append(record["messageId"])
    if any(_kind(found) != SCHEDULED for found in told):
        _promotion().reconcile(rolled_back=any(map(_tells_rollback, told)))
    elif told:
        _promotion().look_at_shadow()
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


class Promotion:
    """Brings the serving stack to the newest approved package, and tells what went wrong."""

    def __init__(
        self,
        serving: ServingStack,
        registry: Registry,
        endpoint: Endpoint | None,
        news: News,
        trial: Trial | None = None,
        eyes: Eyes | None = None,
    ) -> None:
        self._serving, self._registry, self._endpoint, self._news = serving, registry, endpoint, news
        self._trial, self._eyes = trial, eyes

    def look_at_shadow(self) -> None:
        """Look again at what is compared, because time has passed: without that, nothing is to be done.

        What is wrong with the stack or the endpoint was told when it happened.
        """
        stack = self._serving.read()
        if stack.shadow_arn and stack.status in UPDATABLE:
            self.reconcile(quiet=True)

    def reconcile(self, *, rolled_back: bool = False, quiet: bool = False) -> None:
        """Look until nothing is left to do but to wait for an event, or for the end of a comparison.

        What an event says never matters, but for `rolled_back`: that somebody else's update of the stack was
        taken back leaves no trace that could be written, so it is told when its event comes. A `quiet` look
        does not tell once more what else serves.
        """
        while True:
            stack = self._serving.read()
            failure = self._serving.failure() if stack.rolled_back else None
            approved = [] if stack.in_progress else self._registry.approved(failure)
            verdict = self._verdict(stack, approved)
            match decide(stack, approved, failure, shadows=self._trial is not None, verdict=verdict):
                case Reject(package, reason, seen):
                    self._reject(package, reason, seen, stack)
                    continue
                case decided:
                    self._tell_of_others(stack, failure, rolled_back=rolled_back)
            if not quiet:
                self._tell_of_lacking(stack)
            self._do(decided, stack, verdict)
            if isinstance(decided, Nothing) and not quiet:
                self._check(stack)
            return

    def _verdict(self, stack: Stack, approved: Sequence[Package]) -> Verdict | None:
        """The verdict on the shadow, if there is one that is still approved."""
        if self._trial is None or all(package.arn != stack.shadow_arn for package in approved):
            return None
        return self._trial.verdict(self._serving.endpoint_since())

    def _reject(self, package: Package, reason: str, seen: Seen | None, stack: Stack) -> None:
        if seen:
            self._news.not_deployed(package.arn, reason, seen, stack.package_arn)
            self._registry.reject(package, f"Not deployed: {reason}")
            logger.warning("Rejected as a shadow", package=package.arn, reason=reason, seen=seen.described())
        else:
            self._news.rolled_back(package.arn, reason, stack.package_arn)
            self._registry.reject(package, f"Rolled back: {reason}")
            logger.warning("Rejected after a rollback", package=package.arn, reason=reason)

    def _do(self, decided: Decision, stack: Stack, verdict: Verdict | None) -> None:
        match decided:
            case Deploy(package):
                self._serving.deploy(package, stack)
                seen = verdict.seen.described() if isinstance(verdict, Holds) else ""
                logger.info("Deploying", package=package.arn, token=package.token, seen=seen)
            case RunShadow(package):
                self._serving.run_shadow(package, stack)
                logger.info("Comparing", package=package.arn, token=package.shadow_token)
            case EndShadow():
                self._serving.end_shadow(stack)
                logger.info("Ending the comparison", package=stack.shadow_arn)
            case _:
                logger.info("Nothing to do", status=stack.status, serving=stack.package_arn)

    def _tell_of_others(self, stack: Stack, failure: Failure | None, *, rolled_back: bool) -> None:
        if rolled_back and stack.rolled_back and not (failure and failure.of_promotion):
            reason = failure.reason if failure else "the events of the stack say it"
            self._news.rolled_back("", reason, stack.package_arn)

    def _tell_of_lacking(self, stack: Stack) -> None:
        """Tell of an approval past the API of approvals, which cannot tell how many people agree."""
        if self._eyes and not stack.in_progress:
            version = self._registry.lacking(stack.version)
            if version is not None:
                self._news.approval_incomplete(version, self._eyes.people)

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
    return event if isinstance(event, dict) and _kind(event) in EVENTS else None


def _kind(event: Mapping[str, Any]) -> tuple[Any, Any]:
    return event.get("source"), event.get("detail-type")


def _tells_rollback(event: Mapping[str, Any]) -> bool:
    match event:
        case {"detail": {"status-details": {"status": "UPDATE_ROLLBACK_COMPLETE"}}}:
            return True
        case _:
            return False


@cache
def _promotion() -> Promotion:
    sagemaker = awsclients.client("sagemaker")
    endpoint = os.environ["ENDPOINT_NAME"]
    eyes = _eyes()
    return Promotion(
        ServingStack(awsclients.client("cloudformation"), os.environ["STACK_NAME"]),
        Registry(sagemaker, os.environ["MODEL_PACKAGE_GROUP"], eyes.suffice if eyes else None),
        Endpoint(sagemaker, endpoint, component=bool(os.environ["COMPONENT"])) if endpoint else None,
        News(
            os.environ["MODEL_PACKAGE_GROUP"],
            os.environ["TOPIC_ARN"],
            os.environ["GUARDS"].split(),
            events=awsclients.client("events"),
            sns=awsclients.client("sns"),
        ),
        _trial(endpoint) if os.environ.get("SHADOW") else None,
        eyes,
    )


@cache
def _dead_letters() -> DeadLetters:
    return DeadLetters(awsclients.client("sqs"), os.environ["DEAD_LETTER_URL"])


def _eyes() -> Eyes | None:
    people = int(os.environ.get("PEOPLE", "1"))
    return Eyes(awsclients.client("dynamodb"), os.environ["APPROVALS_TABLE"], people) if people > 1 else None


def _trial(endpoint: str) -> Trial:
    service, shadow = os.environ["VARIANTS"].split()
    return Trial(
        Rules.read(os.environ["SHADOW"]),
        Captured(awsclients.client("s3"), os.environ["CAPTURED_BUCKET"], os.environ["CAPTURED_PREFIX"]),
        Metrics(awsclients.client("cloudwatch"), endpoint),
        service=service,
        shadow=shadow,
    )
