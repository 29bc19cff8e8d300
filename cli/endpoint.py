"""The endpoint of a project: what it serves, and what became of the last change."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.projects import Project
from cli.registry import version_of

if TYPE_CHECKING:
    import boto3


@dataclass(frozen=True)
class Endpoint:
    """An endpoint as SageMaker describes it; `version` is that of the model which answers."""

    name: str
    status: str
    version: int | None
    instances: int
    wanted_instances: int
    failure: str
    change: str


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
    version, gone = _version(session, answer.get("EndpointConfigName"))
    if gone:
        # A rollout ended between two looks, and took the old configuration with it.
        answer = sagemaker.describe_endpoint(EndpointName=name)
        version, _ = _version(session, answer.get("EndpointConfigName"))
    variants = answer.get("ProductionVariants", [])
    return Endpoint(
        name=name,
        status=answer["EndpointStatus"],
        version=version,
        instances=sum(variant.get("CurrentInstanceCount", 0) for variant in variants),
        wanted_instances=sum(variant.get("DesiredInstanceCount", 0) for variant in variants),
        failure=answer.get("FailureReason", ""),
        change=project.stacks["serving"].status,
    )


def _version(session: "boto3.Session", config: str | None) -> tuple[int | None, bool]:
    """The version that a config serves (a rollback leaves no other trace), and whether the config is gone."""
    if config is None:
        return None, False
    sagemaker = session.client("sagemaker")
    try:
        variants = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]
        model = sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    except sagemaker.exceptions.ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return None, True
        raise
    containers = [*model.get("Containers", []), model.get("PrimaryContainer", {})]
    arns = [container["ModelPackageName"] for container in containers if "ModelPackageName" in container]
    return (version_of(arns[0]) if arns else None), False
