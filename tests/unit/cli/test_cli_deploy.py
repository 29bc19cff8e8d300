"""Deployments: what the CDK says, and what the user sees of it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cli import cdk
from cli.cdk import AssetBegun, ResourceEvent, StackBegun, StackDone, StackFailed

# As CDK 2.1148 prints them with --ci --progress events.
RESOURCE = (
    "flights-storage |  2/13 | 12:58:48 PM | CREATE_COMPLETE         | AWS::S3::Bucket            "
    "| Incoming (Incoming1ED1B7CF) "
)
ENDPOINT_FAILED = (
    "flights-serving | 1/9 | 1:02:48 PM | CREATE_FAILED        | AWS::SageMaker::Endpoint | "
    "Endpoint (Endpoint1) The primary container did not pass the ping health check."
)
CANCELLED = "flights-serving | 1/9 | 1:02:48 PM | CREATE_FAILED | AWS::X | Y Resource creation cancelled"


def test_lines_of_the_cdk() -> None:
    for line, event in (
        (
            RESOURCE,
            ResourceEvent("flights-storage", 2, 13, "CREATE_COMPLETE", "Incoming (Incoming1ED1B7CF) "),
        ),
        (
            "a-b |   7 | 1:00:00 PM | DELETE_COMPLETE | AWS::X::Y | z",
            ResourceEvent("a-b", 7, None, "DELETE_COMPLETE", "z"),
        ),
        ("✅  flights-storage", StackDone("flights-storage", unchanged=False)),
        (" ✅  flights-storage (no changes)", StackDone("flights-storage", unchanged=True)),
        ("❌  flights-serving failed: ToolkitError: x", StackFailed("flights-serving", "ToolkitError: x")),
        ("❌  flights-serving failed to deploy", StackFailed("flights-serving", "")),
        ("flights-storage: deploying... [1/2]", StackBegun("flights-storage")),
        ("a: start: Building Template", AssetBegun("a", "Building Template")),
        ("flights-storage", None),
        ("✨  Total time: 5.7s", None),
    ):
        assert cdk.parse(line) == event


def test_the_reason_is_the_first_cause() -> None:
    failed = {"flights-serving": "ToolkitError: the stack is in ROLLBACK_COMPLETE"}
    assert cdk.failure_reason([RESOURCE, CANCELLED, ENDPOINT_FAILED], failed) == (
        "flights-serving: Endpoint (Endpoint1) The primary container did not pass the ping health check."
    )
    assert cdk.failure_reason([RESOURCE], failed) == (
        "flights-serving: ToolkitError: the stack is in ROLLBACK_COMPLETE"
    )
    traceback = [
        "Traceback (most recent call last):",
        '  File "app.py", line 6, in <module>',
        "declaration.errors.DeclarationError: Project: calls_per_minute is 0, at least 1 is needed.",
        "Project: target is empty.",
        "python app.py: Subprocess exited with error 1",
    ]
    assert cdk.failure_reason(traceback, {}) == (
        "Project: calls_per_minute is 0, at least 1 is needed.\nProject: target is empty."
    )
    assert cdk.failure_reason(["creating", "Template format error", ""], {}) == "Template format error"


def test_the_reason_is_each_mistake_in_the_declaration() -> None:
    # What declaration.errors prints, and the CDK after it.
    mistakes = [
        "/home/me/app.py:9: XGBoost, early_stopping: 20 was given, but it must be at most rounds.",
        "/home/me/app.py:9: XGBoost, eta: 7 was given, but it must be at most 1.",
    ]
    ended = "/usr/bin/python /home/me/app.py: Subprocess exited with error 1"
    warning = "/home/me/lib.py:3: DeprecationWarning: soon gone"
    assert cdk.failure_reason([warning, *mistakes, ended, ""], {}) == "\n".join(mistakes)
    assert cdk.failure_reason(["Killed", ended], {}) == "Killed"
    assert cdk.failure_reason([ended], {}) == ended


@pytest.fixture
def checkout(tmp_path: Path, deploy_stack: Any) -> Path:
    """A checkout whose CDK notes its arguments and prints what the test wrote."""
    (tmp_path / "cdk.json").write_text("{}")
    program = tmp_path / "node_modules" / ".bin" / "cdk"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        f"with open({str(tmp_path / 'called')!r}, 'a') as called: print(*sys.argv[1:], file=called)\n"
        "said = pathlib.Path(sys.argv[1] + '.txt')\n"
        "print(said.read_text() if said.exists() else '')\n"
        "sys.exit(pathlib.Path('fails').exists() and sys.argv[1] == 'deploy')\n"
    )
    program.chmod(0o755)
    return tmp_path


def called(checkout: Path) -> list[str]:
    return [line.split()[0] for line in (checkout / "called").read_text().splitlines()]


def test_the_first_deployment_bootstraps(sageloop: Any, checkout: Path, answers: Any) -> None:
    (checkout / "deploy.txt").write_text(
        f"flights-storage: deploying... [1/1]\n{RESOURCE}\n\x1b[32m✅  flights-storage\x1b[39m\n"
    )
    result = sageloop("deploy", "--json")
    assert result.exit_code == 0
    assert [(one["stack"], one["outcome"]) for one in json.loads(result.stdout)] == [
        ("flights-storage", "deployed")
    ]
    assert "flights-storage: deployed after" in result.stderr
    assert (checkout / "called").read_text().splitlines() == [
        "bootstrap aws://123456789012/us-east-1 --no-notices --ci --no-color",
        "deploy --all --require-approval never --progress events --concurrency 4 "
        f"--output {checkout}/.sageloop/cdk.out --no-notices --ci --no-color",
    ]
    answers["DescribeStacks"] = lambda _: {"Stacks": [{"StackName": "CDKToolkit"}]}
    assert "1 stacks in" in sageloop("deploy").stdout
    assert called(checkout) == ["bootstrap", "deploy", "deploy"]


def test_a_failed_deployment_shows_its_reason_and_where_the_rest_is(sageloop: Any, checkout: Path) -> None:
    (checkout / "fails").touch()
    (checkout / "deploy.txt").write_text(f"{RESOURCE}\n{ENDPOINT_FAILED}\n")
    result = sageloop("deploy")
    assert result.exit_code == 1
    assert "did not pass the ping health check" in result.stderr
    log = checkout / ".sageloop" / "cdk-deploy.log"
    assert str(log) in result.stderr.replace("\n", "")
    assert ENDPOINT_FAILED in log.read_text()


def test_no_project_here_and_no_cdk(sageloop: Any, tmp_path: Path, deploy_stack: Any) -> None:
    result = sageloop("deploy")
    assert (result.exit_code, "There is no cdk.json" in result.stderr) == (1, True)
    (tmp_path / "cdk.json").write_text("{}")
    result = sageloop("deploy")
    assert (result.exit_code, "make setup" in result.stderr) == (1, True)
