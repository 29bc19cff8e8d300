"""The function that tells people; its queue holds events, and what the topic has published for the chats.

IAM actions, and what they are needed on:
- sns:Publish: the project's topic
- dynamodb:GetItem, dynamodb:PutItem: the table of what was told
- sagemaker:ListModelPackages: the model package group and its packages (model-package/<group>/*)
- sagemaker:DescribeModelPackage: the group's packages (model-package/<group>/*)
- sagemaker:ListPipelineExecutionSteps, sagemaker:DescribePipelineExecution: the executions of the project's
  pipelines (<pipeline arn>/execution/*)
- s3:GetObject: what evaluations have left (executions/*/evaluate/* of the artifacts)
- secretsmanager:GetSecretValue: the secrets with the addresses of the chats
- kms:GenerateMac: the key of the links, where links are sent
- kms:Decrypt, kms:GenerateDataKey: the key of the topic and the artifacts
- sqs:SendMessage: the dead letters
- sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes: its own queue (event source mapping)
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
from retrain.queues import DeadLetters
from tell.channels import NotPosted, Topic, Webhook
from tell.facts import Facts
from tell.links import Links
from tell.memory import Memory
from tell.messages import MalformedMessage, parse
from tell.news import News
from tell.texts import Writer

logger = Logger(service="tell")


@logger.inject_lambda_context
def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:  # noqa: ARG001
    """Take a batch of SQS messages, each by itself: what could not be told is handed back, and comes again.

    Malformed ones go to the dead letters at once.
    """
    failed: list[str] = []
    for record in event["Records"]:
        try:
            _news().take(parse(record["body"]))
        except MalformedMessage as error:
            logger.error("Malformed message", message_id=record["messageId"], reason=str(error))
            if not _dead_letters().bury(record["body"], str(error)):
                failed.append(record["messageId"])
        except (ClientError, BotoCoreError, NotPosted) as error:
            logger.warning("Not told yet", message_id=record["messageId"], reason=str(error))
            failed.append(record["messageId"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


@cache
def _news() -> News:
    client = awsclients.client
    secrets = os.environ["WEBHOOKS"].split()
    return News(
        Writer(
            os.environ["PROJECT"],
            people=int(os.environ["PEOPLE"]),
            serves=bool(os.environ["SERVES"]),
        ),
        facts=Facts(
            client("sagemaker"),
            client("s3"),
            os.environ["MODEL_PACKAGE_GROUP"],
            os.environ["ARTIFACTS_BUCKET"],
        ),
        memory=Memory(client("dynamodb"), os.environ["TABLE_NAME"]),
        topic=Topic(client("sns"), os.environ["TOPIC_ARN"]),
        chats=[Webhook(client("secretsmanager"), name) for name in secrets],
        link=_links().address if os.environ.get("LINK_KEY") else _no_link,
    )


def _no_link(_version: int) -> str:
    return ""


@cache
def _links() -> Links:
    return Links(
        awsclients.client("kms"),
        os.environ["LINK_KEY"],
        os.environ["PROJECT"],
        os.environ["LINK_URL"],
        int(os.environ["LINK_SECONDS"]),
    )


@cache
def _dead_letters() -> DeadLetters:
    return DeadLetters(awsclients.client("sqs"), os.environ["DEAD_LETTER_URL"])
