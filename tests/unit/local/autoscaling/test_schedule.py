"""When scheduled actions are due: in the time zone that they name, winter and summer."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.autoscaling.schedule import parse
from local.errors import ValidationException

ORIGIN = datetime(2026, 1, 1, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2030, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))


def after(expression: str, zone: str, moment: datetime) -> datetime | None:
    return parse(expression, zone, ORIGIN).after(moment)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        # A Friday evening in winter: Monday, an hour ahead of UTC.
        (datetime(2026, 1, 9, 20, tzinfo=UTC), datetime(2026, 1, 12, 7, tzinfo=UTC)),
        # In summer two hours ahead.
        (datetime(2026, 7, 10, 20, tzinfo=UTC), datetime(2026, 7, 13, 6, tzinfo=UTC)),
        # Over the weekend in which the clocks change.
        (datetime(2026, 3, 27, 12, tzinfo=UTC), datetime(2026, 3, 30, 6, tzinfo=UTC)),
        (datetime(2026, 10, 23, 12, tzinfo=UTC), datetime(2026, 10, 26, 7, tzinfo=UTC)),
        # A minute before, and at it.
        (datetime(2026, 1, 12, 6, 59, tzinfo=UTC), datetime(2026, 1, 12, 7, tzinfo=UTC)),
        (datetime(2026, 1, 12, 7, tzinfo=UTC), datetime(2026, 1, 13, 7, tzinfo=UTC)),
    ],
)
def test_eight_in_the_morning_on_weekdays(moment: datetime, expected: datetime) -> None:
    assert after("cron(0 8 ? * MON-FRI *)", "Europe/Berlin", moment) == expected


@given(MOMENTS, st.sampled_from(ZONES), st.integers(4, 23), st.integers(0, 59))
def test_a_daily_action_is_due_within_a_day_at_its_local_time(
    moment: datetime, zone: str, hour: int, minute: int
) -> None:
    due = after(f"cron({minute} {hour} * * ? *)", zone, moment)
    assert due is not None
    assert moment < due <= moment + timedelta(hours=25)
    local = due.astimezone(ZoneInfo(zone))
    assert (local.hour, local.minute) == (hour, minute)


@given(MOMENTS, st.integers(1, 100), st.sampled_from(["minute", "hour", "day"]))
def test_a_rate_counts_from_its_origin(moment: datetime, amount: int, unit: str) -> None:
    due = after(f"rate({amount} {unit}s)", "UTC", moment)
    assert due is not None
    length = {"minute": 60, "hour": 3600, "day": 86400}[unit] * amount
    assert (due - ORIGIN).total_seconds() % length == 0
    assert timedelta(0) < due - moment <= timedelta(seconds=length)


def test_once_is_once_in_its_zone() -> None:
    moment = datetime(2026, 7, 1, tzinfo=UTC)
    assert after("at(2026-07-02T08:00:00)", "America/New_York", moment) == datetime(
        2026, 7, 2, 12, tzinfo=UTC
    )
    assert after("at(2026-06-02T08:00:00)", "America/New_York", moment) is None


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("cron(0 8 ? * MON-FRI *)", "Europe/Atlantis"),
        ("cron(0 25 ? * MON-FRI *)", "UTC"),
        ("cron(0 8 * *)", "UTC"),
        ("rate(5 fortnights)", "UTC"),
        ("at(tomorrow)", "UTC"),
        ("every(day)", "UTC"),
    ],
)
def test_what_is_no_schedule_is_refused_with_its_words(expression: str, zone: str) -> None:
    with pytest.raises(ValidationException) as caught:
        parse(expression, zone, ORIGIN)
    assert expression in caught.value.message or zone in caught.value.message
