import json
from typing import Any

import pytest

from local.errors import ValidationException
from local.sagemaker.pipelines.definition import parse
from tests.unit.local.sagemaker.small_cloud import training_pipeline


def test_a_good_definition() -> None:
    definition = parse(json.dumps(training_pipeline()))
    assert list(definition.steps) == ["Prepare", "Train", "Evaluate", "Gate", "Register", "Rejected"]
    assert definition.steps["Train"].dependencies == {"Prepare": "Completed"}
    assert definition.steps["Register"].parent == ("Gate", "IfSteps")


def change(*path: str | int, to: Any) -> str:
    document = training_pipeline()
    place: Any = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = to
    return json.dumps(document)


BAD = {
    "not JSON": ("nonsense", "Expecting value"),
    "no steps": ("{}", "Version and Steps"),
    "unknown step type": (change("Steps", 0, "Type", to="Quantum"), "type Quantum"),
    "bad step name": (change("Steps", 0, "Name", to="no spaces please"), "regular expression"),
    "name twice": (change("Steps", 2, "Name", to="Prepare"), "unique"),
    "unknown dependency": (
        change("Steps", 1, "DependsOn", to=["Nobody"]),
        "step Nobody, which does not exist",
    ),
    "cycle": (change("Steps", 0, "DependsOn", to=["Evaluate"]), "wait for each other"),
    "unknown parameter": (
        change("Steps", 0, "Arguments", "RoleArn", to={"Get": "Parameters.Role"}),
        "parameter Role, which does not exist",
    ),
    "unknown property file": (change("Steps", 2, "PropertyFiles", to=[]), "property file Metrics"),
    "misspelt member": (change("Steps", 1, "Arguments", "Hyperparameters", to={}), "Model Validation failed"),
    "bad enum": (
        change("Steps", 1, "Arguments", "AlgorithmSpecification", "TrainingInputMode", to="Slow"),
        "enum value set",
    ),
    "bad parameter type": (change("Parameters", 0, "Type", to="Date"), "unknown type Date"),
    "bad default": (change("Parameters", 1, "DefaultValue", to="three"), "not of type Integer"),
    "default not in enum": (change("Parameters", 2, "DefaultValue", to="Fine"), "EnumValues"),
    "member missing": (change("Steps", 0, to={"Type": "Fail"}), "'Name' is missing"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_definition_is_refused_with_its_reason(name: str) -> None:
    text, words = BAD[name]
    with pytest.raises(ValidationException) as raised:
        parse(text)
    assert raised.value.message.startswith("Unable to parse pipeline definition. ")
    assert words in raised.value.message


def test_parameters_are_typed_and_limited() -> None:
    definition = parse(json.dumps(training_pipeline()))
    assert definition.values([{"Name": "Least", "Value": "7"}])["Least"] == 7
    for name, value, words in (
        ("Least", "seven", "must be of type Integer"),
        ("Least", "7.5", "must be of type Integer"),
        ("Approval", "Fine", r"one of \[PendingManualApproval, Approved\]"),
        ("Other", "1", "Unknown pipeline parameters: Other"),
    ):
        with pytest.raises(ValidationException, match=words):
            definition.values([{"Name": name, "Value": value}])
