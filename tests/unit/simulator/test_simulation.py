"""What holds for every fleet and trace: bounds, monotony, and that no call is lost from the books."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import (
    Fleet,
    Monitoring,
    Outage,
    Scheduled,
    Server,
    Step,
    StepScaling,
    TargetTracking,
    simulate,
)
from simulator.monitoring import Datapoints
from simulator.policies import Aggregation
from simulator.queueing import erlang_c, serve
from simulator.traces import TraceError, constant, day, flash, from_csv

MINUTE = 60
loads = st.lists(st.floats(0, 2_000_000), min_size=1, max_size=90)


def tracking(target: float = 30_000, maximum: int = 50, **rest: object) -> Fleet:
    policy = TargetTracking(target, scale_out_cooldown=120, scale_in_cooldown=300)
    return Fleet(Server(60_000, usd_per_hour=0.1), 2, maximum, [policy], **rest)  # type: ignore[arg-type]


@settings(max_examples=30)
@given(loads, st.integers(0, 5), st.integers(0, 40))
def test_the_limits_are_kept_and_no_call_is_lost(trace: list[float], low: int, more: int) -> None:
    fleet = Fleet(Server(60_000), low, low + more, [TargetTracking(30_000)])
    result = simulate(fleet, trace, MINUTE)
    assert len(result.instances) == len(trace)
    assert (result.instances >= low).all()
    assert (result.instances <= low + more).all()
    calls = np.asarray(trace)
    # A second's worth of calls may wait from one step to the next.
    waiting = (low + more) * 1000 + 1e-3
    assert (result.dropped <= calls + waiting).all()
    assert (result.late <= calls + waiting).all()
    assert result.dropped_calls <= result.calls + 1e-6


@settings(max_examples=25)
@given(st.floats(1, 1_000_000), st.floats(1, 2))
def test_more_load_never_has_fewer_instances_in_the_end(load: float, times: float) -> None:
    def settled(calls_per_minute: float) -> int:
        return int(simulate(tracking(), constant(calls_per_minute, 7_200, 10), 10).instances[-1])

    assert settled(load) <= settled(load * times)


@settings(max_examples=25)
@given(st.floats(1, 1_400_000))
def test_in_the_end_the_metric_is_at_or_below_its_target(load: float) -> None:
    result = simulate(tracking(), constant(load, 10_800, 10), 10)
    count = int(result.instances[-1])
    needed = max(2, math.ceil(load / 30_000))
    # Fewer only go when the metric is more than 10 % below its target.
    assert needed <= count <= max(2, math.ceil(load / (0.9 * 30_000)) + 1)
    assert result.dropped[-1] == 0


@given(st.integers(1, 128), st.floats(0, 0.99))
def test_the_share_that_waits_is_a_share(servers: int, load: float) -> None:
    assert 0 <= erlang_c(servers, load) <= 1
    assert erlang_c(servers, load) <= erlang_c(servers, min(0.99, load + 0.005)) + 1e-12


def test_erlang_c_is_the_known_one() -> None:
    # One server: the share that waits is the load. Two servers at 75 %: 0.642857 (9/14).
    assert erlang_c(1, 0.3) == pytest.approx(0.3)
    assert erlang_c(2, 0.75) == pytest.approx(9 / 14)


def test_overload_is_dropped_beyond_the_queue() -> None:
    server = Server(60_000, queue_ms=500)
    outcome = serve(server, 1, 0.0, 3_000, 1, late_ms=100)
    # 1,000 of a second are answered, 500 wait half a second, the rest is refused.
    assert outcome.backlog == 500
    assert outcome.dropped == 1_500
    # Waits go from 0 to 500 ms, so of those who got in four of five take longer than 100 ms.
    assert outcome.late / (3_000 - outcome.dropped) == pytest.approx(0.81, abs=0.02)
    assert serve(server, 0, 10.0, 90, 1, late_ms=100).dropped == 100


def test_a_flash_crowd_scales_out_after_three_datapoints_and_the_start() -> None:
    trace = [20_000.0] * 10 + [300_000.0] * 20
    result = simulate(tracking(), np.repeat(trace, 6), 10)
    first = int(np.argmax(result.instances > 2)) * 10
    # From minute 10: three minutes of datapoints, one minute of delay, four minutes to start.
    assert first == pytest.approx(600 + 180 + 60 + 240, abs=20)
    assert result.instances[-1] == 10
    assert result.dropped_calls > 0


def test_scale_in_waits_a_quarter_of_an_hour_and_goes_by_its_highest_datapoint() -> None:
    trace = [300_000.0] * 5 + [60_000.0] * 30
    fleet = tracking(initial=10)
    result = simulate(fleet, np.repeat(trace, 6), 10)
    fewer = int(np.argmax(result.instances < 10)) * 10
    assert fewer >= 300 + 900
    assert result.instances[-1] == 2


def test_the_cooldown_counts_what_was_added_already() -> None:
    # With a metric that lags behind, 60 s after the instances came it still shows the load of before.
    trace = np.repeat([20_000.0] * 10 + [300_000.0] * 25, 6)
    short = Fleet(Server(60_000), 2, 100, [TargetTracking(30_000, scale_out_cooldown=0)])
    assert simulate(short, trace, 10).instances.max() > 10
    assert simulate(tracking(maximum=100), trace, 10).instances.max() == 10


def test_concurrency_reacts_within_a_minute() -> None:
    server = Server(60_000, p50_ms=20, start_seconds=0)
    fleet = Fleet(
        server, 1, 20, [TargetTracking(10, metric="concurrency")], monitoring=Monitoring(10, True, 10)
    )
    result = simulate(fleet, np.repeat([10_000.0] * 5 + [50_000.0] * 10, 60), 1)
    # 50,000/60 x 20 ms = 16.7 at once.
    assert 300 < int(np.argmax(result.instances > 1)) <= 300 + 60
    assert result.instances[-1] >= 2


def test_concurrency_is_followed_by_its_maximum() -> None:
    def settled(metric_target: float, load: float) -> int:
        policy = TargetTracking(metric_target, metric="concurrency", disable_scale_in=True)
        fleet = Fleet(Server(1e7, p50_ms=60, vcpus=64, start_seconds=0), 1, 1_000, [policy])
        return int(simulate(fleet, constant(load, 7_200, 10), 10).instances[-1])

    # 100,000 calls a minute of 60 ms each are 100 at once. The largest of some reports is above the mean, the
    # less so for large numbers.
    assert 10 < settled(10, 100_000) <= 25
    assert 100 < settled(100, 10_000_000) <= 140
    assert settled(10, 100_000) / 10 > settled(100, 10_000_000) / 100


@given(st.floats(0, 1_000), st.integers(1, 50))
def test_the_maximum_grows_with_the_instances_and_the_period(concurrent: float, instances: int) -> None:
    def most(count: int, period: float) -> float:
        datapoints = Datapoints(Monitoring(0, False, 10), 10)
        for _ in range(6):
            datapoints.record(count, 0.0, concurrent * count)
        [value] = datapoints.newest("concurrency", period, 1) or [math.nan]
        return value

    assert most(1, 10) == pytest.approx(concurrent)
    assert concurrent - 1e-9 <= most(instances, 10) <= most(instances + 1, 10) + 1e-9
    assert most(instances, 10) <= most(instances, 60) + 1e-9


@given(st.lists(st.floats(0, 100), min_size=1, max_size=5))
def test_a_step_is_chosen_by_the_aggregate_of_all_periods(values: list[float]) -> None:
    def desired(aggregation: Aggregation) -> int:
        steps = [Step(1, 0, 50), Step(2, 50)]
        policy = StepScaling(0, steps, periods=len(values), aggregation=aggregation)
        return policy.desired(1, policy.aggregated(values))

    assert desired("Minimum") == (3 if min(values) >= 50 else 2)
    assert desired("Maximum") == (3 if max(values) >= 50 else 2)
    assert desired("Minimum") <= desired("Average") <= desired("Maximum")


def test_steps_schedules_and_a_fleet_that_wakes() -> None:
    steps = StepScaling(30_000, [Step(1, 0, 10_000), Step(3, 10_000)], periods=1, cooldown=300)
    result = simulate(Fleet(Server(60_000), 1, 10, [steps]), constant(35_000, 900, 10), 10)
    assert result.instances[-1] == 2
    result = simulate(Fleet(Server(60_000), 1, 10, [steps]), constant(50_000, 480, 10), 10)
    assert result.instances[-1] == 4
    scheduled = Fleet(Server(60_000), 1, 10, scheduled=[Scheduled(60, minimum=5), Scheduled(1_200, 1, 1)])
    result = simulate(scheduled, constant(1_000, 1_800, 10), 10)
    assert (result.instances[0], result.instances[60], result.instances[-1]) == (1, 5, 1)
    wakes = StepScaling(0, [Step(2, 0)], metric="unserved", periods=1)
    result = simulate(Fleet(Server(60_000), 0, 4, [wakes]), constant(600, 900, 10), 10)
    assert (result.instances[0], result.instances[-1]) == (0, 2)
    assert result.dropped[0] == 100


def test_an_outage_takes_a_zone_until_its_instances_are_replaced() -> None:
    fleet = Fleet(Server(60_000, start_seconds=240), 3, 3, outages=[Outage(600, 3_000)], initial=3)
    result = simulate(fleet, constant(90_000, 1_800, 10), 10)
    assert (result.instances[59], result.instances[60], result.instances[-1]) == (3, 1, 3)
    assert result.dropped[60:84].sum() > 0
    assert result.dropped[90:].sum() == 0


def test_the_books() -> None:
    result = simulate(Fleet(Server(60_000, usd_per_hour=0.1), 2, 2), constant(6_000, 3_600, 10), 10)
    assert result.calls == 360_000
    assert result.instance_hours == pytest.approx(2)
    assert result.cost == pytest.approx(0.2)


@pytest.mark.parametrize("trace", [[], [-1.0], [math.nan], [math.inf]])
def test_what_is_no_trace_is_refused(trace: list[float]) -> None:
    with pytest.raises(ValueError, match="trace"):
        simulate(Fleet(Server(60_000), 1, 1), trace, 1)


def test_traces(tmp_path: object) -> None:
    assert len(day(100.0, 60)) == 1_440
    assert day(100.0, 60).max() == pytest.approx(100)
    assert day(100.0, 60).min() == pytest.approx(10)
    crowd = flash(100.0, 1)
    assert (crowd[0], crowd[1_860], crowd[-1]) == (10, 100, 10)


def test_a_trace_from_a_file(tmp_path: object) -> None:
    from pathlib import Path

    file = Path(str(tmp_path)) / "trace.csv"
    file.write_text("seconds,calls_per_minute\n0,0\n60,600\n120,600\n")
    assert from_csv(file, 30).tolist() == [0, 300, 600, 600]
    file.write_text("100\n200\n")
    assert from_csv(file, 30).tolist() == [100, 150]
    for wrong in ("", "1\n", "0,1\n0,2\n", "0,1\n60,-1\n", "0,1\n60,x\n", "0,1,2\n1,2,3\n"):
        file.write_text(wrong)
        with pytest.raises(TraceError, match=r"trace\.csv"):
            from_csv(file, 30)
    with pytest.raises(TraceError, match="cannot be read: No such file"):
        from_csv(file.parent / "none.csv", 30)
