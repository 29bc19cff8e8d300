"""Whatever is wrong in a definition is found, and nothing else is."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import botocore.validate
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declaration import Project
from pipelines.training import TrainingBindings, definition
from pipelines.validation import MAX_CHARACTERS, DefinitionError, validate
from pipelines.validation.model import shape_of_request
from pipelines.validation.steps import all_steps, is_expression

Json = Any


@pytest.fixture(scope="module")
def valid(project: Project, bindings: TrainingBindings) -> Json:
    return json.loads(definition(project, bindings))


def step(document: Json, name: str) -> Json:
    """One step of a definition."""
    return next(each.raw for each in all_steps(document) if each.name == name)


def at(document: Json, name: str, *path: str | int) -> Json:
    """What stands at a path in the arguments of a step."""
    value = step(document, name)["Arguments"]
    for key in path:
        value = value[key]
    return value


def change(name: str, *path: str | int, to: object) -> Callable[[Json], None]:
    """A mutation that puts another value at a path in a step's arguments."""

    def mutate(document: Json) -> None:
        at(document, name, *path[:-1])[path[-1]] = to

    return mutate


def drop(name: str, *path: str | int) -> Callable[[Json], None]:
    """A mutation that takes a member out of a step's arguments."""

    def mutate(document: Json) -> None:
        del at(document, name, *path[:-1])[path[-1]]

    return mutate


def change_step(name: str, key: str, to: object) -> Callable[[Json], None]:
    """A mutation of a step itself."""
    return lambda document: step(document, name).update({key: to})


def change_top(key: str, to: object) -> Callable[[Json], None]:
    """A mutation of the definition itself."""
    return lambda document: document.update({key: to})


CLUSTER = ("ProcessingResources", "ClusterConfig")
COMPARED = ("Conditions", 0, "LeftValue", "Std:JsonGet")
INPUT = ("ProcessingInputs", 0, "S3Input")
METRICS_FILE = {"PropertyFileName": "Metrics", "OutputName": "evaluations", "FilePath": "metrics.json"}


def get(path: str) -> Json:
    """A reference."""
    return {"Get": path}


# A mutation, and what the error must say.
MUTATIONS = [
    # The request: members, types, enums, patterns, ranges
    (drop("Prepare", "RoleArn"), r"Step 'Prepare', Arguments: RoleArn is missing"),
    (drop("Train", "OutputDataConfig"), r"Step 'Train', Arguments: OutputDataConfig is missing"),
    (drop("Prepare", *CLUSTER, "VolumeSizeInGB"), r"ClusterConfig: VolumeSizeInGB is missing"),
    (change("Train", "RoleARN", to="x"), r"'RoleARN' does not exist, did you mean RoleArn"),
    (
        change("Prepare", *CLUSTER, "InstanceType", to="ml.m5.huge"),
        r"'ml.m5.huge' is not allowed",
    ),
    (
        change("Prepare", *INPUT, "S3DataType", to="Prefix"),
        r"'Prefix' is not allowed.*'S3Prefix'",
    ),
    (change("Prepare", "RoleArn", to="prepare-role"), r"RoleArn: .*(does not match|characters)"),
    (change("Evaluate", *CLUSTER, "InstanceCount", to=0), r"InstanceCount: it is 0, allowed are 1 to 100"),
    (change("Evaluate", *CLUSTER, "InstanceCount", to="1"), r"InstanceCount: '1' is not a integer"),
    (change("Evaluate", *CLUSTER, "InstanceCount", to=True), r"InstanceCount: True is not a integer"),
    (
        change("Train", "HyperParameters", "rounds", to=300),
        r"\['rounds'\]: 300 is not a string",
    ),
    (change("Train", "EnableNetworkIsolation", to="yes"), r"EnableNetworkIsolation: 'yes' is not a boolean"),
    (change("Train", "InputDataConfig", to={}), r"InputDataConfig: {} is not a list"),
    (change("Train", "InputDataConfig", 0, "ChannelName", to="a b"), r"ChannelName: 'a b' does not match"),
    (change("Train", "VpcConfig", "Subnets", to=[]), r"Subnets: it has 0 items, allowed are 1 to 16"),
    (change("Register", "ModelApprovalStatus", to="Ok"), r"'Ok' is not allowed, it must be one of Approved"),
    (change("Register", "ModelPackageGroupName", to="a_b"), r"ModelPackageGroupName: 'a_b' does not match"),
    (change("Prepare", *INPUT, "LocalPath", to="/data"), r"'/data' is not below /opt/ml/processing/"),
    # References
    (
        change("Prepare", *INPUT, "S3Uri", to=get("Parameters.Input")),
        r"Parameters.Input leads nowhere",
    ),
    (change("Train", "RoleArn", to=get("Execution.Role")), r"Execution.Role leads nowhere, an execution has"),
    (change("Train", "RoleArn", to=get("Outputs.x")), r"it begins with Parameters, Execution or Steps"),
    (
        change("Evaluate", *INPUT, "S3Uri", to=get("Steps.Fit.ModelArtifacts")),
        r"the steps are Prepare",
    ),
    (
        change("Evaluate", *INPUT, "S3Uri", to=get("Steps.Train.ModelArtefacts.S3Uri")),
        r"the description of a Training step has no ModelArtefacts",
    ),
    (
        change(
            "Evaluate",
            *INPUT,
            "S3Uri",
            to=get("Steps.Prepare.ProcessingOutputConfig.Outputs['test'].S3Output.S3Uri"),
        ),
        r"the outputs of Prepare are train, holdout, schema",
    ),
    (
        change("Gate", *COMPARED, "PropertyFile", to=get("Steps.Evaluate.X")),
        r"the description of a Processing step has no X",
    ),
    (
        change("Gate", *COMPARED, "PropertyFile", to=get("Steps.Evaluate.PropertyFiles.Report")),
        r"the property files of Evaluate are Metrics",
    ),
    (change("Prepare", *INPUT, "S3Uri", to={"Std:Join": {"On": "/"}}), r"is not a complete expression"),
    (change("Prepare", *INPUT, "S3Uri", to={"Get": 5}), r"is not a complete expression"),
    (
        change_step("Evaluate", "PropertyFiles", [METRICS_FILE]),
        r"the output 'evaluations'",
    ),
    (change_step("Train", "DependsOn", ["Clean"]), r"depends on the step 'Clean'"),
    (change_step("Prepare", "DependsOn", ["Evaluate"]), r"The steps wait for each other: .*Prepare"),
    (
        change("Prepare", *INPUT, "S3Uri", to=get("Steps.Train.ModelArtifacts.S3ModelArtifacts")),
        r"The steps wait for each other: .*Train",
    ),
    (change_step("Train", "Name", "Prepare"), r"The step name 'Prepare' is used 2 times"),
    (change_step("Register", "Name", "Prepare"), r"The step name 'Prepare' is used 2 times"),
    # The envelope
    (change_top("Version", "2020-12-02"), r"Version: Input should be '2020-12-01', not '2020-12-02'"),
    (change_top("MlflowConfig", None), r"MlflowConfig: Extra inputs are not permitted"),
    (change_top("Steps", []), r"Steps: List should have at least 1 item"),
    (change_step("Train", "Name", "Train it"), r"Step 'Train it', Name: String should match pattern"),
    (change_step("Train", "Type", "Traning"), r"Step 'Train'.*'Training'"),
    (change_step("Train", "Arguments", None), r"Step 'Train', Arguments: Input should be a valid dictionary"),
    (change_step("Train", "Retry", []), r"Step 'Train', Retry: Extra inputs are not permitted"),
    (
        change_step("Train", "RetryPolicies", [{"ExceptionType": ["Step.TROTTLING"], "MaxAttempts": 1}]),
        r"Step 'Train', RetryPolicies\[0\], ExceptionType\[0\]: Input should be 'Step.SERVICE_FAULT'",
    ),
    (
        change_step("Train", "RetryPolicies", [{"ExceptionType": ["Step.THROTTLING"]}]),
        r"exactly one of MaxAttempts and ExpireAfterMin",
    ),
    (drop("Gate", "Conditions"), r"Step 'Gate', Arguments, Conditions: Field required"),
    (change("Gate", "Conditions", 0, "Type", to="AtLeast"), r"Step 'Gate'.*'GreaterThanOrEqualTo'"),
    (drop("Gate", "Conditions", 0, "RightValue"), r"RightValue: Field required"),
    (drop("Rejected", "ErrorMessage"), r"Step 'Rejected', Arguments, ErrorMessage: Field required"),
    (
        lambda document: document["Parameters"][5].update({"DefaultValue": "Pending"}),
        r"Parameter 'ModelApprovalStatus': the default 'Pending' is not one of",
    ),
    (
        lambda document: document["Parameters"][0].update({"DefaultValue": 3}),
        r"Parameter 'InputDataUri': the default 3 is not of the type String",
    ),
    (
        lambda document: document["Parameters"].append(document["Parameters"][0]),
        r"The parameter name 'InputDataUri' is used 2 times",
    ),
    (change("Train", "VpcConfig", "Subnets", to=["#{Token[TOKEN.5]}"]), r"CDK list token"),
]


@pytest.mark.parametrize(("mutate", "message"), MUTATIONS, ids=[message[:50] for _, message in MUTATIONS])
def test_a_mutation_is_found(mutate: Callable[[Json], None], message: str, valid: Json) -> None:
    document = copy.deepcopy(valid)
    mutate(document)
    with pytest.raises(DefinitionError, match=message):
        validate(json.dumps(document))


def test_the_unchanged_definition_passes(valid: Json) -> None:
    validate(json.dumps(valid))


def test_every_problem_is_told_at_once(valid: Json) -> None:
    document = copy.deepcopy(valid)
    for mutate in (drop("Prepare", "RoleArn"), change("Train", "InputDataConfig", to={})):
        mutate(document)
    with pytest.raises(DefinitionError) as refused:
        validate(json.dumps(document))
    assert len(refused.value.problems) == 2


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(DefinitionError, match="not JSON"):
        validate("{")


def test_a_definition_beyond_the_limit_is_refused(valid: Json) -> None:
    document = {**valid, "Metadata": {"note": "x" * MAX_CHARACTERS}}
    with pytest.raises(DefinitionError, match="takes at most 1,048,576"):
        validate(json.dumps(document))


def places(value: Json) -> Iterator[tuple[Json, str | int]]:
    """Every place in a document that can be changed, as its container and key."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in list(entries):
        yield value, key
        yield from places(child)


KEYS = st.sampled_from(["Get", "Name", "Type", "Std:Join", "S3Uri"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["Get", "Name", "Type"]), inner)
    ),
    max_leaves=4,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_makes_the_validation_itself_fail(valid: Json, data: st.DataObject) -> None:
    document = copy.deepcopy(valid)
    spots = list(places(document))
    container, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    if data.draw(st.booleans()):
        del container[key]
    else:
        container[key] = data.draw(ANYTHING)
    try:
        validate(json.dumps(document))
    except DefinitionError as refused:
        assert all(problem.endswith(".") for problem in refused.problems)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_botocore_refuses_in_a_request_is_refused(valid: Json, data: st.DataObject) -> None:
    document = copy.deepcopy(valid)
    name = data.draw(st.sampled_from(["Prepare", "Train", "Evaluate"]))
    request = step(document, name)["Arguments"]
    spots = list(places(request))
    container, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    container[key] = data.draw(ANYTHING)
    shape = shape_of_request(step(document, name)["Type"])
    assert shape is not None
    plain = {f"{step(document, name)['Type']}JobName": "name", **without_expressions(request)}
    report = botocore.validate.ParamValidator().validate(plain, shape)
    if report.has_errors():
        with pytest.raises(DefinitionError):
            validate(json.dumps(document))


def without_expressions(value: Json) -> Json:
    """The request with a text where SageMaker computes one."""
    if is_expression(value):
        return "s3://bucket/key"
    if isinstance(value, dict):
        return {key: without_expressions(child) for key, child in value.items()}
    return [without_expressions(child) for child in value] if isinstance(value, list) else value
