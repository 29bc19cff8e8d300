"""Back into the loop: a run from one of its steps on, compared with another, and its report."""

from pathlib import Path
from typing import Any

import pytest

from tests.loop.deployed import Deployed

# Nothing that these runs register may wait for an approval, or win one.
REGISTERED_AS = ("--set", "ModelApprovalStatus=Rejected")


def run_again(deployed: Deployed, source: str, *arguments: str) -> str:
    """The id of a run from Train on, when it has ended; its gate may refuse the model."""
    started = deployed.sageloop_json("run", "--from", "Train", "--source", source, *REGISTERED_AS, *arguments)
    deployed.requests += 1
    assert started["source"] == source
    deployed.finished(started["arn"])
    return str(started["id"])


@pytest.fixture(scope="module")
def first(served: str, deployed: Deployed) -> str:
    """The run that made the first model."""
    arn: str = deployed.executions()[0]["PipelineExecutionArn"]
    return arn.rpartition("/")[2]


@pytest.fixture(scope="module")
def shallow(first: str, deployed: Deployed) -> str:
    """That run from Train on, with shallower trees."""
    return run_again(deployed, first, "--set", "max_depth=4")


def steps(deployed: Deployed, run: str) -> dict[str, Any]:
    return {step["name"]: step for step in deployed.sageloop_json("runs", run)["steps"]}


def test_only_what_comes_after_is_repeated(first: str, shallow: str, deployed: Deployed) -> None:
    ran = steps(deployed, shallow)
    assert ran["Prepare"]["taken_from"] == first
    assert not ran["Prepare"]["cached"]
    assert all(not ran[name]["taken_from"] for name in ("Train", "Evaluate", "Gate"))
    assert "reused" in deployed.sageloop("runs", shallow)


def test_a_step_that_has_not_changed_comes_from_the_cache(first: str, deployed: Deployed) -> None:
    again = steps(deployed, run_again(deployed, first))
    assert again["Train"]["cached"]
    assert again["Train"]["job_name"] == steps(deployed, first)["Train"]["job_name"]
    assert not again["Evaluate"]["taken_from"], "the champion may be another one today"


def test_two_runs_side_by_side(first: str, shallow: str, deployed: Deployed, tmp_path: Path) -> None:
    page = tmp_path / "diff.html"
    found = deployed.sageloop_json("diff", first, shallow, "--html", str(page))
    changed = {pair["name"]: pair for pair in found["hyperparameters"] if pair["differs"]}
    assert set(changed) == {"max_depth"}
    assert changed["max_depth"]["second"] == "4"
    assert found["same_holdout"]
    metrics = {each["name"]: each for each in found["metrics"]}
    assert metrics["auc"]["difference"] == metrics["auc"]["second"] - metrics["auc"]["first"] != 0
    assert page.read_text().count('<polyline class="line two"') == 2, "the curves of this evaluation's report"


def test_the_report_of_a_version_and_of_a_run(shallow: str, served: str, deployed: Deployed) -> None:
    version = served.rpartition("/")[2]
    for what, name in ((version, f"v{version}"), (shallow, f"run-{shallow}")):
        found = deployed.sageloop_json("report", what)
        file = Path(found["file"])
        assert file.name == f"flights-{name}.html"
        assert "<svg" in file.read_text()
        assert 0.6 < found["metrics"]["auc"] < 1


def test_nothing_is_started_by_a_mistake(first: str, deployed: Deployed) -> None:
    before = len(deployed.executions())
    assert "max_depth" in deployed.sageloop_fails("run", "--set", "max_dept=4")
    assert "Train" in deployed.sageloop_fails("run", "--from", "Trian")
    assert len(deployed.executions()) == before


def test_the_doctor_finds_no_problem(served: str, deployed: Deployed) -> None:
    checks = deployed.sageloop_json("doctor")
    assert not [check for check in checks if check["state"] in ("problem", "warning")]
    assert {check["subject"] for check in checks} >= {"Role", "Image", "Key", "CDK bootstrap"}
