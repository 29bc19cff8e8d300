"""When a training job is stopped early: gains, where more is better."""

from statistics import fmean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.tuning.stopping import Hyperband, first_below, median_bars

gains = st.floats(-10, 10)
curves = st.lists(gains, min_size=1, max_size=12)


@given(st.lists(curves, min_size=5, max_size=9), st.lists(curves, max_size=4))
def test_bars_are_the_median_of_the_running_averages(
    finished: list[list[float]], cut: list[list[float]]
) -> None:
    bars = median_bars(finished, cut)
    half = median(len(curve) for curve in finished) / 2
    assert all(half <= epoch < max(map(len, finished)) for epoch in bars)
    for epoch, bar in bars.items():
        reached = [curve for curve in (*finished, *cut) if len(curve) > epoch]
        assert bar == pytest.approx(median(fmean(curve[: epoch + 1]) for curve in reached))


@given(st.lists(curves, max_size=4), curves)
def test_a_few_jobs_stop_nobody(finished: list[list[float]], curve: list[float]) -> None:
    assert first_below(curve, median_bars(finished, [])) is None


def test_a_job_below_the_median_is_stopped_in_the_second_half_of_its_way() -> None:
    bars = median_bars([[level] * 10 for level in (0.5, 0.6, 0.7, 0.8, 0.9)], [])
    assert first_below([0.69] * 10, bars) == 5
    assert first_below([0.7] * 10, bars) is None
    assert first_below([0.1] * 7 + [0.9] * 3, bars) == 5
    assert first_below([0.8] * 8 + [0.1] * 2, bars) == 8
    assert first_below([0.1] * 10, bars, start=8) == 8


@given(st.lists(curves, min_size=5, max_size=9), curves, st.integers(0, 12))
def test_the_rule_decides_the_same_however_often_it_looks(
    finished: list[list[float]], curve: list[float], looks: int
) -> None:
    bars = median_bars(finished, [])
    at_once = first_below(curve, bars)
    partly = first_below(curve[:looks], bars)
    assert partly in (None, at_once)


@given(st.integers(1, 20), st.integers(0, 200), st.integers(0, 200))
def test_brackets_share_the_jobs(least: int, span: int, job: int) -> None:
    band = Hyperband(least, least + span)
    assert least * 3 ** band.bracket(job) <= band.most


def test_brackets_get_the_jobs_that_hyperband_gives_them() -> None:
    band = Hyperband(1, 9)
    assert [sum(band.bracket(job) == bracket for job in range(17)) for bracket in range(3)] == [9, 5, 3]


@given(st.dictionaries(st.integers(0, 8), st.lists(gains, min_size=1, max_size=9), max_size=8), gains)
def test_a_third_of_those_that_come_to_a_rung_go_on(earlier: dict[int, list[float]], gain: float) -> None:
    band = Hyperband(1, 9)
    bars = band.bars(0, earlier)
    assert set(bars) <= {0, 2}
    rivals = [curve[0] for job, curve in earlier.items() if band.bracket(job) == band.bracket(0)]
    better = sum(rival > gain for rival in rivals)
    goes_on = first_below([gain], bars) is None
    assert goes_on == (len(rivals) < 2 or better < (len(rivals) + 1) // 3)
