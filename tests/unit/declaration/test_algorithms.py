"""The algorithms: their ranges as data, their hyperparameters, and the image that knows the same."""

import dataclasses
import importlib
import math
from pathlib import Path

import pytest

from declaration import (
    MLP,
    Categorical,
    Container,
    Continuous,
    Data,
    ElasticNet,
    Forecast,
    Integer,
    LightGBM,
    Project,
    RandomForest,
    Range,
    Script,
    Tuning,
    XGBoost,
)

Learner = XGBoost | LightGBM | ElasticNet | RandomForest | MLP | Forecast

LEARNERS: list[Learner] = [XGBoost(), LightGBM(), ElasticNet(), RandomForest(), MLP(), Forecast()]
EACH = pytest.mark.parametrize("learner", LEARNERS, ids=lambda learner: learner.program)


def data_for(learner: Learner) -> Data:
    return Data("y", problem="forecast", time="t") if learner.program == "forecast" else Data("y")


@EACH
def test_every_range_holds_the_default_and_varies_on_both_sides_of_it(learner: Learner) -> None:
    assert learner.ranges
    for name, values in learner.ranges.items():
        default = learner.hyperparameters[name]
        assert isinstance(values, Integer | Continuous)
        assert isinstance(default, int | float)
        assert values.low <= default <= values.high
        assert isinstance(values, Integer) == isinstance(default, int)


@EACH
def test_every_range_is_one_that_a_user_might_have_declared(learner: Learner) -> None:
    # The bounds of the fields are checked for a user's ranges, so they hold for the default ones as well.
    project = Project("p", data=data_for(learner), train=learner, tune=Tuning(ranges=learner.ranges))
    assert project.ranges == learner.ranges


@EACH
def test_a_scale_is_logarithmic_where_a_range_spans_more_than_a_power_of_ten(learner: Learner) -> None:
    for values in learner.ranges.values():
        assert isinstance(values, Integer | Continuous)
        spans = values.high / values.low if values.low > 0 else math.inf
        assert (values.scale == "log") == (values.low > 0 and spans > 10)


@EACH
def test_every_value_in_the_corners_of_the_ranges_is_taken(learner: Learner) -> None:
    for end in ("low", "high"):
        corner = {name: getattr(values, end) for name, values in learner.ranges.items()}
        assert dataclasses.replace(learner, **corner).hyperparameters.items() >= corner.items()


@EACH
def test_hyperparameters_have_nothing_of_the_hardware(learner: Learner) -> None:
    assert not learner.hyperparameters.keys() & {"on", "memory_gb", "instances", "instance", "spot"}
    assert learner.hyperparameters["seed"] == 0


@EACH
def test_the_image_knows_the_same_hyperparameters_with_the_same_defaults(learner: Learner) -> None:
    program = importlib.import_module(f"learners.{learner.program}")
    there = {each.name: each.default for each in dataclasses.fields(program.Settings)}
    assert learner.hyperparameters == {**there, "seed": 0}
    assert (learner.program in ("xgboost", "lightgbm")) == ("ranking" in program.PROBLEMS)


def test_the_present_defaults_of_xgboost_are_kept() -> None:
    assert (
        XGBoost().hyperparameters.items()
        >= {
            "rounds": 500,
            "max_depth": 6,
            "eta": 0.1,
            "subsample": 1.0,
            "colsample_bytree": 1.0,
            "early_stopping": 20,
            "seed": 0,
        }.items()
    )


@pytest.mark.parametrize("checkpoints", [True, False])
def test_spot_is_used_where_an_interruption_is_harmless(checkpoints: bool) -> None:
    script = Script(Path(__file__).name, framework="sklearn", checkpoints=checkpoints)
    assert script.managed_spot == checkpoints
    assert dataclasses.replace(script, spot=True).managed_spot
    assert not dataclasses.replace(script, spot=False).managed_spot
    assert not dataclasses.replace(script, keep_alive="10 min").managed_spot
    assert dataclasses.replace(script, keep_alive="10 min").keep_alive_seconds == 600


def test_a_script_is_found_beside_the_file_that_declares_it() -> None:
    script = Script(Path(__file__).name, framework="sklearn", hyperparameters={"alpha": 0.5, "fit": True})
    assert script.path == Path(__file__).resolve()
    assert script.program == Path(__file__).name
    assert dict(script.hyperparameters) == {"alpha": 0.5, "fit": True}
    assert not script.ranges


def test_a_path_may_also_start_where_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Dockerfile").write_text("FROM scratch")
    monkeypatch.chdir(tmp_path)
    assert Container("image").path == tmp_path / "image"
    assert dataclasses.replace(Container("image"), memory_gb=64).path == tmp_path / "image"


def test_a_users_program_is_tuned_by_whatever_it_knows() -> None:
    script = Script(Path(__file__).name, framework="sklearn")
    ranges: dict[str, Range] = {"kernel": Categorical("rbf", "poly"), "C": Continuous(0.1, 10, scale="log")}
    assert Project("p", data=Data("y"), train=script, tune=Tuning(ranges=ranges)).ranges == ranges
