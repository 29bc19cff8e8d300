"""The request of a model package: a version of the model in the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.requests.job import Expression
from pipelines.requests.model import ServedContainer


@dataclass(frozen=True)
class Evaluation:
    """Where the metrics and the report of a model lie."""

    statistics: Expression
    report: Expression


def model_package(
    container: ServedContainer,
    *,
    group: str,
    approval: Expression,
    evaluation: Evaluation | None,
    instance: str,
    accepts: Sequence[str],
    answers: Sequence[str],
    properties: Mapping[str, Expression],
) -> dict[str, Any]:
    """A CreateModelPackage request for a real-time model; media types say what it reads and answers.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """
    request = {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": approval,
        "InferenceSpecification": {
            "Containers": [container.definition],
            "SupportedContentTypes": list(accepts),
            "SupportedResponseMIMETypes": list(answers),
            "SupportedRealtimeInferenceInstanceTypes": [instance],
        },
        "CustomerMetadataProperties": dict(properties),
    }
    if evaluation:
        request["ModelMetrics"] = {
            "ModelQuality": {
                "Statistics": {"ContentType": "application/json", "S3Uri": evaluation.statistics}
            },
            "Explainability": {"Report": {"ContentType": "text/html", "S3Uri": evaluation.report}},
        }
    return request
