"""Reports of versions and of runs."""

import json
import webbrowser
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.unit.cli.training_runs import BUCKET, Runs


@pytest.fixture
def runs(flights: boto3.Session, answers: Any) -> Runs:
    made = Runs(flights, answers)
    made.add("accepted0001", "Prepare", "Train", "Evaluate", "Gate", "Register")
    made.evaluated("accepted0001", 0.72, low=0.71, high=0.73)
    return made


@pytest.fixture
def registered(flights: boto3.Session, answers: Any) -> dict[str, Any]:
    """The one version of flights; tests may change what it says of its metrics."""
    folder = f"s3://{BUCKET}/executions/accepted0001/evaluation"
    package: dict[str, Any] = {
        "ModelPackageVersion": 3,
        "ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/flights/3",
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"S3Uri": f"{folder}/metrics.json"}},
            "Explainability": {"Report": {"S3Uri": f"{folder}/report.html"}},
        },
    }
    answers["ListModelPackages"] = lambda _: {"ModelPackageSummaryList": [package]}
    answers["DescribeModelPackage"] = lambda _: package
    return package


@pytest.mark.parametrize("asked", [[], ["3"], ["v3"]])
def test_the_report_of_a_version(
    sageloop: Any, runs: Runs, registered: Any, tmp_path: Path, asked: list[str]
) -> None:
    result = sageloop("report", *asked)
    assert result.exit_code == 0
    assert "Version 3 passed: auc 0.7200 is at least 0.7" in result.stdout
    assert "0.7100 to 0.7300" in result.stdout
    file = tmp_path / ".sageloop" / "reports" / "flights-v3.html"
    assert str(file) in result.stdout.replace("\n", "")
    assert file.read_text() == "<h1>accepted0001</h1>"


def test_the_report_of_a_run_that_the_gate_refused(sageloop: Any, runs: Runs, tmp_path: Path) -> None:
    runs.add("refused00001", "Prepare", "Train", "Evaluate", "Gate", "!Rejected", status="Failed")
    runs.evaluated("refused00001", 0.6, low=0.59, high=0.61)
    found = json.loads(sageloop("report", "refused", "--json").stdout)
    assert found["metrics"]["auc"] == 0.6
    assert Path(found["file"]).read_text() == "<h1>refused00001</h1>"


def test_it_opens_only_when_asked(
    sageloop: Any, runs: Runs, registered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", opened.append)
    sageloop("report")
    assert opened == []
    sageloop("report", "--open")
    assert [url.rpartition("/")[2] for url in opened] == ["flights-v3.html"]
    assert opened[0].startswith("file:///")


def test_what_has_no_report(
    sageloop: Any, runs: Runs, registered: dict[str, Any], flights: boto3.Session, answers: Any
) -> None:
    runs.add("failed000001", "Prepare", "!Train", status="Failed")
    assert "Run failed000001 has no report" in sageloop("report", "failed").stderr
    assert "There is no version 7 of flights" in sageloop("report", "7").stderr
    flights.client("s3").delete_object(Bucket=BUCKET, Key="executions/accepted0001/evaluation/report.html")
    assert "The report of version 3 is gone" in sageloop("report").stderr
    del registered["ModelMetrics"]
    assert "Version 3 of flights has no report" in sageloop("report").stderr
    answers["ListModelPackages"] = lambda _: {"ModelPackageSummaryList": []}
    result = sageloop("report")
    assert (result.exit_code, "no model package yet" in result.stderr) == (1, True)
