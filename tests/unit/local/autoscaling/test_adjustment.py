"""The arithmetic of policies, and the calendar of scheduled actions."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.autoscaling.adjustment import stepped, tracked
from local.autoscaling.schedule import parse
from local.errors import ValidationException

START = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)  # a Monday


@given(st.integers(1, 1000), st.floats(0, 1e6), st.floats(1, 1e5))
def test_the_tracked_capacity_is_the_smallest_that_meets_the_target(
    capacity: int, value: float, target: float
) -> None:
    wanted = tracked(capacity, value, target)
    assert wanted >= capacity * value / target - 1e-6
    assert wanted - 1 < capacity * value / target


def steps(kind: str, *intervals: tuple[float | None, float | None, int], **rest: Any) -> dict[str, Any]:
    adjustments = []
    for low, high, adjustment in intervals:
        step: dict[str, Any] = {"ScalingAdjustment": adjustment}
        if low is not None:
            step["MetricIntervalLowerBound"] = low
        if high is not None:
            step["MetricIntervalUpperBound"] = high
        adjustments.append(step)
    return {"AdjustmentType": kind, "StepAdjustments": adjustments, **rest}


CHANGE = steps("ChangeInCapacity", (0, 10, 1), (10, None, 3), (-10, 0, -1), (None, -10, -2))


@pytest.mark.parametrize(
    ("breach", "capacity"), [(0, 6), (9.9, 6), (10, 8), (500, 8), (-5, 4), (-10, 3), (-9.9, 4), (-50, 3)]
)
def test_a_step_is_chosen_by_how_far_the_threshold_was_passed(breach: float, capacity: int) -> None:
    assert stepped(5, breach, CHANGE) == capacity


def test_no_step_changes_nothing() -> None:
    assert stepped(5, 3, steps("ChangeInCapacity", (10, None, 2))) == 5


def test_an_exact_capacity_is_taken() -> None:
    assert stepped(5, 3, steps("ExactCapacity", (0, None, 9))) == 9


@pytest.mark.parametrize(
    ("capacity", "percent", "least", "wanted"),
    [
        (10, 25, 0, 12),
        (3, 10, 0, 4),
        (3, -10, 0, 2),
        (10, -67, 0, 4),
        (4, 25, 2, 6),
        (10, 100, 0, 20),
    ],
)
def test_percentages_are_rounded_as_aws_does(capacity: int, percent: int, least: int, wanted: int) -> None:
    configuration = steps("PercentChangeInCapacity", (0, None, percent), MinAdjustmentMagnitude=least)
    assert stepped(capacity, 1, configuration) == wanted


def due(expression: str, start: datetime = START, zone: str = "UTC") -> str | None:
    moment = parse(expression, zone, START).after(start)
    return moment.isoformat() if moment else None


@pytest.mark.parametrize(
    ("expression", "moment"),
    [
        ("at(2026-12-01T08:00:00)", "2026-12-01T08:00:00+00:00"),
        ("rate(5 minutes)", "2026-11-23T12:05:30+00:00"),
        ("rate(1 hour)", "2026-11-23T13:00:30+00:00"),
        ("cron(15 10 * * ? *)", "2026-11-24T10:15:00+00:00"),
        ("cron(0/10 * * * ? *)", "2026-11-23T12:10:00+00:00"),
        ("cron(0 8 ? * SAT *)", "2026-11-28T08:00:00+00:00"),
        ("cron(0 8 ? * 1 *)", "2026-11-29T08:00:00+00:00"),
        ("cron(0 8 ? * MON-FRI *)", "2026-11-24T08:00:00+00:00"),
        ("cron(30 6,18 29 2 ? *)", "2028-02-29T06:30:00+00:00"),
        ("cron(0 0 1 JAN ? 2030)", "2030-01-01T00:00:00+00:00"),
    ],
)
def test_the_next_time_is_the_one_that_aws_means(expression: str, moment: str) -> None:
    assert due(expression) == moment


def test_a_timezone_shifts_the_time() -> None:
    assert due("cron(0 8 * * ? *)", zone="America/New_York") == "2026-11-23T13:00:00+00:00"
    assert due("at(2026-07-01T08:00:00)", datetime(2026, 1, 1, tzinfo=UTC), "Europe/Paris") == (
        "2026-07-01T06:00:00+00:00"
    )


def test_what_is_over_does_not_come_again() -> None:
    assert due("at(2020-01-01T00:00:00)") is None
    assert due("cron(0 0 1 1 ? 2020)") is None


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "daily",
        "at(tomorrow)",
        "rate(5 fortnights)",
        "cron(1 2 3)",
        "cron(61 * * * ? *)",
        "cron(a * * * ? *)",
    ],
)
def test_a_bad_expression_is_quoted(expression: str) -> None:
    with pytest.raises(ValidationException) as caught:
        parse(expression, "UTC", START)
    assert f"The schedule expression {expression} is not valid" in caught.value.message


def test_a_bad_timezone_is_named() -> None:
    with pytest.raises(ValidationException, match="Mars/Olympus"):
        parse("rate(1 day)", "Mars/Olympus", START)


@given(st.integers(0, 59), st.integers(0, 23), st.integers(0, 10**6))
def test_a_daily_cron_comes_within_a_day(minute: int, hour: int, minutes: int) -> None:
    start = START + timedelta(minutes=minutes)
    moment = parse(f"cron({minute} {hour} * * ? *)", "UTC", START).after(start)
    assert moment is not None
    assert timedelta(0) < moment - start <= timedelta(days=1)
    assert (moment.minute, moment.hour) == (minute, hour)
