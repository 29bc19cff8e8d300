from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.pipelines.expressions import ExpressionError, Scope, evaluate, holds, look_up

FILES = {"Metrics": '{"gate": {"value": 0.75}, "list": [1, {"a b": 2}]}', "Broken": "{"}
SCOPE = Scope(
    parameters={"Text": "a", "Number": 3, "Rate": 0.5, "Flag": True},
    execution={"PipelineExecutionId": "abc"},
    properties={
        "Train": {
            "ModelArtifacts": {"S3ModelArtifacts": "s3://b/m"},
            "Outputs": [{"OutputName": "o", "U": 1}],
        }
    }.__getitem__,
    property_file=lambda _, name: FILES[name],
    s3_text=lambda uri: f'{{"uri": "{uri}"}}',
)


def json_get(path: str, name: str = "Metrics") -> dict[str, Any]:
    return {"Std:JsonGet": {"PropertyFile": {"Get": f"Steps.Evaluate.PropertyFiles.{name}"}, "Path": path}}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Get": "Parameters.Number"}, 3),
        ({"Get": "Execution.PipelineExecutionId"}, "abc"),
        ({"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}, "s3://b/m"),
        ({"Get": "Steps.Train.Outputs['o'].U"}, 1),
        ({"Get": "Steps.Train.Outputs[0].U"}, 1),
        (
            {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Number"}, True, 0.5]}},
            "s3://3/true/0.5",
        ),
        (json_get("gate.value"), 0.75),
        (json_get("$.list[1]['a b']"), 2),
        (
            {"Std:JsonGet": {"S3Uri": {"Std:Join": {"On": "", "Values": ["s3://b/", "k"]}}, "Path": "uri"}},
            "s3://b/k",
        ),
        ({"A": [{"Get": "Parameters.Text"}]}, {"A": ["a"]}),
    ],
)
def test_expressions_have_values(expression: Any, value: Any) -> None:
    assert evaluate(expression, SCOPE) == value


@pytest.mark.parametrize(
    "expression",
    [
        {"Get": "Parameters.Absent"},
        {"Get": "Steps.Train.ModelArtifacts.Absent"},
        {"Get": "Steps.Train.Outputs['x'].U"},
        json_get("gate.absent"),
        json_get("gate.value", "Broken"),
    ],
)
def test_expressions_without_a_value_say_so(expression: Any) -> None:
    with pytest.raises(ExpressionError):
        evaluate(expression, SCOPE)


def compare(kind: str, left: Any, right: Any) -> dict[str, Any]:
    return {"Type": kind, "LeftValue": left, "RightValue": right}


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        (compare("Equals", {"Get": "Parameters.Text"}, "a"), True),
        (compare("GreaterThan", 1, 1), False),
        (compare("GreaterThanOrEqualTo", json_get("gate.value"), 0.75), True),
        (compare("LessThan", 1, 2.5), True),
        (compare("LessThanOrEqualTo", 3, 2), False),
        ({"Type": "In", "QueryValue": "a", "Values": ["b", {"Get": "Parameters.Text"}]}, True),
        ({"Type": "Not", "Condition": compare("Equals", 1, 1)}, False),
        ({"Type": "Or", "Conditions": [compare("Equals", 1, 2), compare("Equals", 1, 1)]}, True),
    ],
)
def test_conditions(condition: dict[str, Any], outcome: bool) -> None:
    assert holds(condition, SCOPE) is outcome


def test_conditions_compare_only_what_can_be_compared() -> None:
    with pytest.raises(ExpressionError, match="cannot compare 'a' with 1"):
        holds(compare("LessThan", "a", 1), SCOPE)


@given(st.text(max_size=20))
def test_any_path_has_a_value_or_an_error(path: str) -> None:
    try:
        look_up({"a": [{"b": 1}]}, path)
    except ExpressionError:
        return
