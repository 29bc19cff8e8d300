"""What a message says beside its event: what a model is worth, what it cost, and why a run failed."""

import io
import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tell.facts import Facts, Failure, described


@pytest.mark.parametrize(
    ("cost", "sentence"),
    [
        (None, ""),
        ({"seconds": "long"}, ""),
        ({"seconds": 62.4}, "Its training took 62 s."),
        (
            {"seconds": 60, "tuning_seconds": 540, "instance": "ml.m5.xlarge", "usd": 0.0383, "spot": True},
            "Its training took 10 min on ml.m5.xlarge and cost at most 0.04 USD.",
        ),
        ({"seconds": 7_200, "usd": 1.5}, "Its training took 2.0 h and cost about 1.50 USD."),
    ],
)
def test_costs_in_words(cost: object, sentence: str) -> None:
    assert described(cost) == sentence


METRICS = "executions/x1/evaluate/evaluation/metrics.json"


class Pages:
    """Answers of SageMaker and S3 for the facts."""

    def __init__(self, content: bytes | str) -> None:
        self.content = content

    def describe_model_package(self, *, ModelPackageName: str) -> dict[str, Any]:
        if ModelPackageName.endswith("/9"):
            raise refused("ValidationException", "ModelPackage arn does not exist.")
        found: dict[str, Any] = {
            "ModelPackageVersion": 5,
            "ModelPackageArn": ModelPackageName,
            "ModelApprovalStatus": "Approved",
            "CreationTime": datetime(2026, 11, 1, tzinfo=UTC),
        }
        if self.content:
            found["ModelMetrics"] = {"ModelQuality": {"Statistics": {"S3Uri": "s3://bucket/a/metrics.json"}}}
        return found

    def list_model_packages(self, **request: Any) -> dict[str, Any]:
        summaries = [] if request.get("ModelApprovalStatus") == "Rejected" else [{"ModelPackageArn": "arn/5"}]
        return {"ModelPackageSummaryList": summaries}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        assert (Bucket, Key) in (("bucket", "a/metrics.json"), ("artifacts", METRICS))
        if isinstance(self.content, str):
            raise refused(self.content, "")
        return {"Body": io.BytesIO(self.content)}

    def get_paginator(self, _: str) -> SimpleNamespace:
        steps = [{"StepName": "Prepare", "StepStatus": "Succeeded"}]
        if self.content:
            steps.append({"StepName": "Train", "StepStatus": "Failed", "FailureReason": "no memory"})
        return SimpleNamespace(paginate=lambda **_: [{"PipelineExecutionSteps": steps}])

    def describe_pipeline_execution(self, **_: str) -> dict[str, str]:
        return {"FailureReason": "the role is gone"}


def refused(code: str, message: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Call")


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (json.dumps({"gate": {"reason": "good enough"}, "cost": {"seconds": 5}}).encode(), "good enough"),
        (b"no JSON", ""),
        (b"[]", ""),
        ("NoSuchKey", ""),
        (b"", ""),
    ],
)
def test_what_is_known_of_a_model(content: bytes | str, verdict: str) -> None:
    pages: Any = Pages(content)
    facts = Facts(pages, pages, "flights", "artifacts")
    model = facts.newest()
    assert model == facts.model("arn/5")
    assert model is not None
    assert (model.version, model.approval, model.verdict) == (5, "Approved", verdict)
    assert facts.newest("Rejected") is None
    assert facts.model("arn/9") is None


def test_why_a_run_failed() -> None:
    pages: Any = Pages(b"x")
    assert Facts(pages, pages, "flights", "artifacts").failure("arn/x1") == Failure("Train", "no memory")
    spent: Any = Pages(json.dumps({"cost": {"seconds": 5}}).encode())
    told = Facts(spent, spent, "flights", "artifacts").failure("arn/x1")
    assert told.cost == "Its training took 5 s."
    none: Any = Pages(b"")
    assert Facts(none, none, "flights", "artifacts").failure("arn/x1") == Failure("", "the role is gone")
    broken: Any = Pages("SlowDown")
    with pytest.raises(ClientError):
        Facts(broken, broken, "flights", "artifacts").model("arn/5")
