"""Points of metrics by their time, however they came in and whatever was dropped meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from local.adapter.datapoints import Point, between

MOMENTS = st.integers(0, 30)
ROUNDS = st.lists(st.tuples(st.lists(MOMENTS, max_size=6), MOMENTS, MOMENTS, st.integers(0, 5)), max_size=8)


@given(ROUNDS)
def test_a_period_holds_exactly_its_points(rounds: list[tuple[list[int], int, int, int]]) -> None:
    points: list[Point] = []
    for moments, start, end, dropped in rounds:
        points.extend({"Timestamp": float(moment), "Value": 1.0} for moment in moments)
        expected = sorted(p["Timestamp"] for p in points if start <= p["Timestamp"] < end)
        assert [p["Timestamp"] for p in between("metric", points, start, end)] == expected
        # CloudWatch forgets what is old: a new list, without the first ones.
        points = points[dropped:]
