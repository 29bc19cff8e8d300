"""The monitoring pipeline as SageMaker gets it."""

import json
from typing import Any

import pytest

from declaration import Data, Endpoint, OnDrift, Project
from pipelines.monitoring import MonitoringBindings, definition
from pipelines.training import TrainingBindings
from pipelines.validation import validate
from tests.unit.pipelines.compiling import inputs, steps


@pytest.fixture(scope="module")
def watched() -> Project:
    return Project(
        name="flights",
        data=Data(target="late", instance="ml.m5.large"),
        endpoint=Endpoint(calls_per_minute=60),
        retrain=[OnDrift()],
    )


@pytest.fixture(scope="module")
def surroundings(bindings: TrainingBindings) -> MonitoringBindings:
    return MonitoringBindings(
        region=bindings.region,
        image_uri=bindings.image_uri,
        role_arn="arn:aws:iam::000000000000:role/watch",
        kms_key_arn=bindings.kms_key_arn,
        subnets=bindings.subnets,
        security_groups=bindings.security_groups,
    )


@pytest.fixture(scope="module")
def text(watched: Project, surroundings: MonitoringBindings) -> str:
    made = definition(watched, surroundings)
    validate(made)
    return made


def below(name: str) -> dict[str, Any]:
    return {"Std:Join": {"On": "/", "Values": [{"Get": "Parameters.Window"}, name]}}


def test_an_execution_has_to_be_told_its_window_and_its_model(text: str) -> None:
    assert json.loads(text)["Parameters"] == [
        {"Name": name, "Type": "String"} for name in ("Window", "Baseline", "Quality")
    ]


def test_one_job_reads_what_the_folder_of_the_look_lists(text: str) -> None:
    (watch,) = steps(text).values()
    assert inputs(watch) == {
        "traffic": below("traffic.manifest"),
        "labels": below("labels.manifest"),
        "earlier": below("earlier.manifest"),
        "window": below("window.json"),
        "baseline": {"Get": "Parameters.Baseline"},
        "quality": {"Get": "Parameters.Quality"},
    }
    types = {
        each["InputName"]: each["S3Input"]["S3DataType"] for each in watch["Arguments"]["ProcessingInputs"]
    }
    assert {name for name, type_ in types.items() if type_ == "ManifestFile"} == {
        "traffic",
        "labels",
        "earlier",
    }
    (output,) = watch["Arguments"]["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3Uri"] == below("report")


def test_the_job_is_isolated_and_knows_what_is_predicted(text: str, surroundings: MonitoringBindings) -> None:
    arguments = steps(text)["Watch"]["Arguments"]
    assert arguments["RoleArn"] == surroundings.role_arn
    assert arguments["NetworkConfig"]["EnableNetworkIsolation"] is True
    application = arguments["AppSpecification"]
    assert application["ContainerEntrypoint"] == ["watch"]
    assert application["ContainerArguments"] == [
        *("--project", "flights"),
        *("--problem", "binary"),
        *("--target", "late"),
    ]
    assert arguments["ProcessingResources"]["ClusterConfig"]["InstanceType"] == "ml.m5.large"


def test_functions_of_the_user_come_along(watched: Project, surroundings: MonitoringBindings) -> None:
    with_code = MonitoringBindings(**{**vars(surroundings), "code_uri": "s3://assets/code-1/"})
    assert inputs(steps(definition(watched, with_code))["Watch"])["code"] == "s3://assets/code-1/"


def test_the_definition_is_the_same_for_the_same_input(
    text: str, watched: Project, surroundings: MonitoringBindings
) -> None:
    assert definition(watched, surroundings) == text
