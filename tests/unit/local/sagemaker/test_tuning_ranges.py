"""What a tuning job may search, and what its search proposes."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.errors import ResourceLimitExceeded, ValidationException
from local.sagemaker.tuning.plan import plan
from local.sagemaker.tuning.ranges import Category, Number, parse
from local.sagemaker.tuning.search import Known, suggest
from tests.unit.local.sagemaker.quick_training import limits, number, tuning_request

STRATEGIES = ["Bayesian", "Random"]


@st.composite
def continuous(draw: st.DrawFn, name: str) -> dict[str, str]:
    scale = draw(st.sampled_from(["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]))
    least, most = {"Logarithmic": (1e-9, 1e9), "ReverseLogarithmic": (0, 0.999)}.get(scale, (-1e6, 1e6))
    low, high = sorted(draw(st.lists(st.floats(least, most), min_size=2, max_size=2, unique=True)))
    return number(name, repr(low), repr(high), scale)


@st.composite
def integers(draw: st.DrawFn, name: str) -> dict[str, str]:
    scale = draw(st.sampled_from(["Auto", "Linear", "Logarithmic"]))
    least = 1 if scale == "Logarithmic" else -1000
    low, high = sorted(draw(st.lists(st.integers(least, 10**6), min_size=2, max_size=2, unique=True)))
    return number(name, low, high, scale)


def ranges(**kinds: list[dict[str, Any]]) -> dict[str, Any]:
    return {"ParameterRanges": {f"{kind}ParameterRanges": items for kind, items in kinds.items()}}


@settings(max_examples=40, deadline=None)
@given(
    continuous("x"),
    integers("n"),
    st.lists(st.text("abc", min_size=1), min_size=1, max_size=4, unique=True),
    st.sampled_from(STRATEGIES),
    st.integers(0, 2**31),
)
def test_every_proposal_lies_in_its_range_and_is_reproducible(
    x: dict[str, str], n: dict[str, str], values: list[str], strategy: str, seed: int
) -> None:
    spaces = ranges(Continuous=[x], Integer=[n], Categorical=[{"Name": "kind", "Values": values}])
    made = plan(tuning_request(Strategy=strategy, RandomSeed=seed, **spaces))
    earlier: list[Known] = []
    for trial in range(14):
        texts = suggest(made, trial, earlier)
        assert texts == suggest(made, trial, earlier)
        assert float(x["MinValue"]) <= float(texts["x"]) <= float(x["MaxValue"])
        assert int(n["MinValue"]) <= int(texts["n"]) <= int(n["MaxValue"])
        assert texts["kind"] in values
        for parameter in made.space:
            value = parameter.value(texts[parameter.name])
            assert value is not None
            assert parameter.text(value) == texts[parameter.name]
        earlier.append(Known(texts, float(trial % 5), epochs=3 if trial % 4 == 3 else None))
    assert suggest(made, 14, [*earlier, Known(earlier[0].texts)])


def test_scales_spread_proposals_as_they_say() -> None:
    spaces = ranges(
        Continuous=[number("log", 1e-4, 1, "Logarithmic"), number("reverse", 0, 0.9999, "ReverseLogarithmic")]
    )
    made = plan(tuning_request(Strategy="Random", **spaces))
    found = [suggest(made, trial, []) for trial in range(200)]
    assert 0.35 < sum(float(texts["log"]) < 1e-2 for texts in found) / 200 < 0.65
    assert 0.35 < sum(float(texts["reverse"]) > 0.99 for texts in found) / 200 < 0.65


@given(st.floats(0, 1), continuous("x"), integers("n"))
def test_a_share_of_a_range_is_a_value_of_it(share: float, x: dict[str, str], n: dict[str, str]) -> None:
    for parameter in parse({"ContinuousParameterRanges": [x], "IntegerParameterRanges": [n]}):
        assert parameter.value(parameter.text(parameter.at(share))) is not None


def test_the_first_trials_are_spread_evenly() -> None:
    spaces = ranges(Integer=[number("n", 1, 6)], Categorical=[{"Name": "kind", "Values": ["a", "b"]}])
    for seed in range(10):
        made = plan(tuning_request(RandomSeed=seed, **spaces))
        found = [suggest(made, trial, [Known({})] * trial) for trial in range(6)]
        assert len({texts["n"] for texts in found}) >= 4
        assert {texts["kind"] for texts in found} == {"a", "b"}


@pytest.mark.parametrize(
    ("low", "high", "scale"), [("0.001", "1", "Logarithmic"), ("0", "1", "Linear"), ("1", "2", "Linear")]
)
def test_auto_is_logarithmic_for_wide_ranges_above_zero(low: str, high: str, scale: str) -> None:
    (parameter,) = parse({"ContinuousParameterRanges": [number("x", low, high, "Auto")]})
    assert isinstance(parameter, Number)
    assert parameter.scale == scale


def test_the_seed_is_derived_from_the_name_where_none_is_given() -> None:
    assert plan(tuning_request("a")).seed == plan(tuning_request("a")).seed != plan(tuning_request("b")).seed
    assert plan(tuning_request("a", RandomSeed=7)).seed == 7


def test_grid_goes_through_every_combination_once() -> None:
    kinds = [{"Name": "kind", "Values": ["a", "b"]}, {"Name": "depth", "Values": ["1", "2", "3"]}]
    config = {**ranges(Categorical=kinds), "ResourceLimits": {"MaxParallelTrainingJobs": 2}}
    made = plan(tuning_request(Strategy="Grid", **config))
    assert made.jobs == 6
    found = [suggest(made, trial, []) for trial in range(6)]
    assert found[:2] == [{"kind": "a", "depth": "1"}, {"kind": "a", "depth": "2"}]
    assert len({(texts["kind"], texts["depth"]) for texts in found}) == 6


def test_the_search_learns() -> None:
    spaces = ranges(Continuous=[number("x", 0, 1), number("y", 0, 1)])

    def best(strategy: str, seed: int) -> float:
        made = plan(tuning_request(Strategy=strategy, RandomSeed=seed, **spaces))
        earlier: list[Known] = []
        for trial in range(40):
            texts = suggest(made, trial, earlier)
            gain = -((float(texts["x"]) - 0.7) ** 2) - (float(texts["y"]) - 0.2) ** 2
            earlier.append(Known(texts, gain))
        return max(known.gain or -math.inf for known in earlier)

    seeds = range(5)
    assert sum(best("Bayesian", seed) > best("Random", seed) for seed in seeds) >= 4


def refused(**config: Any) -> str:
    with pytest.raises((ValidationException, ResourceLimitExceeded)) as error:
        plan(tuning_request(**config))
    return str(error.value)


@pytest.mark.parametrize(
    ("spaces", "said"),
    [
        (ranges(Integer=[number("n", 3, 3)]), "MinValue of hyperparameter n must be less than MaxValue"),
        (ranges(Continuous=[number("x", 2, 1)]), "MinValue of hyperparameter x must be less than MaxValue"),
        (ranges(Integer=[number("n", 0.5, 3)]), "MinValue of hyperparameter n is '0.5', not an integer"),
        (ranges(Continuous=[number("x", "a", 1)]), "MinValue of hyperparameter x is 'a', not a number"),
        (ranges(Continuous=[number("x", 0, "inf")]), "MaxValue of hyperparameter x is 'inf', not a number"),
        (ranges(Continuous=[number("x", 0, 1, "Logarithmic")]), "Logarithmic scaling of hyperparameter x"),
        (ranges(Continuous=[number("x", 0, 1, "ReverseLogarithmic")]), "ReverseLogarithmic scaling"),
        (ranges(Integer=[number("n", 1, 2), number("n", 1, 3)]), "more than one range for n"),
        (ranges(Integer=[number("rounds", 1, 9)]), "cannot be both static and tuned, but these are: rounds"),
        (ranges(Integer=[number(f"n{i}", 1, 2) for i in range(16)] * 2), "must have 1 to 30 hyperparameters"),
        (ranges(), "must have 1 to 30 hyperparameters, but has 0"),
        (ranges(Categorical=[{"Name": "k", "Values": ["a", "a"]}]), "values of hyperparameter k are not"),
        ({"ParameterRanges": {"AutoParameters": [{"Name": "x", "ValueHint": "1"}]}}, "Autotune"),
        (
            ranges(Integer=[number("_tuning_objective_metric", 1, 2)]),
            "is set by hyperparameter tuning itself",
        ),
    ],
)
def test_illegal_ranges_are_refused_in_one_sentence(spaces: dict[str, Any], said: str) -> None:
    assert said in refused(**spaces)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (limits(3, 4), "MaxParallelTrainingJobs must not exceed MaxNumberOfTrainingJobs, but 4 exceeds 3"),
        (limits(751, 1), "'number of training jobs per hyperparameter tuning job' is 750"),
        (limits(200, 101), "'parallel training jobs per hyperparameter tuning job' is 100"),
        ({"ResourceLimits": {"MaxParallelTrainingJobs": 2}}, "ResourceLimits needs MaxNumberOfTrainingJobs"),
        ({"Strategy": "Grid"}, "Grid search takes only categorical hyperparameters, but n is numeric"),
        (
            {"Strategy": "Grid", **ranges(Categorical=[{"Name": "k", "Values": ["a", "b", "c"]}])},
            "Grid search of these values takes 3 training jobs",
        ),
        ({"Strategy": "Hyperband"}, "Hyperband needs MaxResource"),
        ({"Strategy": "Hyperband", "TrainingJobEarlyStoppingType": "Auto"}, "must be Off with Hyperband"),
        (
            {"StrategyConfig": {"HyperbandStrategyConfig": {"MaxResource": 9}}},
            "HyperbandStrategyConfig goes with the strategy Hyperband only",
        ),
        (
            {
                "Strategy": "Hyperband",
                "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 9, "MaxResource": 3}},
            },
            "MinResource <= MaxResource",
        ),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:rmse"}},
            "The objective metric validation:rmse is not in the MetricDefinitions",
        ),
        (
            {"TuningJobCompletionCriteria": {"ConvergenceDetected": {"CompleteOnConvergence": "Enabled"}}},
            "does not detect convergence",
        ),
    ],
)
def test_illegal_plans_are_refused_in_one_sentence(config: dict[str, Any], said: str) -> None:
    assert said in refused(**config)


@pytest.mark.parametrize("key", ["epochs", "n_epochs"])
def test_hyperband_finds_its_resource_among_the_static_hyperparameters(key: str) -> None:
    request = tuning_request(Strategy="Hyperband")
    request["TrainingJobDefinition"]["StaticHyperParameters"][key] = "27"
    band = plan(request).hyperband
    assert band is not None
    assert (band.least, band.most) == (1, 27)


def test_categories_keep_their_texts() -> None:
    (parameter,) = parse({"CategoricalParameterRanges": [{"Name": "k", "Values": ["1e3", " a ", "true"]}]})
    assert isinstance(parameter, Category)
    assert [parameter.text(value) for value in parameter.values] == ["1e3", " a ", "true"]
