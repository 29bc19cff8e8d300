"""The commands on a platform that is alive: what they print for people and machines, and their exit codes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.loop.deployed import Deployed
from tests.loop.raw_stacks import outputs


@pytest.fixture(scope="module")
def status(served: str, deployed: Deployed) -> Any:
    return deployed.sageloop_json("status")


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, rows: list[str]) -> Path:
    """A header and three flights."""
    written = tmp_path_factory.mktemp("sample") / "flights.csv"
    header = rows[0].splitlines(keepends=True)[0]
    written.write_text(header + "".join(row.splitlines(keepends=True)[1] for row in rows[:3]))
    return written


def test_status(status: Any, deployed: Deployed) -> None:
    assert status["project"] == "flights"
    waiting = status["waiting"]
    assert (waiting["requests"], waiting["causes"], waiting["why"]) == (0, [], "")
    assert waiting["inputs"].endswith("/data.manifest")
    assert status["data"]["objects"] >= 1
    approved = [package for package in status["packages"] if package["approval"] == "Approved"]
    assert approved[0]["version"] == status["endpoint"]["version"]
    assert approved[0]["metric"] == "auc"
    assert 0.7 < approved[0]["value"] < 1
    assert status["endpoint"]["status"] == "InService"
    assert status["endpoint"]["instances"] >= 2
    said = deployed.sageloop("status")
    assert "InService" in said
    assert f"version {status['endpoint']['version']}" in said


def test_runs(status: Any, deployed: Deployed) -> None:
    runs = deployed.sageloop_json("runs")
    assert runs[0]["id"] == status["run"]["id"]
    succeeded = next(
        run for run in runs if run["status"] == "Succeeded" and "Requested" in run["description"]
    )
    assert {step["name"]: step["status"] for step in succeeded["steps"]} == dict.fromkeys(
        ("Prepare", "Intake", "Train", "Evaluate", "Gate", "Register"), "Succeeded"
    )
    assert "s3://" in succeeded["description"], "why it ran"
    shown = deployed.sageloop("runs", succeeded["id"][:8])
    assert all(step["name"] in shown for step in succeeded["steps"])
    assert "zzzz" in deployed.sageloop_fails("runs", "zzzz")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("train", "validation-auc"),
        ("endpoint", ""),
        ("retrain", "Execution started"),
        ("promote", "Deploying"),
    ],
)
def test_logs(status: Any, deployed: Deployed, what: str, expected: str) -> None:
    succeeded = next(run for run in deployed.sageloop_json("runs") if run["status"] == "Succeeded")
    lines = deployed.sageloop_json("logs", what, "--run", succeeded["id"], "--lines", "1000")
    assert any(expected in line["message"] for line in lines)
    assert "paint" in deployed.sageloop_fails("logs", "paint", "--run", succeeded["id"])


def test_invoke(status: Any, deployed: Deployed, sample: Path) -> None:
    answered = list(map(float, deployed.sageloop("invoke", str(sample)).split()))
    assert len(answered) == 3
    assert list(map(float, deployed.sageloop("invoke", "-", typed=sample.read_text()).split())) == answered
    assert deployed.sageloop_json("invoke", str(sample)) == {"predictions": pytest.approx(answered)}
    assert "400" in deployed.sageloop_fails("invoke", "-", typed="a,b\n1,2\n")
    assert "nothing.csv" in deployed.sageloop_fails("invoke", "nothing.csv")


def test_approval_of_what_is_not_there(served: str, deployed: Deployed) -> None:
    assert "Nothing to approve" in deployed.sageloop_fails("approve")
    package = deployed.package(like=served)
    deployed.sagemaker.delete_model_package(ModelPackageName=package)
    version = package.rpartition("/")[2]
    assert f"version {version}" in deployed.sageloop_fails("approve", version)


def test_upload_to_what_is_not_there(served: str, deployed: Deployed, sample: Path) -> None:
    assert "nothing.csv" in deployed.sageloop_fails("upload", "nothing.csv")
    assert "nowhere" in deployed.sageloop_fails("upload", str(sample), "--project", "nowhere")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": outputs(IncomingBucket="a-bucket-that-is-gone"),
    }
    deployed.cloudformation.create_stack(
        StackName="gone-storage",
        TemplateBody=json.dumps(template),
        Tags=[{"Key": "sageloop:project", "Value": "gone"}],
    )
    waiter = deployed.cloudformation.get_waiter("stack_create_complete")
    waiter.wait(StackName="gone-storage", WaiterConfig={"Delay": 1})
    try:
        assert "a-bucket-that-is-gone" in deployed.sageloop_fails("upload", str(sample), "--project", "gone")
        assert "flights, gone" in deployed.sageloop_fails("upload", str(sample)).replace("\n", "")
    finally:
        deployed.cloudformation.delete_stack(StackName="gone-storage")
        waiter = deployed.cloudformation.get_waiter("stack_delete_complete")
        waiter.wait(StackName="gone-storage", WaiterConfig={"Delay": 1})


def test_a_wrong_call_and_an_absent_aws_have_codes_of_their_own(deployed: Deployed) -> None:
    assert "--version" in deployed.sageloop_fails("status", "--version", code=2)
    elsewhere = Deployed(deployed.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert "does not answer" in elsewhere.sageloop_fails("status", code=3)


def test_deploying_again_keeps_the_served_model(served: str, deployed: Deployed) -> None:
    before = deployed.serving()
    stacks = deployed.sageloop_json("deploy")
    assert {stack["outcome"] for stack in stacks} == {"unchanged"}
    assert deployed.serving() == before
