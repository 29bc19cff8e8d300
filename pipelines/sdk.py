"""The graph primitives of the SageMaker SDK, and a step of ours that carries a plain request.

The SDK's own job steps call IAM and S3 while the graph is built and break on CDK tokens, so only its graph
is used: pipelines, conditions, parameters, properties and functions. Importing it takes about two seconds.
"""

# The SDK is not typed.
# mypy: disable-error-code="import-untyped"

import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any


@contextmanager
def _fit_for_import() -> Iterator[None]:
    # The SDK makes clients while it is imported and needs a region for that; which one does not matter.
    # It also warns of its own deprecated modules, which a user cannot change.
    missing = "AWS_DEFAULT_REGION" not in os.environ
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    try:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            yield
    finally:
        if missing:
            del os.environ["AWS_DEFAULT_REGION"]


with _fit_for_import():
    from sagemaker.core.workflow.conditions import (
        ConditionEquals,
        ConditionGreaterThanOrEqualTo,
        ConditionLessThanOrEqualTo,
    )
    from sagemaker.core.workflow.execution_variables import ExecutionVariables
    from sagemaker.core.workflow.functions import Join, JsonGet
    from sagemaker.core.workflow.parameters import ParameterString
    from sagemaker.core.workflow.properties import Properties, PropertyFile
    from sagemaker.mlops.workflow.condition_step import ConditionStep
    from sagemaker.mlops.workflow.fail_step import FailStep
    from sagemaker.mlops.workflow.pipeline import Pipeline
    from sagemaker.mlops.workflow.retry import (
        SageMakerJobExceptionTypeEnum,
        SageMakerJobStepRetryPolicy,
        StepExceptionTypeEnum,
        StepRetryPolicy,
    )
    from sagemaker.mlops.workflow.steps import ConfigurableRetryStep, StepTypeEnum

__all__ = [
    "ConditionEquals",
    "ConditionGreaterThanOrEqualTo",
    "ConditionLessThanOrEqualTo",
    "ConditionStep",
    "ExecutionVariables",
    "FailStep",
    "Join",
    "JsonGet",
    "ParameterString",
    "PropertyFile",
    "RequestStep",
    "compiled",
]

_DESCRIBED_AS = {
    "Processing": "DescribeProcessingJobResponse",
    "Training": "DescribeTrainingJobResponse",
    "Tuning": "DescribeHyperParameterTuningJobResponse",
    "Transform": "DescribeTransformJobResponse",
    "Model": "DescribeModelOutput",
    "RegisterModel": "DescribeModelPackageOutput",
}
_RUN_NO_JOB = ("Model", "RegisterModel")


class RequestStep(ConfigurableRetryStep):  # type: ignore[misc]
    """A step whose arguments are the plain request of its API call, expressions included."""

    def __init__(
        self,
        name: str,
        kind: str,
        request: Mapping[str, Any],
        *,
        property_files: Sequence[PropertyFile] = (),
        cached_for: str | None = None,
    ) -> None:
        """`kind` is the step's type as SageMaker names it; `cached_for` an ISO 8601 duration.

        A cached step takes over the outcome of an equal one that is younger than the duration.
        https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching-enabling.html
        """
        super().__init__(name, StepTypeEnum(kind), retry_policies=_retries(kind))
        self.kind = kind
        self.request = request
        self.property_files = list(property_files)
        self.cached_for = cached_for

    @property
    def arguments(self) -> dict[str, Any]:
        """The request."""
        return dict(self.request)

    @property
    def properties(self) -> Properties:
        """What later steps may refer to: the response of the step's Describe call."""
        return Properties(self.name, step=self, shape_name=_DESCRIBED_AS[self.kind])

    def to_request(self) -> dict[str, Any]:
        """The step as it stands in the definition."""
        request: dict[str, Any] = super().to_request()
        if self.property_files:
            request["PropertyFiles"] = [file.expr for file in self.property_files]
        if self.cached_for:
            request["CacheConfig"] = {"Enabled": True, "ExpireAfter": self.cached_for}
        return request


def _retries(kind: str) -> list[Any]:
    """Throttling and faults of the service are waited out, and so is missing capacity; own errors are not.

    A tuning job tries its trainings again by itself.
    https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
    """
    step, job = StepExceptionTypeEnum, SageMakerJobExceptionTypeEnum
    service = StepRetryPolicy([step.THROTTLING, step.SERVICE_FAULT], interval_seconds=5, max_attempts=5)
    if kind in _RUN_NO_JOB:
        return [service]
    patient = SageMakerJobStepRetryPolicy(
        exception_types=[job.RESOURCE_LIMIT],
        failure_reason_types=[job.CAPACITY_ERROR, *([] if kind == "Tuning" else [job.INTERNAL_ERROR])],
        interval_seconds=60,
        max_attempts=5,
    )
    return [service, patient]


def compiled(name: str, region: str, parameters: Sequence[ParameterString], steps: Sequence[Any]) -> str:
    """The definition of a pipeline as JSON text, the same for the same input."""
    # The SDK asks its session for a region and for a client that only its own uploads would use.
    session = SimpleNamespace(
        boto_region_name=region, boto_session=SimpleNamespace(client=lambda _: None), local_mode=False
    )
    pipeline = Pipeline(
        name=name,
        parameters=parameters,
        pipeline_experiment_config=None,
        steps=steps,
        sagemaker_session=session,
    )
    definition = json.loads(pipeline.definition())
    return json.dumps({key: value for key, value in definition.items() if value is not None})
