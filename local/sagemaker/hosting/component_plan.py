"""From the specification of an inference component to what its copies run, and back to what is shown.

docs.aws.amazon.com/sagemaker/latest/APIReference/API_InferenceComponentSpecification.html
"""

from dataclasses import replace
from typing import Any

from local.errors import ValidationException
from local.sagemaker.context import Context
from local.sagemaker.hosting.endpoints import KIND as ENDPOINT
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.plan import FleetPlan, VariantPlan
from local.sagemaker.operations import Params
from local.sagemaker.store import Record

_REFUSED = {
    "BaseInferenceComponentName": "adapters on a base inference component",
    "InstanceType": "inference components for one of several instance types",
}


def plan(name: str, specification: Record, host: VariantPlan, copies: int, models: Models) -> FleetPlan:
    """The fleet of an inference component's copies; ValidationException if it cannot be made of this."""
    for member, what in _REFUSED.items():
        if member in specification:
            raise ValidationException(f"The embedded AWS does not run {what} ({member}).")
    needs = specification.get("ComputeResourceRequirements")
    if needs is None:
        raise ValidationException("An inference component needs ComputeResourceRequirements.")
    if "NumberOfAcceleratorDevicesRequired" in needs:
        raise ValidationException(
            f"Inference component {name} asks for accelerators, which {host.instance_type} of the embedded "
            "AWS does not have."
        )
    variant = _variant(specification, host, models)
    startup = specification.get("StartupParameters", {}).get("ContainerStartupHealthCheckTimeoutInSeconds")
    return FleetPlan(
        name,
        (
            replace(
                variant,
                name=host.name,
                role=host.role,
                isolated=host.isolated or variant.isolated,
                subnets=host.subnets,
                security_groups=host.security_groups,
                count=copies,
                weight=1.0,
                instance_type=host.instance_type,
                component=name,
                cpus=float(needs.get("NumberOfCpuCoresRequired", 0.0)),
                memory_mb=needs["MinMemoryRequiredInMb"],
                concurrency=None,
                startup_seconds=startup or variant.startup_seconds,
            ),
        ),
        None,
    )


def specification_of(params: Params) -> Record:
    """The one specification of a request."""
    if "Specifications" in params:
        raise ValidationException(
            "The embedded AWS takes Specification, not Specifications per instance type."
        )
    specification: Record | None = params.get("Specification")
    if specification is None:
        raise ValidationException("An inference component needs a Specification.")
    return specification


def shown(specification: Record, variant: VariantPlan, resolved: float) -> dict[str, Any]:
    """The specification as DescribeInferenceComponent has it."""
    container = specification.get("Container", {})
    image = {
        "SpecifiedImage": variant.image,
        "ResolvedImage": variant.image,
        "ResolutionTime": resolved,
    }
    described = {
        "DeployedImage": image,
        "ArtifactUrl": container.get("ArtifactUrl"),
        "Environment": container.get("Environment"),
    }
    return {**specification, "Container": described}


def _variant(specification: Record, host: VariantPlan, models: Models) -> VariantPlan:
    if ("ModelName" in specification) == ("Container" in specification):
        raise ValidationException("An inference component needs either ModelName or Container.")
    if "ModelName" in specification:
        found = {"VariantName": host.name, "ModelName": specification["ModelName"]}
        return models.variant(found, host.volume_key)
    container = specification["Container"]
    if "Image" not in container:
        raise ValidationException("The Container of an inference component needs an Image.")
    return replace(
        host,
        image=container["Image"],
        model_data=container.get("ArtifactUrl"),
        environment=dict(container.get("Environment", {})),
        hosts=None,
    )


def host_of(context: Context, endpoint: str, name: str | None, *, in_service: bool = False) -> VariantPlan:
    """The variant of an endpoint that copies run on; ValidationException if it hosts none."""
    arn = context.arn(ENDPOINT, endpoint)
    missing = ValidationException(f'Could not find endpoint "{arn}".')
    record = context.find(ENDPOINT, endpoint, missing)
    if "_Fleet" not in record or (in_service and record["EndpointStatus"] != "InService"):
        raise ValidationException(
            f'Endpoint "{arn}" is {record["EndpointStatus"]}; inference components are made on one that is '
            "InService."
        )
    plan = FleetPlan.from_record(record["_Fleet"])
    variant = plan.variant(name) if name else plan.variants[0]
    if variant is None:
        raise ValidationException(f"Variant {name} not found for endpoint {endpoint}.")
    if variant.hosts is None:
        raise ValidationException(
            f"Variant {variant.name} of endpoint {endpoint} has a model; inference components need a variant "
            "without ModelName."
        )
    return variant
