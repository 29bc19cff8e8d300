"""What SageMaker would refuse of tuning, transform and model steps, spot capacity and caches is found."""

import copy
import json
from collections.abc import Callable, Mapping
from typing import Any

import botocore.validate
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declaration import Container, Continuous, Data, Project, Tuning
from pipelines.training import TrainingBindings, definition
from pipelines.validation import DefinitionError, validate
from pipelines.validation.model import shape_of_request
from pipelines.validation.steps import OPERATIONS, all_steps, is_expression
from tests.stacks.brought import Brought

Json = Any
CONFIG, DEFINITION = "HyperParameterTuningJobConfig", "TrainingJobDefinition"
LIMITS = (CONFIG, "ResourceLimits")
NUMBERS = (CONFIG, "ParameterRanges", "ContinuousParameterRanges")


@pytest.fixture(scope="module")
def own(kinds: Mapping[str, Project], bindings: TrainingBindings) -> Json:
    return json.loads(definition(kinds["tuned"], bindings))


@pytest.fixture(scope="module")
def foreign(brought: Brought, bindings: TrainingBindings) -> Json:
    """A tuned project of which every step has a model or a transform behind it."""
    tuning = Tuning(5, ranges={"alpha": Continuous(0.1, 1.0)})
    image = Container(brought.image, hyperparameters={"trees": 100})
    return json.loads(definition(Project("p", data=Data("y"), train=image, tune=tuning), bindings))


def step(document: Json, name: str) -> Json:
    return next(each.raw for each in all_steps(document) if each.name == name)


def change(name: str, *path: str | int, to: object) -> Callable[[Json], None]:
    def mutate(document: Json) -> None:
        value = step(document, name)["Arguments"]
        for key in path[:-1]:
            value = value[key]
        value[path[-1]] = to

    return mutate


def drop(name: str, *path: str | int) -> Callable[[Json], None]:
    def mutate(document: Json) -> None:
        value = step(document, name)["Arguments"]
        for key in path[:-1]:
            value = value[key]
        del value[path[-1]]

    return mutate


def strategy(name: str, **others: object) -> Callable[[Json], None]:
    def mutate(document: Json) -> None:
        step(document, "Tune")["Arguments"][CONFIG].update({"Strategy": name, **others})

    return mutate


def change_step(name: str, key: str, to: object) -> Callable[[Json], None]:
    return lambda document: step(document, name).update({key: to})


def get(path: str) -> Json:
    return {"Get": path}


HYPERBAND = {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 30_000}}
WARM = {
    "ParentHyperParameterTuningJobs": [{"HyperParameterTuningJobName": "a"}],
    "WarmStartType": "TransferLearning",
}
FROM_ZERO = {"Name": "a", "MinValue": "0", "MaxValue": "1", "ScalingType": "Logarithmic"}
MUTATIONS = [
    # The request, by botocore's model
    (drop("Tune", DEFINITION, "RoleArn"), r"TrainingJobDefinition: RoleArn is missing"),
    (drop("Tune", *LIMITS, "MaxParallelTrainingJobs"), r"MaxParallelTrainingJobs is missing"),
    (change("Tune", CONFIG, "Strategy", to="Bayes"), r"'Bayes' is not allowed, did you mean 'Bayesian'"),
    (change("Tune", DEFINITION, "HyperParameters", to={}), r"'HyperParameters' does not exist"),
    (change("Predict", "BatchStrategy", to="Multi"), r"'Multi' is not allowed"),
    (drop("Predict", "TransformOutput", "S3OutputPath"), r"S3OutputPath is missing"),
    (drop("Model", "ExecutionRoleArn"), r"Step 'Model', Arguments: ExecutionRoleArn is missing"),
    (drop("Model", "PrimaryContainer"), r"exactly one of PrimaryContainer and Containers"),
    (change("Model", "PrimaryContainer", "ModelUrl", to="x"), r"did you mean ModelDataUrl"),
    # The search
    (drop("Tune", DEFINITION), r"TrainingJobDefinition is missing"),
    (change("Tune", *LIMITS, "MaxParallelTrainingJobs", to=101), r"it is 101, allowed are 1 to 100"),
    (drop("Tune", *LIMITS, "MaxNumberOfTrainingJobs"), r"the strategy Bayesian needs it"),
    (change("Tune", *NUMBERS, 0, "MinValue", to="2"), r"MinValue 2 is above MaxValue 1"),
    (change("Tune", *NUMBERS, 0, "MinValue", to="low"), r"'low' to '1.0' are not two numbers"),
    (
        change(
            "Tune",
            *NUMBERS,
            0,
            to=FROM_ZERO,
        ),
        r"a logarithmic scale begins above 0, not at 0",
    ),
    (
        change("Tune", *NUMBERS, 0, "ScalingType", to="ReverseLogarithmic"),
        r"a reverse logarithmic scale lies in 0 <= x < 1",
    ),
    (change("Tune", CONFIG, "ParameterRanges", to={}), r"it has 0 hyperparameters, allowed are 1 to 30"),
    (
        change("Tune", *NUMBERS, to=[{"Name": "a", "MinValue": "0", "MaxValue": "1"}] * 2),
        r"'a' stands there 2 times",
    ),
    (
        change("Tune", DEFINITION, "StaticHyperParameters", "alpha", to="1"),
        r"StaticHyperParameters: 'alpha' is also searched for",
    ),
    (
        change("Tune", CONFIG, "HyperParameterTuningJobObjective", "MetricName", to="validation:rmse"),
        r"'validation:rmse' is none of validation:auc",
    ),
    (
        drop("Tune", CONFIG, "HyperParameterTuningJobObjective"),
        r"HyperParameterTuningJobObjective is missing",
    ),
    (strategy("Grid"), r"the strategy Grid searches categorical ranges only"),
    (strategy("Hyperband"), r"Hyperband stops trainings itself, so it must be Off"),
    (
        strategy("Hyperband", TrainingJobEarlyStoppingType="Off", StrategyConfig=HYPERBAND),
        r"it is 1 to 30000, allowed are 1 to 20,000",
    ),
    (strategy("Random", StrategyConfig=HYPERBAND), r"the strategy Random takes none"),
    (strategy("Hyperband", TrainingJobEarlyStoppingType="Off"), r"the strategy Hyperband needs MaxResource"),
    # Spot capacity, warm pools and disks
    (
        change("Tune", DEFINITION, "EnableManagedSpotTraining", to=True),
        r"a job with EnableManagedSpotTraining needs it",
    ),
    (
        change("Tune", DEFINITION, "StoppingCondition", "MaxWaitTimeInSeconds", to=5),
        r"only a job with EnableManagedSpotTraining waits",
    ),
    (
        change("Predict", "TransformResources", "InstanceType", to="ml.g5.xlarge"),
        r"ml.g5.xlarge encrypts its own storage and takes no key",
    ),
    (drop("Predict", "TransformInput", "SplitType"), r"it needs a TransformInput.SplitType"),
    (change("Predict", "MaxPayloadInMB", to=101), r"it is 101, allowed are 0 to 100"),
    # References
    (
        change("Model", "PrimaryContainer", "ModelDataUrl", to=get("Steps.Tune.BestTrainingJob.Model")),
        r"the description of a Tuning step has no Model",
    ),
    (
        change("Predict", "ModelName", to=get("Steps.Tune.BestTrainingJob.TunedHyperParameters['eta']")),
        r"the tuned hyperparameters of Tune are alpha",
    ),
    (
        change("Predict", "ModelName", to=get("Steps.Model.Name")),
        r"the description of a Model step has no Name",
    ),
    # Caches
    (change_step("Tune", "CacheConfig", {"Enabled": True}), r"a cache that is enabled needs ExpireAfter"),
    (
        change_step("Tune", "CacheConfig", {"Enabled": True, "ExpireAfter": "30 days"}),
        r"CacheConfig, ExpireAfter: String should match pattern",
    ),
    (
        change_step("Model", "CacheConfig", {"Enabled": True, "ExpireAfter": "P1D"}),
        r"a Model step is not cached",
    ),
]


@pytest.mark.parametrize(("mutate", "message"), MUTATIONS, ids=[message[:50] for _, message in MUTATIONS])
def test_a_mutation_is_found(mutate: Callable[[Json], None], message: str, foreign: Json) -> None:
    document = copy.deepcopy(foreign)
    mutate(document)
    with pytest.raises(DefinitionError, match=message):
        validate(json.dumps(document))


OF_OURS = [
    (
        change("Train", "StoppingCondition", "MaxWaitTimeInSeconds", to=60),
        r"it is 60, which is less than MaxRuntimeInSeconds, 86,400",
    ),
    (
        change("Train", "ResourceConfig", "KeepAlivePeriodInSeconds", to=60),
        r"spot instances cannot be kept alive",
    ),
    (
        change(
            "Evaluate",
            "ProcessingInputs",
            0,
            "S3Input",
            "S3Uri",
            to=get("Steps.Train.FinalMetricDataList['validation:rmse'].Value"),
        ),
        r"the metrics of Train are validation:auc",
    ),
    (
        lambda document: (
            step(document, "Tune")["Arguments"].update(WarmStartConfig=WARM)
            or strategy("Hyperband", TrainingJobEarlyStoppingType="Off")(document)
        ),
        r"Hyperband takes no warm start",
    ),
]


@pytest.mark.parametrize(("mutate", "message"), OF_OURS, ids=[message[:50] for _, message in OF_OURS])
def test_a_mutation_of_an_algorithm_of_ours_is_found(
    mutate: Callable[[Json], None], message: str, own: Json
) -> None:
    document = copy.deepcopy(own)
    mutate(document)
    with pytest.raises(DefinitionError, match=message):
        validate(json.dumps(document))


@pytest.mark.parametrize("duration", ["P30D", "p30d", "30d", "T16m", "PT1H", "30dT5h", "P1Y2M"])
def test_durations_of_caches_are_those_of_the_documentation(duration: str, own: Json) -> None:
    document = copy.deepcopy(own)
    step(document, "Tune")["CacheConfig"] = {"Enabled": True, "ExpireAfter": duration}
    validate(json.dumps(document))


@pytest.mark.parametrize(
    "path",
    [
        "Steps.Tune.TrainingJobSummaries",
        "Steps.Tune.BestTrainingJob.TrainingJobName",
        "Steps.Tune.BestTrainingJob.TunedHyperParameters['alpha']",
        "Steps.Predict.TransformOutput.S3OutputPath",
        "Steps.Model.ModelName",
    ],
)
def test_references_to_what_a_step_describes_lead_somewhere(path: str, foreign: Json) -> None:
    document = copy.deepcopy(foreign)
    step(document, "Evaluate")["Arguments"]["ProcessingInputs"][0]["S3Input"]["S3Uri"] = {"Get": path}
    if path.endswith("Summaries"):  # The list call's, which the description does not have.
        with pytest.raises(DefinitionError, match="has no TrainingJobSummaries"):
            validate(json.dumps(document))
    else:
        validate(json.dumps(document))


def places(value: Json) -> list[tuple[Json, str | int]]:
    entries = list(
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [(value, key) for key, _ in entries] + [place for _, child in entries for place in places(child)]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Get", "Name"]), inner),
    max_leaves=4,
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_botocore_refuses_is_refused_in_sentences(foreign: Json, data: st.DataObject) -> None:
    document = copy.deepcopy(foreign)
    name = data.draw(st.sampled_from(["Tune", "Model", "Predict"]))
    changed = step(document, name)
    spots = places(changed["Arguments"])
    container, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    if data.draw(st.booleans()):
        del container[key]
    else:
        container[key] = data.draw(ANYTHING)
    shape = shape_of_request(changed["Type"])
    assert shape is not None
    plain = {OPERATIONS[changed["Type"]][1]: "name", **without_expressions(changed["Arguments"])}
    refused = botocore.validate.ParamValidator().validate(plain, shape).has_errors()
    try:
        validate(json.dumps(document))
    except DefinitionError as error:
        assert all(problem.endswith(".") for problem in error.problems)
    else:
        assert not refused


def without_expressions(value: Json) -> Json:
    """The request with a text where SageMaker computes one."""
    if is_expression(value):
        return "s3://bucket/key"
    if isinstance(value, dict):
        return {key: without_expressions(child) for key, child in value.items()}
    return [without_expressions(child) for child in value] if isinstance(value, list) else value
