"""Which AWS and which project a command takes, and how it ends when there is none."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli import checkout, session
from local import cloud

COMMANDS = [
    *("up", "deploy", "upload", "status", "runs", "run", "diff", "tuning", "report", "logs", "approve"),
    *("invoke", "retrain", "doctor", "env", "down", "rollback", "replay", "redrive", "quarantine"),
]


def test_every_command_has_help_with_an_example(sageloop: Any) -> None:
    listed = sageloop("--help")
    assert listed.exit_code == 0
    for command in COMMANDS:
        assert command in listed.output
        assert "Example:" in sageloop(command, "--help").output


def test_help_needs_no_library_that_is_slow_to_import() -> None:
    slow = ("boto3", "botocore", "aws_cdk", "optuna", "jinja2")
    code = f"import cli.main, sys; print([m for m in {slow} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_wrong_call_is_exit_code_2(sageloop: Any) -> None:
    assert sageloop("approve", "newest").exit_code == 2
    assert sageloop("fly").exit_code == 2


def test_no_aws_is_exit_code_3_and_says_what_to_do(sageloop: Any) -> None:
    result = sageloop("status")
    assert result.exit_code == 3
    assert "sageloop up" in result.stderr


def test_an_aws_that_does_not_answer_is_exit_code_3(sageloop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert sageloop("status").exit_code == 3  # no region
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    result = sageloop("status")
    assert result.exit_code == 3
    assert "127.0.0.1:9" in result.stderr


@pytest.mark.parametrize(("chosen", "mode"), [(None, "standard"), ("adaptive", "adaptive")])
def test_an_absent_aws_is_tried_as_often_as_the_user_says_or_three_times(
    aws: boto3.Session, monkeypatch: pytest.MonkeyPatch, chosen: str | None, mode: str
) -> None:
    if chosen:
        monkeypatch.setenv("AWS_RETRY_MODE", chosen)
    client: Any = session.connect().client("s3")
    assert client.meta.config.retries["mode"] == mode


def test_an_unknown_profile_is_a_sentence(sageloop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    result = sageloop("status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nobody" in result.stderr


def test_a_denial_is_a_sentence(sageloop: Any, flights: boto3.Session, answers: Any) -> None:
    def deny(_: object) -> None:
        from botocore.exceptions import ClientError

        raise ClientError(
            {"Error": {"Code": "AccessDeniedException", "Message": "not\nauthorized"}}, "SendMessage"
        )

    answers["SendMessage"] = deny
    result = sageloop("retrain")
    assert result.exit_code == 1
    assert result.stderr.strip() == "AWS does not allow you SendMessage: not authorized"


def test_the_embedded_aws_is_taken_when_nothing_else_is_chosen(
    sageloop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    running = cloud.Cloud(1, "http://127.0.0.1:9", "000000000000", "us-east-1", 1.0, tmp_path)
    monkeypatch.setattr(cloud, "running", lambda state: running if state == tmp_path / ".sageloop" else None)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    before = dict(os.environ)
    result = sageloop("status")
    for name in running.environment():  # the command takes them into its process
        monkeypatch.setenv(name, before.get(name, ""))
        monkeypatch.delenv(name)
    assert result.exit_code == 3
    assert "Using the embedded AWS of this checkout (http://127.0.0.1:9)." in result.stderr


def test_the_checkout_is_where_the_cdk_json_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "examples").mkdir()
    monkeypatch.chdir(tmp_path / "examples")
    assert checkout.state() == tmp_path / ".sageloop"


def test_no_project_one_project_two_projects(
    sageloop: Any, aws: boto3.Session, deploy_stack: Callable[..., None], answers: Any
) -> None:
    result = sageloop("runs")
    assert (result.exit_code, "sageloop deploy" in result.stderr) == (1, True)
    answers["ListPipelineExecutions"] = lambda _: {"PipelineExecutionSummaries": []}
    deploy_stack("flights", "training", {"PipelineName": "flights-training"})
    assert json.loads(sageloop("runs", "--json").stdout) == []
    deploy_stack("churn", "training", {"PipelineName": "churn-training"})
    assert "(churn, flights)" in sageloop("runs").stderr
    assert sageloop("runs", "--project", "churn").exit_code == 0
    assert "No project chrun is deployed here, only churn, flights." in sageloop("runs", "-p", "chrun").stderr


def test_a_stack_that_is_missing_is_named(
    sageloop: Any, aws: boto3.Session, deploy_stack: Callable[..., None]
) -> None:
    deploy_stack("flights", "network", {})
    result = sageloop("runs")
    assert result.exit_code == 1
    assert "deploy stack flights-training" in result.stderr


def test_up_env_and_down(sageloop: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started: list[tuple[Path, float]] = []
    running = cloud.Cloud(7, "http://127.0.0.1:9", "000000000000", "us-east-1", 2.0, tmp_path / "a b")

    def start(state: Path, *, speed: float) -> cloud.Cloud:
        started.append((state, speed))
        return running

    monkeypatch.setattr(cloud, "start", start)
    monkeypatch.setattr(cloud, "running", lambda _: running if started else None)
    monkeypatch.setattr(cloud, "stop", lambda _: bool(started))
    assert sageloop("env").exit_code == 1
    assert "Nothing was running." in sageloop("down").stdout
    assert json.loads(sageloop("up", "--speed", "2", "--json").stdout)["url"] == running.url
    assert started == [(tmp_path / ".sageloop", 2.0)]
    exports = sageloop("env").stdout
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:9\n" in exports
    assert f"export SAGELOOP_STATE='{tmp_path / 'a b'}'\n" in exports
    assert sageloop("down").exit_code == 0
    assert sageloop("up", "--speed", "0").exit_code == 2


def test_an_embedded_aws_that_does_not_start_says_why(sageloop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(state: Path, *, speed: float) -> cloud.Cloud:
        raise cloud.CloudError("port taken")

    monkeypatch.setattr(cloud, "start", start)
    result = sageloop("up")
    assert (result.exit_code, result.stderr.strip()) == (1, "port taken")
