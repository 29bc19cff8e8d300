"""What can be scaled: the instances of an endpoint's variant, and the copies of an inference component.

docs.aws.amazon.com/autoscaling/application/userguide/services-that-can-integrate-sagemaker.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from botocore.exceptions import ClientError

from local.errors import ValidationException

PERIOD = 60
"""Seconds of one datapoint."""
HIGH_RESOLUTION_PERIOD = 10
"""Seconds of one datapoint of the metrics whose names end so.

docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html
"""


class Predefined(NamedTuple):
    """A metric that a policy can name; `period` is that of the alarm which scales out."""

    name: str
    statistic: str
    period: int


@dataclass(frozen=True)
class Variant:
    """The instances of a variant."""

    endpoint: str
    variant: str
    dimension: ClassVar[str] = "sagemaker:variant:DesiredInstanceCount"
    noun: ClassVar[str] = "instance count"
    metrics: ClassVar[Mapping[str, Predefined]] = {
        "SageMakerVariantInvocationsPerInstance": Predefined("InvocationsPerInstance", "Sum", PERIOD),
        "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
            "ConcurrentRequestsPerModel", "Maximum", HIGH_RESOLUTION_PERIOD
        ),
    }

    @property
    def dimensions(self) -> dict[str, str]:
        """The dimensions of its metrics."""
        return {"EndpointName": self.endpoint, "VariantName": self.variant}

    def current(self, sagemaker: Any) -> int | None:
        """The desired count; None if its endpoint is changing or has no such variant. Raises ClientError."""
        endpoint = sagemaker.describe_endpoint(EndpointName=self.endpoint)
        if endpoint["EndpointStatus"] != "InService":
            return None
        for variant in endpoint["ProductionVariants"]:
            if variant["VariantName"] == self.variant:
                return int(variant["DesiredInstanceCount"])
        return None

    def change(self, sagemaker: Any, desired: int) -> None:
        """Ask for another count. Raises ClientError."""
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": self.variant, "DesiredInstanceCount": desired}],
        )

    def check(self, sagemaker: Any) -> bool:
        """Whether it may be scaled to zero; ValidationException if it cannot be scaled at all.

        docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
        """
        try:
            endpoint = sagemaker.describe_endpoint(EndpointName=self.endpoint)
            config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        except ClientError as error:
            raise ValidationException(
                f"endpoint/{self.endpoint}/variant/{self.variant} cannot be registered: {error}"
            ) from error
        variants = {variant["VariantName"]: variant for variant in config["ProductionVariants"]}
        if self.variant not in variants:
            raise ValidationException(f"Endpoint {self.endpoint} has no variant {self.variant}.")
        variant = variants[self.variant]
        if "ManagedInstanceScaling" in variant:
            raise ValidationException(
                f"The instances of variant {self.variant} follow its ManagedInstanceScaling; scale the "
                "copies of its inference components."
            )
        if variant.get("InstanceType", "ml.t").startswith("ml.t"):
            runs_on = variant.get("InstanceType", "serverless capacity")
            raise ValidationException(
                f"Variant {self.variant} runs on {runs_on}, which cannot be scaled by instances "
                "(docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html)."
            )
        return "AsyncInferenceConfig" in config


@dataclass(frozen=True)
class Component:
    """The copies of an inference component."""

    name: str
    dimension: ClassVar[str] = "sagemaker:inference-component:DesiredCopyCount"
    noun: ClassVar[str] = "copy count"
    metrics: ClassVar[Mapping[str, Predefined]] = {
        "SageMakerInferenceComponentInvocationsPerCopy": Predefined("InvocationsPerCopy", "Sum", PERIOD),
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": Predefined(
            "ConcurrentRequestsPerCopy", "Maximum", HIGH_RESOLUTION_PERIOD
        ),
    }

    @property
    def dimensions(self) -> dict[str, str]:
        """The dimensions of its metrics."""
        return {"InferenceComponentName": self.name}

    def current(self, sagemaker: Any) -> int | None:
        """The desired count; None if it is changing. Raises ClientError."""
        described = sagemaker.describe_inference_component(InferenceComponentName=self.name)
        if described["InferenceComponentStatus"] != "InService":
            return None
        return int(described["RuntimeConfig"]["DesiredCopyCount"])

    def change(self, sagemaker: Any, desired: int) -> None:
        """Ask for another count. Raises ClientError."""
        sagemaker.update_inference_component_runtime_config(
            InferenceComponentName=self.name, DesiredRuntimeConfig={"CopyCount": desired}
        )

    def check(self, sagemaker: Any) -> bool:
        """Whether it may be scaled to zero: it may; ValidationException if there is no such component."""
        try:
            sagemaker.describe_inference_component(InferenceComponentName=self.name)
        except ClientError as error:
            raise ValidationException(
                f"inference-component/{self.name} cannot be registered: {error}"
            ) from error
        return True


Resource = Variant | Component


def resource(identifier: str) -> Resource:
    """What a ResourceId names; ValidationException if it is none that can be scaled."""
    match identifier.split("/"):
        case ["endpoint", endpoint, "variant", variant] if endpoint and variant:
            return Variant(endpoint, variant)
        case ["inference-component", name] if name:
            return Component(name)
    raise ValidationException(
        f"Unsupported resource ID {identifier}; the forms are endpoint/my-endpoint/variant/my-variant and "
        "inference-component/my-component."
    )
