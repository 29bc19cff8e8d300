"""How the benchmark of scaling compares counts, and draws them."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import simulator
from benchmarks.scaling.chart import stairs
from benchmarks.scaling.comparison import Comparison, compare
from benchmarks.scaling.traffic import Traffic
from cli.loadtest.load import Load

RISE = Traffic("rise", Load(((0, 10), (10, 10), (20, 110), (40, 110))))


def compared(seen: list[tuple[float, int]], simulated: list[int]) -> int:
    return Comparison(RISE, 1.0, seen, np.array(simulated)).worst


def test_a_change_may_come_one_period_early_or_late() -> None:
    simulated = [1] * 100 + [3] * 200
    for change, worst in ((41, 0), (159, 0), (30, 2), (170, 2)):
        assert compared([(0, 1), (change, 3), (299, 3)], simulated) == worst


def test_a_count_that_never_was_is_as_far_as_the_nearest_one() -> None:
    assert compared([(0, 1), (100, 5), (199, 5)], [1] * 100 + [3] * 100) == 2
    assert compared([(0, 1), (100, 2), (199, 2)], [1] * 100 + [3] * 100) == 1
    assert compared([(0, 1), (100, 3), (500, 4)], [1] * 100 + [3] * 100) == 1


def test_instances_come_into_service_one_after_the_other() -> None:
    one_by_one: list[tuple[float, int]] = [(0, 1), (98, 2), (101, 3), (104, 4), (107, 5), (399, 5)]
    assert compared(one_by_one, [1] * 100 + [5] * 300) == 0
    assert compared([(0, 1), (100, 3), (300, 5), (399, 5)], [1] * 100 + [5] * 300) == 2


def test_what_was_simulated_and_never_seen_counts_too() -> None:
    spike = [1] * 100 + [4] * 10 + [1] * 190
    assert compared([(0, 1), (299, 1)], spike) == 3
    assert compared([(0, 1), (100, 4), (110, 1), (299, 1)], spike) == 0
    assert compared([], spike) == 0


@given(st.lists(st.integers(0, 9), min_size=1, max_size=300), st.integers(0, 59))
def test_what_comes_less_than_a_period_late_is_no_difference(counts: list[int], late: int) -> None:
    seen = [(float(second), count) for second, count in enumerate([counts[0]] * late + counts)]
    assert compared(seen[: len(counts)], counts) <= max(counts) - min(counts)
    assert compared(seen, counts + [counts[-1]] * late) == 0


def test_rows_are_one_a_period() -> None:
    found = Comparison(RISE, 10.0, [(0.0, 1), (130.0, 2), (399.0, 2)], np.array([1] * 200 + [2] * 200))
    rows = list(found.rows())
    assert [row[0] for row in rows] == [0, 60, 120, 180, 240, 300, 360]
    assert [row[2:] for row in rows[2:5]] == [(1, 1), (2, 1), (2, 2)]
    assert rows[-1][1] == 110


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
    for late, worst in ((50, 0), (100, 2)):
        seen = [(second + late, int(count)) for second, count in enumerate(found.simulated)]
        assert Comparison(RISE, speed, [(0.0, 1), *seen[:300]], found.simulated).worst == worst


@given(st.lists(st.tuples(st.floats(0, 100), st.integers(0, 5)), max_size=30))
def test_stairs_pass_through_every_count(counts: list[tuple[float, int]]) -> None:
    counts = sorted(counts)
    corners = stairs(counts)
    assert {y for _, y in corners} == {float(count) for _, count in counts}
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(corners))
