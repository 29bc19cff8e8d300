"""The endpoint of a project: what it serves, and what is becoming of a change."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from cli.projects import Project
from cli.registry import version_of

if TYPE_CHECKING:
    import boto3

Variants = Literal["ProductionVariants", "ShadowProductionVariants"]
# SageMaker says: Baking for 300 seconds (...) with traffic enabled on canary capacity of 1 instance(s).
_ACTIVE = re.compile(r"capacity of (\d+) instance")


@dataclass(frozen=True)
class Rollout:
    """A model that is taking over: its stage in SageMaker's word and sentence, and how far it has come.

    `traffic` is the share of the calls that the new instances get, None where SageMaker does not say it;
    `guards` are the alarms that would take it back.
    """

    version: int | None
    stage: str
    message: str
    since: datetime | None
    traffic: float | None
    instances: int
    wanted_instances: int
    guards: list[str]


@dataclass(frozen=True)
class Shadow:
    """A model that gets copies of a share of the calls, and whose answers nobody gets."""

    version: int | None
    share: float
    instances: int
    wanted_instances: int


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as SageMaker describes it.

    `version` is that of the model which answers, `asked` that which its stack was last deployed with.
    `at_once` is how many calls run at once at most where there are no instances to count, and `warm` how many
    of them never start cold.
    """

    name: str
    status: str
    version: int | None
    asked: int | None
    instances: int
    wanted_instances: int
    failure: str
    change: str
    rollout: Rollout | None
    shadow: Shadow | None = None
    at_once: int | None = None
    warm: int = 0

    @property
    def differs(self) -> bool:
        """Whether another model answers than its stack asks for, although no change is under way."""
        settled = self.status == "InService" and not self.change.endswith("_IN_PROGRESS")
        return settled and self.rollout is None and self.version != self.asked


def describe(session: "boto3.Session", project: Project) -> Endpoint | None:
    """The project's endpoint; None before the first approval."""
    name = project.find("serving", "EndpointName")
    if name is None:
        return None
    sagemaker = session.client("sagemaker")
    listed = sagemaker.list_endpoints(NameContains=name, MaxResults=100)["Endpoints"]
    if not any(endpoint["EndpointName"] == name for endpoint in listed):
        return None
    answer = sagemaker.describe_endpoint(EndpointName=name)
    version, gone = _version(session, name, answer.get("EndpointConfigName"))
    if gone:
        # A rollout ended between two looks, and took the old configuration with it.
        answer = sagemaker.describe_endpoint(EndpointName=name)
        version, _ = _version(session, name, answer.get("EndpointConfigName"))
    variants = answer.get("ProductionVariants", [])
    serverless = [one["CurrentServerlessConfig"] for one in variants if "CurrentServerlessConfig" in one]
    stack = project.stacks["serving"]
    return Endpoint(
        name=name,
        status=answer["EndpointStatus"],
        version=version,
        asked=version_of(stack.parameters.get("ModelPackageArn", "")),
        instances=sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
        wanted_instances=sum(variant.get("DesiredInstanceCount", 0) for variant in variants),
        failure=answer.get("FailureReason", ""),
        change=stack.status,
        rollout=_rollout(session, name, answer),
        shadow=_shadow(session, name, answer),
        at_once=sum(one["MaxConcurrency"] for one in serverless) or None,
        warm=sum(one.get("ProvisionedConcurrency", 0) for one in serverless),
    )


def _rollout(session: "boto3.Session", name: str, answer: Mapping[str, Any]) -> Rollout | None:
    """The deployment under way, of an endpoint whose model is its own.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_PendingDeploymentSummary.html
    """
    pending = answer.get("PendingDeploymentSummary")
    if pending is None:
        return None
    version, _ = _version(session, name, pending["EndpointConfigName"])
    variants = pending.get("ProductionVariants", [])
    stages = [each for variant in variants for each in variant.get("VariantStatus", [])]
    said: Mapping[str, Any] = stages[0] if stages else {}
    wanted = sum(variant.get("DesiredInstanceCount", 0) for variant in variants)
    deployment = answer.get("LastDeploymentConfig", {})
    alarms = deployment.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return Rollout(
        version=version,
        stage=said.get("Status", answer["EndpointStatus"]),
        message=said.get("StatusMessage", ""),
        since=pending.get("StartTime"),
        traffic=_traffic(said, deployment, wanted),
        instances=sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
        wanted_instances=wanted,
        guards=[alarm["AlarmName"] for alarm in alarms],
    )


def _shadow(session: "boto3.Session", name: str, answer: Mapping[str, Any]) -> Shadow | None:
    """The shadow variant; its share is its weight by that of the production variant.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
    """
    variants = answer.get("ShadowProductionVariants")
    if not variants:
        return None
    (variant, *_), (service, *_) = variants, answer["ProductionVariants"]
    version, _ = _version(session, name, answer["EndpointConfigName"], "ShadowProductionVariants")
    weight = service.get("CurrentWeight") or 1.0
    return Shadow(
        version=version,
        share=variant.get("CurrentWeight", 0.0) / weight,
        instances=variant.get("CurrentInstanceCount", 0),
        wanted_instances=variant.get("DesiredInstanceCount", 0),
    )


def _traffic(said: Mapping[str, Any], deployment: Mapping[str, Any], wanted: int) -> float | None:
    """The share of the new instances, from the stage of the rollout and how it was asked for."""
    message = said.get("StatusMessage", "")
    if said.get("Status") == "Creating":
        return 0.0
    if "full capacity" in message:
        return 1.0
    routing = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    canary = routing.get("CanarySize", {})
    if routing.get("Type") == "CANARY" and canary.get("Type") == "CAPACITY_PERCENT":
        return float(canary["Value"]) / 100
    active = _ACTIVE.search(message)
    return min(1.0, int(active[1]) / wanted) if active and wanted else None


def _version(
    session: "boto3.Session", name: str, config: str | None, member: Variants = "ProductionVariants"
) -> tuple[int | None, bool]:
    """The version that a config serves (a rollback leaves no other trace), and whether the config is gone."""
    if config is None:
        return None, False
    sagemaker = session.client("sagemaker")
    try:
        variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)[member]
        # The model of an endpoint that scales to zero is an inference component of the endpoint's name.
        model = variants[0].get("ModelName") or _model_of_component(session, name)
        described = sagemaker.describe_model(ModelName=model)
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return None, True
        raise
    containers = [*described.get("Containers", []), described.get("PrimaryContainer", {})]
    arns = [container["ModelPackageName"] for container in containers if "ModelPackageName" in container]
    return (version_of(arns[0]) if arns else None), False


def _model_of_component(session: "boto3.Session", name: str) -> str:
    found = session.client("sagemaker").describe_inference_component(InferenceComponentName=name)
    return found["Specification"]["ModelName"]
