"""The function `tell` with its table, its queue, and the rules that send it what people may have to know."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs

from declaration import Project
from stacks.parts import events
from stacks.parts.approvals import Approvals
from stacks.parts.places import EVALUATED
from stacks.parts.queue_function import QueueFunction, event_queue
from stacks.parts.roles import Grant
from stacks.parts.rules import QueueRules, RuleArns, accept_events
from stacks.parts.sagemaker_grants import read_objects
from stacks.storage import Storage

# What other functions say that people may have to know.
TOLD = (
    "Retrain Skipped",
    "Data Quarantined",
    "Drift Found",
    "Quality Below",
    "Traffic Silent",
    "Monitoring Clear",
    "Approval Incomplete",
)
PENDING, APPROVED = "PendingManualApproval", "Approved"
FAILED = ["Failed"]


def telling(
    stack: cdk.Stack,
    *,
    project: Project,
    storage: Storage,
    topic: sns.ITopic,
    dead_letters: sqs.Queue,
    code: s3_assets.Asset,
    approved: Approvals,
) -> RuleArns:
    """The function and everything around it; the rules may send to `dead_letters`, too.

    Chats get what the topic publishes, alarms included, by the same queue.
    """
    name = project.name
    table = _table(stack, name)
    queue = event_queue(stack, "TellQueue", name=f"{name}-tell", dead_letters=dead_letters)
    QueueFunction(
        stack,
        "Tell",
        name=f"{name}-tell",
        handler="tell.handler.handle",
        code=code,
        queue=queue,
        environment={
            "PROJECT": name,
            "MODEL_PACKAGE_GROUP": name,
            "TABLE_NAME": table.table_name,
            "TOPIC_ARN": topic.topic_arn,
            "ARTIFACTS_BUCKET": storage.artifacts.bucket_name,
            "DEAD_LETTER_URL": dead_letters.queue_url,
            "PEOPLE": str(project.deploy.people),
            "SERVES": "yes" if project.endpoint else "",
            "WEBHOOKS": " ".join(project.webhooks),
            **_link_settings(project, approved),
        },
        grants=[
            Grant("TellPeople", ["sns:Publish"], [topic.topic_arn]),
            Grant("Remember", ["dynamodb:GetItem", "dynamodb:PutItem"], [table.table_arn]),
            Grant("BuryMalformed", ["sqs:SendMessage"], [dead_letters.queue_arn]),
            # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
            Grant("UseKey", ["kms:GenerateDataKey", "kms:Decrypt"], [storage.key.key_arn]),
            read_objects("ReadEvaluations", storage.artifacts.bucket_arn, [EVALUATED]),
            *_sagemaker_grants(stack, project),
            *_chat_grants(stack, project),
            *(
                [Grant("SignLinks", ["kms:GenerateMac"], [approved.link_key.key_arn])]
                if approved.link_key
                else ()
            ),
        ],
        key=storage.key,
    )
    if project.webhooks:
        topic.add_subscription(subscriptions.SqsSubscription(queue))
    cdk.CfnOutput(stack, "TellFunction", value=f"{name}-tell")
    return _rules(stack, project, queue, dead_letters)


def _link_settings(project: Project, approved: Approvals) -> dict[str, str]:
    if approved.link_key is None:
        return {}
    return {
        "LINK_KEY": approved.link_key.key_arn,
        "LINK_URL": approved.api_url,
        "LINK_SECONDS": str(project.deploy.link_seconds),
    }


def _table(stack: cdk.Stack, name: str) -> dynamodb.Table:
    return dynamodb.Table(
        stack,
        "News",
        table_name=f"{name}-news",
        partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        time_to_live_attribute="expires",
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        # Without it people are told some things twice.
        removal_policy=cdk.RemovalPolicy.DESTROY,
    )


def _sagemaker_grants(stack: cdk.Stack, project: Project) -> Sequence[Grant]:
    sagemaker = _sagemaker(stack)
    return [
        Grant(
            "SeeModels",
            ["sagemaker:ListModelPackages", "sagemaker:DescribeModelPackage"],
            [
                f"{sagemaker}:model-package-group/{project.name}",
                f"{sagemaker}:model-package/{project.name}/*",
            ],
            wildcard="The versions of the model package group",
        ),
        Grant(
            "SeeWhyRunsFail",
            ["sagemaker:ListPipelineExecutionSteps", "sagemaker:DescribePipelineExecution"],
            [f"{_pipeline(stack, project)}/execution/*"],
            wildcard="SageMaker names executions when they start",
        ),
    ]


def _chat_grants(stack: cdk.Stack, project: Project) -> Sequence[Grant]:
    if not project.webhooks:
        return ()
    secrets = f"arn:{stack.partition}:secretsmanager:{stack.region}:{stack.account}:secret"
    return [
        Grant(
            "ReadAddresses",
            ["secretsmanager:GetSecretValue"],
            # https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
            [f"{secrets}:{name}-??????" for name in project.webhooks],
        )
    ]


def _rules(stack: cdk.Stack, project: Project, queue: sqs.Queue, dead_letters: sqs.Queue) -> RuleArns:
    name = project.name
    rules = QueueRules(stack, project=name, queue=queue, dead_letters=dead_letters)
    rules.on("told", events.ours(name, TOLD))
    rules.on("model-made", events.model_became(name, [PENDING if project.deploy.people else APPROVED]))
    rules.on("tell-failed", events.execution_became(_pipeline(stack, project), FAILED))
    if project.deploy.people:
        rules.every("remind", "rate(1 day)")
    accept_events(queue, rules.arns)
    return rules.arns


def _pipeline(stack: cdk.Stack, project: Project) -> str:
    return f"{_sagemaker(stack)}:pipeline/{project.name}-training"


def _sagemaker(stack: cdk.Stack) -> str:
    return f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}"
