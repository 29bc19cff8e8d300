"""How a model is served: what follows from the load, from a measurement, from hours and from a budget."""

import importlib.util
import math
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from declaration import (
    Async,
    Batch,
    Canary,
    Data,
    DeclarationError,
    Endpoint,
    Project,
    Rolling,
    Serverless,
)
from declaration.hours import hours
from declaration.measured import Measured, file_of, write
from declaration.prices import HOURS_A_MONTH, priced_to_serve

MEASURED: dict[str, Any] = {
    "model": "flights/3",
    "instance": "ml.c5.large",
    "where": "aws",
    "vcpus": 2,
    "calls_per_minute": 120_000,
    "p50_ms": 2.0,
    "p99_ms": 8.0,
    "date": "2026-11-23",
}
APP = """
from declaration import Data, Endpoint, Project

def project(**endpoint):
    return Project("measured", data=Data("y"), endpoint=Endpoint(calls_per_minute=100_000, **endpoint))
"""
Declare = Callable[..., Project]


@pytest.fixture
def project(tmp_path: Path) -> Declare:
    """What a file declares in a folder of its own, beside which measurements lie."""
    (tmp_path / "app.py").write_text(APP)
    specification = importlib.util.spec_from_file_location("users_app", tmp_path / "app.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    declare: Declare = module.project
    return declare


@pytest.fixture
def measured(request: pytest.FixtureRequest, tmp_path: Path) -> Measured:
    """A load test of that project, saved beside the file."""
    found = Measured(**MEASURED | getattr(request, "param", {}))
    write(file_of(tmp_path, "measured"), found)
    return found


# By what was measured


def test_what_was_measured_replaces_trust(project: Declare, measured: Measured) -> None:
    capacity = project().capacity
    assert capacity is not None
    assert (capacity.calls_per_instance, capacity.needed) == (120_000, 2)
    assert measured.described() in capacity.explain()
    trusted = Project("other", data=Data("y"), endpoint=Endpoint(calls_per_minute=100_000)).capacity
    assert trusted is not None
    assert (trusted.calls_per_instance, trusted.needed) == (60_000, 4)
    assert "trusted, not measured" in trusted.explain()


def test_what_is_declared_replaces_what_was_measured(project: Declare, measured: Measured) -> None:
    capacity = project(calls_per_instance=40_000).capacity
    assert capacity is not None
    assert capacity.calls_per_instance == 40_000


@given(st.integers(1, 10**7), st.sampled_from(["ml.c5.large", "ml.c5.xlarge", "ml.m5.4xlarge"]))
def test_another_type_carries_by_its_vcpus(calls: int, instance: str) -> None:
    measured = Measured(**MEASURED | {"calls_per_minute": calls})
    capacity = Endpoint(calls_per_minute=1, instance=instance).capacity_by(measured)
    cpus = {"ml.c5.large": 2, "ml.c5.xlarge": 4, "ml.m5.4xlarge": 16}[instance]
    assert capacity.calls_per_instance == max(2, calls * cpus // 2)
    assert capacity.needed * capacity.target >= 1


def test_a_ceiling_that_is_too_low_is_refused_by_what_was_measured(
    project: Declare, measured: Measured
) -> None:
    assert project(max_instances=2).endpoint is not None
    with pytest.raises(DeclarationError, match=r"need 4 instances of ml\.c5\.large"):
        Project("other", data=Data("y"), endpoint=Endpoint(calls_per_minute=100_000, max_instances=2))


def test_a_latency_that_the_load_test_did_not_have_is_refused(project: Declare, measured: Measured) -> None:
    assert project(p99_ms=8).endpoint is not None
    with pytest.raises(DeclarationError, match=r"at 120,000 calls a minute .* had a p99 of 8 ms"):
        project(p99_ms=7)


def test_calls_at_once_follow_from_load_and_time(project: Declare, measured: Measured) -> None:
    capacity = project(scale_on="concurrency").capacity
    assert capacity is not None
    # 1,000 calls a second at the target, of 2 ms each.
    assert capacity.concurrency == pytest.approx(2.0)


@pytest.mark.parametrize("measured", [{"p50_ms": 0.5}], indirect=True)
def test_calls_too_short_to_be_counted_are_refused(project: Declare, measured: Measured) -> None:
    with pytest.raises(DeclarationError, match=r"1,000\.0 calls/s x 0\.5 ms = 0\.50 at once per instance"):
        project(scale_on="concurrency")


def test_calls_of_unknown_length_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r'Project "f", endpoint\.scale_on: .* write p99_ms='):
        Project("f", data=Data("y"), endpoint=Endpoint(calls_per_minute=60, scale_on="concurrency"))


def test_a_broken_measurement_is_one_sentence(project: Declare, tmp_path: Path) -> None:
    file_of(tmp_path, "measured").parent.mkdir()
    file_of(tmp_path, "measured").write_text('{"model": 3}')
    with pytest.raises(DeclarationError, match=r"capacity/measured\.json") as refused:
        project()
    assert len(refused.value.problems) == 1


# By a budget


@given(st.integers(1, 10**6), st.integers(1, 50), st.floats(1, 100_000))
def test_a_budget_is_kept_or_refused(load: int, least: int, budget: float) -> None:
    month = 0.102 * HOURS_A_MONTH
    needed = max(least, math.ceil(load / 30_000))

    def declare() -> Project:
        served = Endpoint(calls_per_minute=load, min_instances=least, monthly_budget=budget)
        return Project("f", data=Data("y"), endpoint=served)

    assume(abs(needed * month - budget) > 0.01)
    assume(abs(least * month - budget) > 0.01)
    if needed * month > budget:
        with pytest.raises(DeclarationError, match="monthly_budget") as refused:
            declare()
        assert "USD a month" in str(refused.value)
        assert len(refused.value.problems) == 1
    else:
        capacity = declare().capacity
        assert capacity is not None
        assert capacity.maximum <= 2 * needed
        assert capacity.maximum == needed or (capacity.monthly_usd(capacity.maximum) or 0) <= budget + 0.01


def test_a_floor_over_the_budget_is_refused_with_its_arithmetic() -> None:
    with pytest.raises(DeclarationError) as refused:
        Endpoint(calls_per_minute=60, monthly_budget=100)
    assert str(refused.value) == (
        "Endpoint, monthly_budget: 100 was given, but the floor alone costs 2 x 0.102 USD/h x 730 h = 148.92 "
        "USD a month; write monthly_budget=149 or more, or scale_to_zero=True."
    )


def test_busy_hours_cost_less_than_always() -> None:
    served: dict[str, Any] = {"calls_per_minute": 300_000, "monthly_budget": 400}
    with pytest.raises(DeclarationError, match=r"need 10 x 0\.102 USD/h .* 744\.60 USD a month"):
        Project("f", data=Data("y"), endpoint=Endpoint(**served))
    assert Project("f", data=Data("y"), endpoint=Endpoint(**served, busy="weekdays 8-18"))


def test_a_budget_without_a_price_is_refused() -> None:
    assert priced_to_serve("ml.c6i.large") is None
    with pytest.raises(DeclarationError, match=r"has none of ml\.c6i\.large"):
        Endpoint(calls_per_minute=60, instance="ml.c6i.large", monthly_budget=500)
    assert Endpoint(calls_per_minute=60, instance="ml.c6i.large").capacity.usd_per_hour is None


# Hours

DAYS = {"daily": 7, "weekdays": 5, "weekends": 2}


# The first look at the time zones takes a while.
@settings(deadline=None)
@given(
    st.sampled_from(sorted(DAYS)),
    st.integers(0, 23),
    st.integers(1, 24),
    st.sampled_from(sorted(zoneinfo.available_timezones())),
)
def test_hours_become_two_moments_of_each_day(days: str, start: int, end: int, zone: str) -> None:
    assume(start < end)
    found = hours(f"{days} {start}-{end} {zone}")
    assert found.timezone == zone
    assert found.share == pytest.approx(DAYS[days] * (end - start) / 168)
    assert Endpoint(calls_per_minute=9, busy=f"{days} {start}-{end} {zone}").busy_hours == found
    for expression, minute in ((found.begin_expression, start * 60 - 15), (found.end_expression, end * 60)):
        minutes, hour, day_of_month, month, named, year = expression.removeprefix("cron(")[:-1].split()
        assert int(hour) * 60 + int(minutes) == minute % 1440
        assert (day_of_month, month, year) == ("?", "*", "*")
        assert len(named.split(",")) == DAYS[days]


def test_what_begins_at_midnight_is_prepared_on_the_day_before() -> None:
    assert hours("weekdays 0-24").begin_expression == "cron(45 23 ? * SUN,MON,TUE,WED,THU *)"
    assert hours("weekdays 0-24").end_expression == "cron(0 0 ? * TUE,WED,THU,FRI,SAT *)"
    assert hours("weekends 9-17").begin_expression == "cron(45 8 ? * SAT,SUN *)"


# Other ways


def test_what_sleeps_is_replaced_in_batches_unless_told_otherwise() -> None:
    assert Endpoint(calls_per_minute=9, scale_to_zero=True).rollout == Rolling()
    assert Endpoint(calls_per_minute=9).rollout == Canary()
    assert Endpoint(calls_per_minute=9, scale_to_zero=True).capacity.minimum == 0


@given(
    st.integers(1, 10**6),
    st.floats(0.01, 60),
    st.integers(1, 100),
    st.integers(15, 360),
)
def test_a_queue_is_answered_in_time(load: int, seconds: float, at_once: int, minutes: int) -> None:
    queued = Async(
        calls_per_minute=load, seconds_per_call=seconds, at_once=at_once, answer_within=f"{minutes} min"
    )
    carried = at_once * 60 / seconds
    assert queued.needed * carried >= load
    assert queued.maximum >= queued.needed
    # A full backlog of every instance is worked off within the time.
    assert queued.backlog <= max(1.0, carried * minutes)
    assert f"{load:,} calls/min" in queued.explain()


def test_batches_come_with_files_or_by_the_clock() -> None:
    assert Batch().schedule_expression is None
    assert Batch(every="1 day").schedule_expression == "rate(1 day)"
    assert Batch(every="cron(0 6 * * ? *)").schedule_expression == "cron(0 6 * * ? *)"


def test_every_way_to_serve_is_taken_by_a_project() -> None:
    for served in (Async(calls_per_minute=9), Batch(), Serverless(calls_per_minute=9, latency_ms=5, warm=2)):
        declared = Project("f", data=Data("y"), endpoint=served)
        assert declared.capacity is None
        assert hash(declared) == hash(declared)


def test_a_line_says_what_serves_and_how_that_is_known() -> None:
    assert Endpoint(calls_per_minute=100_000).capacity.summary() == (
        "100,000 calls/min with 2 to 8 x ml.c5.large, 0.102 USD/h each (trusted, not measured)"
    )
    assert "USD" not in Endpoint(calls_per_minute=60, instance="ml.c6i.large").capacity.summary()
