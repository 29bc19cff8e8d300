"""Alarm states, by the tables of the CloudWatch user guide ("How CloudWatch alarms treat missing data")."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.adapter.verdict import verdict

BREACHING = {"X": 2.0, "0": 0.0, "-": None}
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")


def state(datapoints: str, treat: str, count: int = 3, needed: int = 3) -> str | None:
    """The datapoints as in the guide: oldest first, "X" breaching, "0" not, "-" missing."""
    alarm = {
        "EvaluationPeriods": count,
        "DatapointsToAlarm": needed,
        "TreatMissingData": treat,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1,
    }
    return verdict(alarm, [BREACHING[symbol] for symbol in reversed(datapoints)])


@pytest.mark.parametrize(
    ("datapoints", "expected"),
    [
        ("0-X-X", ("OK", "OK", "OK", "OK")),
        ("0----", ("OK", "OK", "OK", "OK")),
        ("-----", ("INSUFFICIENT_DATA", None, "ALARM", "OK")),
        ("0XX-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("--X--", ("ALARM", None, "ALARM", "OK")),
        ("---XX", (None, None, "ALARM", "OK")),
        ("----X", (None, None, "ALARM", "OK")),
    ],
)
def test_three_of_three(datapoints: str, expected: tuple[str | None, ...]) -> None:
    assert tuple(state(datapoints, treat) for treat in TREATMENTS) == expected


@pytest.mark.parametrize(
    ("datapoints", "expected"),
    [
        ("0-X-X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("00X0X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        ("0-X--", ("OK", "OK", "ALARM", "OK")),
        ("----0", ("OK", "OK", "ALARM", "OK")),
        ("---X-", ("ALARM", None, "ALARM", "OK")),
    ],
)
def test_two_of_three(datapoints: str, expected: tuple[str | None, ...]) -> None:
    assert tuple(state(datapoints, treat, needed=2) for treat in TREATMENTS) == expected


@given(st.text("X0", min_size=5, max_size=5), st.sampled_from(TREATMENTS))
def test_without_gaps_the_treatment_does_not_matter(datapoints: str, treat: str) -> None:
    assert state(datapoints, treat) == ("ALARM" if datapoints.endswith("X" * 3) else "OK")


def test_a_comparison_that_it_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="LessThanLowerThreshold"):
        verdict({"ComparisonOperator": "LessThanLowerThreshold", "Threshold": 1}, [1.0])
