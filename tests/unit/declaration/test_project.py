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
    MLP,
    AllAtOnce,
    Canary,
    Categorical,
    Continuous,
    Data,
    ElasticNet,
    Endpoint,
    Every,
    Everything,
    Fair,
    Forecast,
    Gate,
    Integer,
    Last,
    LightGBM,
    Linear,
    OnApproval,
    OnDrift,
    OnGate,
    OnNewData,
    OnQuality,
    Project,
    RandomForest,
    Range,
    Rolling,
    Script,
    Serverless,
    Shadow,
    Tuning,
    WarmStart,
    Webhook,
    Workbench,
    XGBoost,
)

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
    ("data", "metric"),
    [
        (Data("y"), "auc"),
        (Data("y", problem="multiclass"), "f1_macro"),
        (Data("y", problem="regression"), "r2"),
        (Data("y", problem="ranking", group="query"), "ndcg"),
        (Data("y", problem="forecast", time="day"), "wape"),
    ],
)
def test_the_default_gate_and_algorithm_fit_the_problem(data: Data, metric: str) -> None:
    project = Project("p", data=data, tune=2)
    assert [gate.name for gate in project.gates] == [metric]
    assert project.train == (Forecast() if data.problem == "forecast" else XGBoost())


def test_several_gates_are_all_there_and_one_alone_too() -> None:
    first, second = Gate("log_loss", at_most=0.4, slices=["a"]), Gate("auc", at_least=0.6)
    assert Project("p", data=Data("y"), gate=[first, second]).gates == (first, second)
    assert Project("p", data=Data("y"), gate=first).gates == (first,)


def test_a_number_of_trials_is_a_tuning_with_the_ranges_of_the_algorithm() -> None:
    project = Project("p", data=Data("y"), tune=30)
    assert project.tuning == Tuning(trials=30)
    assert project.ranges == XGBoost.ranges
    assert Project("p", data=Data("y")).tuning is None
    assert not Project("p", data=Data("y")).ranges


def test_declared_ranges_are_all_that_varies() -> None:
    ranges: dict[str, Range] = {"max_depth": Integer(2, 4), "eta": Categorical(0.1, 0.2)}
    assert Project("p", data=Data("y"), tune=Tuning(9, ranges=ranges)).ranges == ranges


def test_a_grid_has_as_many_trials_as_points() -> None:
    grid = Tuning(strategy="grid", ranges={"max_depth": Categorical(2, 4, 6), "eta": Categorical(0.1, 0.2)})
    assert grid.points == 6
    assert Tuning().points is None


def test_gates_and_fairness_are_written_as_evaluation_reads_them() -> None:
    assert Gate("auc", at_least=0.7).expression == "auc>=0.7"
    assert Gate("rmse", at_most=3).expression == "rmse<=3.0"
    assert Fair("sex", "equal_opportunity", at_most=0.2).expression == "equal_opportunity:sex<=0.2"


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
    assert project.gates[0].threshold == 0.4
    assert not project.gates[0].judged_by.higher_is_better
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
        Rolling(),
        Shadow(),
        OnNewData(),
        OnNewData(at_least="1 GB", or_after="7 days"),
        Every("week"),
        OnDrift(),
        OnQuality(),
        Everything(),
        Last("12 months"),
        WarmStart(),
        OnApproval(),
        OnGate(),
        Webhook("chat"),
        Workbench(),
        Project("p", data=Data("y")),
        Project("p", data=Data("y", problem="ranking", group="q"), train=LightGBM(), tune=9),
        Project("p", data=Data("y"), gate=[Gate("auc", at_least=0.5), Gate("f1", at_least=0.1)]),
        Fair("sex", "equalized_odds"),
        LightGBM(),
        ElasticNet(),
        RandomForest(),
        MLP(),
        Forecast(),
        Script(Path(__file__).name, framework="pytorch", hyperparameters={"epochs": 3}),
        Continuous(0.1, 1.0),
        Integer(1, 3),
        Tuning(ranges={"eta": Continuous(0.1, 1.0)}),
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
    tuned = [Project("p", data=Data("y"), tune=Tuning(ranges={"eta": Categorical(0.1)})) for _ in range(2)]
    assert len(set(tuned)) == 1


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
