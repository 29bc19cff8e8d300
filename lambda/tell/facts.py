"""What a message says beside its event: what a model is worth, what it cost, and why a run failed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

PENDING, APPROVED = "PendingManualApproval", "Approved"
GONE = ("NoSuchKey", "AccessDenied", "404")


@dataclass(frozen=True)
class Model:
    """A version of the model: what its gates said, and what it cost; empty where nothing tells.

    `created_at` is an epoch second.
    """

    version: int
    arn: str
    approval: str
    created_at: int
    verdict: str = ""
    cost: str = ""


@dataclass(frozen=True)
class Failure:
    """The step that failed, and its reason; `cost` as of a model, where it came as far as an evaluation."""

    step: str
    reason: str
    cost: str = ""


class Facts:
    """Reads the registry, the pipelines, and what evaluations have left in the bucket of the artifacts."""

    def __init__(self, sagemaker: "SageMakerClient", s3: "S3Client", group: str, artifacts: str) -> None:
        self._sagemaker, self._s3, self._group, self._artifacts = sagemaker, s3, group, artifacts

    def model(self, arn: str) -> Model | None:
        """A model package as it is now; None when it is gone."""
        try:
            found = self._sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise
        evidence = self._evidence(found)
        return Model(
            version=found["ModelPackageVersion"],
            arn=found["ModelPackageArn"],
            approval=found["ModelApprovalStatus"],
            created_at=int(found["CreationTime"].timestamp()),
            verdict=str(evidence.get("gate", {}).get("reason", "")),
            cost=described(evidence.get("cost")),
        )

    def newest(self, approval: str | None = None) -> Model | None:
        """The newest version, or the newest of those with this approval; None when there is none."""
        asked: dict[str, Any] = {"ModelApprovalStatus": approval} if approval else {}
        listed = self._sagemaker.list_model_packages(
            ModelPackageGroupName=self._group,
            SortBy="CreationTime",
            SortOrder="Descending",
            MaxResults=1,
            **asked,
        )["ModelPackageSummaryList"]
        return self.model(listed[0]["ModelPackageArn"]) if listed else None

    def failure(self, execution_arn: str) -> Failure:
        """Why an execution failed: the reason of the step that did, as the execution's own names no cause.

        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListPipelineExecutionSteps.html
        """
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=execution_arn, SortOrder="Ascending"
        )
        for page in pages:
            for step in page["PipelineExecutionSteps"]:
                if step["StepStatus"] == "Failed":
                    reason = step.get("FailureReason", "no reason is given")
                    return Failure(step["StepName"], reason, self._cost(execution_arn))
        found = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution_arn)
        return Failure("", found.get("FailureReason", "no reason is given"))

    def _evidence(self, package: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the evaluation wrote; nothing where the model has none, or it is gone."""
        quality = package.get("ModelMetrics", {}).get("ModelQuality", {})
        uri = quality.get("Statistics", {}).get("S3Uri", "")
        return self._document(uri) if uri else {}

    def _cost(self, execution_arn: str) -> str:
        """What the training of an execution has cost; empty if none was evaluated."""
        id_ = execution_arn.rpartition("/")[2]
        uri = f"s3://{self._artifacts}/executions/{id_}/evaluate/evaluation/metrics.json"
        return described(self._document(uri).get("cost"))

    def _document(self, uri: str) -> Mapping[str, Any]:
        """A document of JSON; nothing where it is gone, or is another thing."""
        place = urlsplit(uri)
        try:
            content = self._s3.get_object(Bucket=place.netloc, Key=place.path.lstrip("/"))["Body"].read()
            found = json.loads(content)
        except ClientError as error:
            if error.response["Error"]["Code"] in GONE:
                return {}
            raise
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def described(cost: object) -> str:
    """What a training took and cost, in a sentence; empty where nobody counted."""
    match cost:
        case {"seconds": int() | float() as seconds, **more}:
            pass
        case _:
            return ""
    tuning = more.get("tuning_seconds")
    if isinstance(tuning, int | float):
        seconds += tuning
    instance = f" on {more['instance']}" if more.get("instance") else ""
    said = f"Its training took {_duration(seconds)}{instance}"
    usd = more.get("usd")
    if not isinstance(usd, int | float):
        return f"{said}."
    most = "at most " if more.get("spot") else "about "
    return f"{said} and cost {most}{usd:.2f} USD."


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5_400 else f"{seconds / 3_600:.1f} h"
