"""How the benchmark of scaling compares counts, and what it tells the load generator."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator
from benchmarks.scaling.chart import stairs
from benchmarks.scaling.comparison import Comparison, compare
from benchmarks.scaling.traffic import Traffic

RISE = Traffic("rise", ((0, 10), (10, 10), (20, 110), (40, 110)))
CORNERS = st.lists(st.tuples(st.floats(0.5, 30), st.floats(1, 1000)), min_size=1, max_size=5)


def compared(seen: list[tuple[float, int]], simulated: list[int]) -> int:
    return Comparison(RISE, 1.0, seen, np.array(simulated)).worst


def test_a_change_may_come_one_period_early_or_late() -> None:
    simulated = [1] * 100 + [3] * 200
    assert compared([(0, 1), (41, 3), (200, 3)], simulated) == 0
    assert compared([(0, 1), (159, 1), (200, 3)], simulated) == 0
    assert compared([(0, 1), (30, 3), (200, 3)], simulated) == 2
    assert compared([(0, 1), (170, 1), (200, 3)], simulated) == 2


def test_a_count_that_never_was_is_as_far_as_the_nearest_one() -> None:
    assert compared([(100, 5)], [1] * 100 + [3] * 100) == 2
    assert compared([(100, 2)], [1] * 100 + [3] * 100) == 1
    assert compared([(500, 4)], [1] * 100 + [3] * 100) == 1


@given(CORNERS)
def test_the_calls_of_a_traffic_are_the_area_below_it(legs: list[tuple[float, float]]) -> None:
    ends = np.cumsum([seconds for seconds, _ in legs])
    corners = [(float(end), rate) for end, (_, rate) in zip(ends, legs, strict=True)]
    traffic = Traffic("any", ((0.0, 5.0), *corners))
    moments = np.linspace(0, traffic.seconds, 20_001)
    area = float(np.trapezoid(traffic.rate(moments), moments))
    assert traffic.calls == pytest.approx(area, rel=1e-3)


def test_the_simulation_is_in_the_time_of_the_fast_aws() -> None:
    speed, target = 10.0, 40.0 * 60 / 10
    fleet = simulator.Fleet(
        simulator.Server(1e9, start_seconds=5.0, stop_seconds=5.0),
        minimum=1,
        maximum=8,
        initial=1,
        policies=[simulator.TargetTracking(target)],
        monitoring=simulator.EMBEDDED,
    )
    found = compare(RISE, speed, [(0.0, 1), (39.0, 3), (50.0, 9)], fleet)
    assert len(found.simulated) == 400
    # 110 calls a second of this machine at 40 for each instance.
    assert found.simulated[-1] == 3
    assert found.seen == [(0.0, 1), (390.0, 3)]
    assert found.worst == 0


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5)), max_size=30))
def test_stairs_pass_through_every_count(counts: list[tuple[float, int]]) -> None:
    counts = sorted(counts)
    corners = stairs(counts)
    assert {y for _, y in corners} == {float(count) for _, count in counts}
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(corners))
