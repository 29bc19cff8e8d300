"""What all steps of one pipeline share."""

from dataclasses import dataclass
from typing import Any

from declaration import Project
from pipelines import requests
from pipelines.sdk import ExecutionVariables, Join
from pipelines.training.bindings import TrainingBindings
from pipelines.training.parameters import Parameters


@dataclass(frozen=True)
class Context:
    """The project, its surroundings and the parameters, from which the steps are made."""

    project: Project
    bindings: TrainingBindings
    parameters: Parameters

    def processing_job(self, role_arn: str | None) -> requests.Job:
        """A job of our image that prepares or evaluates."""
        return self._job(self.bindings.image_uri, role_arn, self.project.data.instance, 1)

    def training_job(self) -> requests.Job:
        """A job that learns."""
        compute = self.project.train.compute
        return self._job(
            self.bindings.training_image_uri,
            self.bindings.train_role_arn,
            compute.instance_type,
            compute.instance_count,
        )

    def serving_job(self) -> requests.Job:
        """A job that predicts with a model that is not ours."""
        return self._job(
            self.bindings.serving_image_uri, self.bindings.model_role_arn, self.project.data.instance, 1
        )

    def uri(self, *path: str) -> Any:
        """A place in the artifacts; each execution writes below its own id, so that no two can meet."""
        base = f"s3://{self.bindings.artifacts_bucket}/executions"
        return Join(on="/", values=[base, ExecutionVariables.PIPELINE_EXECUTION_ID, *path])

    def _job(self, image_uri: str, role_arn: str | None, instance: str, instances: int) -> requests.Job:
        return requests.Job(
            image_uri=image_uri,
            role_arn=role_arn,
            instance=instance,
            volume_gb=self.project.data.volume_gb,
            kms_key_arn=self.bindings.kms_key_arn,
            subnets=self.bindings.subnets,
            security_groups=self.bindings.security_groups,
            instances=instances,
        )
