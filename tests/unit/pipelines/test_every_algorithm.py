"""Whatever learns, and whatever is looked for, SageMaker would take the pipeline."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from declaration import (
    MLP,
    BuiltIn,
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
    Script,
    Tuning,
    XGBoost,
)
from pipelines.requests.job import has_own_storage
from pipelines.training import TrainingBindings
from tests.stacks.brought import Brought
from tests.unit.pipelines.compiling import compiled

OWN = [XGBoost(), LightGBM(), ElasticNet(), RandomForest(), MLP()]


@pytest.mark.parametrize("tune", [None, 5])
@pytest.mark.parametrize("algorithm", OWN, ids=lambda each: each.program)
def test_every_algorithm_of_ours_compiles(
    algorithm: Any, tune: int | None, bindings: TrainingBindings
) -> None:
    project = Project("p", data=Data("y"), train=algorithm, tune=tune)
    assert (
        compiled(project, bindings)["Train"]["Arguments"]["HyperParameters"]["algorithm"] == algorithm.program
    )


def test_a_forecast_compiles(bindings: TrainingBindings) -> None:
    data = Data("y", problem="forecast", time="day", series=["shop"])
    project = Project("p", data=data, train=Forecast(horizon=7), tune=4)
    prepare = compiled(project, bindings)["Prepare"]["Arguments"]["AppSpecification"]["ContainerArguments"]
    at = prepare.index("--time")
    assert prepare[at : at + 4] == ["--time", "day", "--series", "shop"]


@pytest.mark.parametrize("framework", ["sklearn", "pytorch", "xgboost", "huggingface"])
def test_every_framework_compiles(framework: Any, brought: Brought, with_code: TrainingBindings) -> None:
    script = Script(brought.script, framework=framework)
    compiled(Project("p", data=Data("y"), train=script), with_code)


@pytest.mark.parametrize(
    ("name", "hyperparameters"),
    [
        ("linear-learner", {"predictor_type": "regressor"}),
        ("xgboost", {"num_round": 10, "objective": "reg:squarederror"}),
        ("knn", {"predictor_type": "regressor", "k": 3, "sample_size": 100, "feature_dim": 4}),
    ],
)
def test_every_algorithm_of_aws_that_reads_tables_compiles(
    name: str, hyperparameters: dict[str, Any], bindings: TrainingBindings
) -> None:
    data = Data("y", problem="regression")
    for tune in (None, 5):
        project = Project("p", data=data, train=BuiltIn(name, hyperparameters), tune=tune)
        found = compiled(project, bindings)
        trained = found["Tune" if tune else "Train"]["Arguments"]
        request = trained["TrainingJobDefinition"] if tune else trained
        # SageMaker knows the metrics of its own algorithms, and refuses others.
        assert "MetricDefinitions" not in request["AlgorithmSpecification"]


NAMES = st.text("abcdefgh_", min_size=1, max_size=12).filter(lambda name: name[0] != "_")
CONTINUOUS = st.tuples(st.floats(1e-6, 1e3), st.floats(1.001, 1e3), st.sampled_from(["linear", "log"])).map(
    lambda each: Continuous(each[0], each[0] * each[1], scale=each[2])  # type: ignore[arg-type]
)
WHOLE = st.tuples(st.integers(1, 100), st.integers(1, 100)).map(lambda each: Integer(each[0], sum(each)))
LISTED = st.lists(st.text("abc", min_size=1), min_size=1, max_size=5, unique=True).map(
    lambda each: Categorical(*each)
)


@settings(max_examples=40, deadline=None)
@given(
    ranges=st.dictionaries(NAMES, CONTINUOUS | WHOLE | LISTED, min_size=1, max_size=8),
    fixed=st.dictionaries(NAMES, st.integers() | st.booleans() | st.text("abc ", max_size=20), max_size=8),
    trials=st.integers(4, 500),
    strategy=st.sampled_from(["bayesian", "random"]),
)
def test_any_search_is_one_that_sagemaker_takes(
    brought: Brought, bindings: TrainingBindings, ranges: Any, fixed: Any, trials: int, strategy: Any
) -> None:
    container = Container(brought.image, hyperparameters=fixed)
    tuning = Tuning(trials, ranges=ranges, strategy=strategy)
    found = compiled(Project("p", data=Data("y"), train=container, tune=tuning), bindings)
    request = found["Tune"]["Arguments"]
    searched = request["HyperParameterTuningJobConfig"]["ParameterRanges"]
    assert {each["Name"] for kind in searched.values() for each in kind} == set(ranges)
    static = request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert set(static) == set(fixed) - set(ranges)


@pytest.mark.parametrize(
    ("family", "own"),
    [
        *((family, False) for family in ("m5", "c5", "r5", "c6i", "p3", "t3", "m7i-flex")),
        *((family, True) for family in ("g4dn", "g5", "g6e", "p4d", "p3dn", "p5", "m5d", "trn1")),
    ],
)
def test_which_instances_have_storage_of_their_own(family: str, own: bool) -> None:
    assert has_own_storage(f"ml.{family}.xlarge") is own
