"""What promotion needs: to see what serves, to compare a shadow with it, to tell what was taken back."""

import json
from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns

from declaration import Async, Batch, Endpoint, Project, Shadow
from stacks.parts.approvals import Approvals
from stacks.parts.guards import FAULTS_ALLOWED, LATENCY_ALLOWED, guard_names
from stacks.parts.metrics import SHADOW_VARIANT, VARIANT
from stacks.parts.model_role import CAPTURE
from stacks.parts.roles import Grant
from stacks.parts.sagemaker_grants import list_objects, read_objects
from stacks.storage import Storage


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


def eyes_settings(project: Project, approved: Approvals) -> Mapping[str, str]:
    """The environment of promotion where more than one person has to approve a model."""
    if project.deploy.people < 2 or approved.table is None:
        return {}
    return {"PEOPLE": str(project.deploy.people), "APPROVALS_TABLE": approved.table.table_name}


def eyes_grants(project: Project, approved: Approvals) -> Sequence[Grant]:
    """Reading who has approved a model."""
    if project.deploy.people < 2 or approved.table is None:
        return ()
    return [Grant("ReadApprovals", ["dynamodb:GetItem"], [approved.table.table_arn])]


def compared(project: Project) -> Shadow | None:
    """How a new model is compared with the one in service; None where it takes over without that."""
    declared = project.endpoint
    rollout = declared.rollout if isinstance(declared, Endpoint) else None
    return rollout if isinstance(rollout, Shadow) else None


def compare_settings(project: Project, storage: Storage) -> Mapping[str, str]:
    """The environment of promotion where models are compared: when, with what, and what is allowed.

    What the alarms would take back after the deployment is not deployed.
    """
    rollout, declared = compared(project), project.endpoint
    if rollout is None or not isinstance(declared, Endpoint):
        return {}
    rules = {
        "wait_seconds": rollout.wait_seconds,
        "within_seconds": rollout.within_seconds,
        "calls": rollout.calls,
        "agreement": rollout.agreement,
        "difference": rollout.difference,
        "faults": FAULTS_ALLOWED,
        "milliseconds": declared.p99_ms or LATENCY_ALLOWED,
    }
    return {
        "SHADOW": json.dumps(rules),
        "VARIANTS": f"{VARIANT} {SHADOW_VARIANT}",
        "CAPTURED_BUCKET": storage.captured.bucket_name,
        "CAPTURED_PREFIX": _captured(project),
    }


def compare_grants(project: Project, storage: Storage) -> Sequence[Grant]:
    """Reading the captured answers, and how often and how late they came."""
    if compared(project) is None:
        return ()
    prefix, bucket = f"{_captured(project)}*", storage.captured.bucket_arn
    return [
        list_objects("ListAnswers", bucket, [prefix]),
        read_objects("ReadAnswers", bucket, [prefix]),
        Grant("ReadMetrics", ["cloudwatch:GetMetricData"], ["*"], wildcard="The action takes no resource"),
    ]


def compare_schedule(project: Project) -> str | None:
    """How often promotion looks whether a comparison is over; None where there is none."""
    rollout = compared(project)
    if rollout is None:
        return None
    minutes = max(1, min(5, rollout.wait_seconds // 180))
    return "rate(1 minute)" if minutes == 1 else f"rate({minutes} minutes)"


def _captured(project: Project) -> str:
    return f"{CAPTURE}/{project.name}/"
