"""The request of a model package: a version of the model in the registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.requests.job import Expression
from pipelines.requests.model import ServedContainer

_JSON, _TABLE, _PAGE = "application/json", "application/x-parquet", "text/html"


@dataclass(frozen=True)
class Evidence:
    """Where lies what is known of a model: its metrics, its report and its predictions for the hold-out.

    `baseline` and `constraints` say what its training rows were like, which monitoring compares with.
    """

    statistics: Expression
    report: Expression
    predictions: Expression
    baseline: Expression
    constraints: Expression


def model_package(
    container: ServedContainer,
    *,
    group: str,
    approval: Expression,
    evidence: Evidence | None,
    instance: str,
    accepts: Sequence[str],
    answers: Sequence[str],
    properties: Mapping[str, Expression],
) -> dict[str, Any]:
    """A CreateModelPackage request for a real-time model; media types say what it reads and answers.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """
    request: dict[str, Any] = {
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
    if evidence:
        request |= _evidence(evidence)
    return request


def _evidence(known: Evidence) -> dict[str, Any]:
    """What the model is like, and what later traffic is compared with.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelMetrics.html
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DriftCheckBaselines.html
    """
    rows = {"Statistics": _source(known.baseline, _JSON), "Constraints": _source(known.constraints, _JSON)}
    metrics = _source(known.statistics, _JSON)
    return {
        "ModelMetrics": {
            "ModelQuality": {"Statistics": metrics},
            "ModelDataQuality": rows,
            "Explainability": {"Report": _source(known.report, _PAGE)},
        },
        "DriftCheckBaselines": {
            "ModelQuality": {"Statistics": metrics, "Constraints": _source(known.predictions, _TABLE)},
            "ModelDataQuality": rows,
        },
    }


def _source(uri: Expression, content_type: str) -> dict[str, Any]:
    return {"ContentType": content_type, "S3Uri": uri}
