"""The request of a model: an image with a model artifact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.requests.job import Expression, Job


@dataclass(frozen=True)
class ServedContainer:
    """What serves a model: an image, the model's archive, and what the image is told by its environment."""

    image_uri: Expression
    model: Expression
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def definition(self) -> dict[str, Any]:
        """The container definition, as models and model packages take it."""
        told = {"Environment": dict(self.environment)} if self.environment else {}
        return {"Image": self.image_uri, "ModelDataUrl": self.model, **told}


def model(job: Job, container: ServedContainer) -> dict[str, Any]:
    """A CreateModel request; of the job only the role and the guards matter.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
    """
    return {
        "PrimaryContainer": container.definition,
        "ExecutionRoleArn": job.role_arn,
        "VpcConfig": job.vpc,
        "EnableNetworkIsolation": True,
    }
