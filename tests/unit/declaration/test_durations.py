"""Durations and schedules, for whatever people write."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declaration import DeclarationError, Every, OnNewData
from declaration.durations import parse, spoken
from declaration.schedule import expression

UNITS = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "days": 86_400, "minutes": 60, "week": 604_800}


@given(st.integers(0, 10**6), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " ", "  "]))
def test_a_number_and_a_unit_are_a_duration(count: int, unit: str, gap: str) -> None:
    assert parse(f"{count}{gap}{unit}") == timedelta(seconds=count * UNITS[unit])


@given(st.integers(0, 10**8))
def test_a_spoken_duration_is_parsed_back(seconds: int) -> None:
    assert parse(spoken(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.text())
def test_any_text_is_a_duration_in_range_or_refused_with_its_field(text: str) -> None:
    try:
        quiet = OnNewData(quiet_for=text).quiet_seconds
    except DeclarationError as refused:
        assert str(refused).startswith("OnNewData, quiet_for: ")
        assert "\n" not in str(refused)
    else:
        assert 0 <= quiet <= 86_400


@given(st.integers(0, 2 * 86_400))
def test_the_range_includes_its_bounds_and_nothing_beyond(seconds: int) -> None:
    if seconds <= 86_400:
        assert OnNewData(quiet_for=timedelta(seconds=seconds)).quiet_seconds == seconds
    else:
        with pytest.raises(DeclarationError, match="the nearest is '1 day'"):
            OnNewData(quiet_for=timedelta(seconds=seconds))


@given(st.integers(1, 366 * 1440))
def test_a_rate_is_as_long_as_the_period(minutes: int) -> None:
    written = expression(timedelta(minutes=minutes))
    count, unit = written.removeprefix("rate(").removesuffix(")").split()
    assert int(count) * {"minute": 1, "hour": 60, "day": 1440}[unit.rstrip("s")] == minutes
    # EventBridge wants the singular for one and the plural for more.
    assert unit.endswith("s") == (int(count) > 1)


@pytest.mark.parametrize(
    "cron",
    [
        "cron(0 6 * * ? *)",
        "cron(0/15 8-18 ? * MON-FRI *)",
        "cron(0 0 L * ? *)",
        "cron(0 0 15W * ? 2027)",
        "cron(0 18 ? * 6#3 2026-2030)",
        "cron(5,35 */2 1,15 JAN,jul ? *)",
        "cron(0 9 ? * 6L *)",
    ],
)
def test_cron_expressions_of_the_eventbridge_guide_are_taken_as_they_are(cron: str) -> None:
    assert Every(cron).schedule_expression == cron


@given(
    st.tuples(st.integers(0, 99), st.integers(0, 40), st.integers(0, 40), st.integers(0, 20)).map(
        lambda parts: (parts, f"cron({parts[0]} {parts[1]} {parts[2]} {parts[3]} ? *)")
    )
)
def test_a_cron_expression_is_taken_exactly_when_its_numbers_are_in_range(
    written: tuple[tuple[int, int, int, int], str],
) -> None:
    (minute, hour, day, month), cron = written
    valid = minute <= 59 and hour <= 23 and 1 <= day <= 31 and 1 <= month <= 12
    if valid:
        assert Every(cron).schedule_expression == cron
    else:
        with pytest.raises(DeclarationError, match="may hold"):
            Every(cron)
