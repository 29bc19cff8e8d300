import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.adapter.metric_math import UnknownExpression, Value, evaluate

numbers = st.floats(-1e6, 1e6)


def value(expression: str, **metrics: Value) -> Value:
    return evaluate("result", {"result": expression, "double": "2 * m"}, metrics)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("100 * e / n", 50.0),
        ("-(e - n)", 2.0),
        ("double + 1", 7.0),
        ("IF(n > 3, e, 0)", 2.0),
        ("IF(n > 9, e, 0)", 0.0),
        ("FILL(gone, 0) + e", 2.0),
        ("SUM([e, n, gone])", 6.0),
        ("MAX([e, n])", 4.0),
        ("gone + 1", None),
        ("e / FILL(gone, 0)", None),
    ],
)
def test_expressions(expression: str, expected: Value) -> None:
    assert value(expression, e=2.0, n=4.0, m=3.0, gone=None) == expected


@given(numbers, numbers)
def test_arithmetic_is_that_of_python(a: float, b: float) -> None:
    assert value("a + b * a - b", a=a, b=b) == a + b * a - b


@pytest.mark.parametrize(
    "expression", ["ANOMALY_DETECTION_BAND(m)", "m if m else 1", "m[0]", "open('x')", "m & m"]
)
def test_what_it_does_not_know_is_an_error_and_runs_nothing(expression: str) -> None:
    with pytest.raises(UnknownExpression, match="does not know"):
        value(expression, m=1.0)
