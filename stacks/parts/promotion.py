"""What promotion needs to see what is in service, and to tell when a rollout was taken back."""

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from declaration import Async, Batch, Endpoint, Project
from stacks.parts.guards import guard_names
from stacks.parts.roles import Grant


def guarded(project: Project) -> Sequence[str]:
    """The names of the alarms that may take a rollout back; SageMaker has none for serverless endpoints."""
    declared = project.endpoint
    return guard_names(project.name, declared) if isinstance(declared, Endpoint | Async) else ()


def has_component(project: Project) -> bool:
    """Whether the model is an inference component on its endpoint, and not the endpoint's own."""
    return isinstance(project.endpoint, Endpoint) and project.endpoint.scale_to_zero


def tell_grants(stack: cdk.Stack, project: Project, *, topic: sns.ITopic, key: kms.IKey) -> Sequence[Grant]:
    """Reading the endpoint, and telling EventBridge and the topic."""
    account = f"{stack.region}:{stack.account}"
    grants = [
        Grant(
            "TellPrograms",
            ["events:PutEvents"],
            [f"arn:{stack.partition}:events:{account}:event-bus/default"],
        ),
        Grant("TellPeople", ["sns:Publish"], [topic.topic_arn]),
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
        Grant("EncryptMessages", ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn]),
    ]
    if not isinstance(project.endpoint, Batch):
        sagemaker = f"arn:{stack.partition}:sagemaker:{account}"
        kind, action = ("endpoint", "Endpoint")
        if has_component(project):
            kind, action = ("inference-component", "InferenceComponent")
        seen = f"{sagemaker}:{kind}/{project.name}"
        grants.append(Grant("SeeWhatServes", [f"sagemaker:Describe{action}"], [seen]))
    return grants
