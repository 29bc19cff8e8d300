"""A declared project: its defaults, its derived values, and what a user sees of an error."""

import dataclasses
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from declaration import (
    AllAtOnce,
    Canary,
    Data,
    Endpoint,
    Every,
    Gate,
    Linear,
    OnNewData,
    Project,
    Serverless,
    Workbench,
    XGBoost,
)
from declaration.metrics import Kind

CHECKOUT = Path(__file__).parents[3]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A program of a user, in a process of its own."""
    program = folder / "app.py"
    program.write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    return subprocess.run(
        [sys.executable, program], env=environment, capture_output=True, text=True, check=False
    )


def test_a_name_and_the_data_are_enough() -> None:
    project = Project("flights", data=Data("late"))
    assert project.train == XGBoost()
    assert project.gate == Gate("auc", at_least=0.5)
    assert project.endpoint is None
    assert project.retrain == ()
    assert project.retain


@pytest.mark.parametrize(
    ("problem", "metric"), [("binary", "auc"), ("multiclass", "f1_macro"), ("regression", "r2")]
)
def test_the_default_gate_fits_the_problem(problem: Kind, metric: str) -> None:
    assert Project("p", data=Data("y", problem=problem)).gate.metric == metric


def test_the_parts_are_as_declared() -> None:
    project = Project(
        name="flights",
        data=Data(target="late", time="time_hour", drop=["id"]),
        gate=Gate("log_loss", at_most=0.4),
        endpoint=Endpoint(calls_per_minute=3_000, rollout=Linear(percent=20, wait="90 s")),
        retrain=[OnNewData(quiet_for="5 s", cooldown=timedelta(hours=1)), Every("1 day"), Every("2 h")],
        workbench=Workbench(idle_stop="45 min"),
    )
    assert project.data.drop == ("id",)
    assert project.gate.threshold == 0.4
    assert not project.gate.judged_by.higher_is_better
    assert isinstance(project.endpoint, Endpoint)
    assert project.on_new_data
    assert project.workbench
    assert project.endpoint.rollout.wait_seconds == 90
    assert project.on_new_data.quiet_seconds == 5
    assert project.on_new_data.cooldown_seconds == 3600
    assert [every.schedule_expression for every in project.schedules] == ["rate(1 day)", "rate(2 hours)"]
    assert project.workbench.idle_stop_seconds == 2700
    assert AllAtOnce().wait_seconds == Canary().wait_seconds == 300


def test_a_project_without_a_data_trigger_has_none() -> None:
    assert Project("p", data=Data("y"), retrain=[Every("1 day")]).on_new_data is None


def test_a_known_region_an_account_and_an_address_are_taken() -> None:
    project = Project("p", data=Data("y"), region="eu-central-1", account="1" * 12, notify="a@b.org")
    assert (project.region, project.account, project.notify) == ("eu-central-1", "1" * 12, "a@b.org")


@pytest.mark.parametrize(
    "value",
    [
        Data("y"),
        XGBoost(),
        Gate("auc", at_least=0.5),
        Endpoint(calls_per_minute=1),
        Serverless(calls_per_minute=1, latency_ms=1),
        Canary(),
        Linear(),
        AllAtOnce(),
        OnNewData(),
        Workbench(),
        Project("p", data=Data("y")),
    ],
)
def test_the_defaults_are_allowed_themselves(value: Any) -> None:
    # Only what a user gives is checked, so here all defaults are given.
    assert dataclasses.replace(value) == value


def test_values_are_frozen_and_hashable() -> None:
    project = Project("p", data=Data("y", drop=["a"]), retrain=[OnNewData()])
    with pytest.raises(dataclasses.FrozenInstanceError):
        project.name = "other"  # type: ignore[misc]
    assert hash(project) == hash(Project("p", data=Data("y", drop=["a"]), retrain=[OnNewData()]))


def test_an_uncaught_error_shows_file_and_line_and_no_traceback(tmp_path: Path) -> None:
    ended = run("from declaration import Gate\n\nGate('acu', at_least=0.7)\n", tmp_path)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"{tmp_path}/app.py:3: Gate, metric: 'acu' was given, but ")
    assert len(ended.stderr.splitlines()) == 1


def test_other_errors_keep_their_traceback(tmp_path: Path) -> None:
    ended = run("import declaration\n\n1 / 0\n", tmp_path)
    assert "Traceback" in ended.stderr
    assert "ZeroDivisionError" in ended.stderr


def test_importing_reads_neither_boto3_nor_botocore_nor_the_cdk(tmp_path: Path) -> None:
    code = (
        "import sys, declaration\nprint({'boto3', 'botocore', 'aws_cdk', 'sagemaker'} & sys.modules.keys())"
    )
    assert run(code, tmp_path).stdout.strip() == "set()"
