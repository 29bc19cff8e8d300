"""The figures by which the serving benchmark judges, and the trees that its floor compiles."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.serving import floor
from benchmarks.serving.figures import Comparison, Sample, summarized
from benchmarks.serving.load import Outcome
from benchmarks.serving.servers import FLASK, FLOOR, OURS
from benchmarks.serving_soak import capacity, memory, recovery

GOOD = Outcome(
    1000, 1000, 0, 0, 0, 0, 0, 0, 0, rps=500.0, p50_ms=1.0, p99_ms=3.0, p999_ms=4.0, slowest_ms=5.0
)


def sample(server: str, cpu_us: float, rps: float = 500.0, **outcome: int) -> Sample:
    return Sample(server, "csv1", 64, replace(GOOD, rps=rps, **outcome), cpu_us, 100.0)


def comparison(*samples: Sample, p99_ms: float = 3.0) -> Comparison:
    scheduled = {1_667: [replace(GOOD, p99_ms=p99_ms)], 10_000: [replace(GOOD, p99_ms=p99_ms)]}
    return Comparison(samples, scheduled, {1: 20.0})


def test_ratios_are_those_of_the_medians_of_the_rounds() -> None:
    found = comparison(
        *(sample(OURS, cpu) for cpu in (30.0, 10.0, 20.0)),
        *(sample(FLASK, cpu, 10.0) for cpu in (500.0, 900.0, 700.0)),
        sample(FLOOR, 10.0, 900.0),
    )
    assert found.ratio_to_flask == pytest.approx(35)
    assert found.ratio_to_floor == pytest.approx(2)
    assert found.missed() == []
    assert found.result()["ratio_to_flask"] == 35
    assert found.result()["p99_ms_1667"] == 3.0


def test_without_a_compiler_there_is_no_floor_and_no_aim_about_it() -> None:
    found = comparison(sample(OURS, 10.0), sample(FLASK, 400.0, 10.0))
    assert found.ratio_to_floor is None
    assert found.result()["ratio_to_c_floor"] is None
    assert found.missed() == []


@pytest.mark.parametrize(
    ("samples", "p99_ms", "sentence"),
    [
        ([sample(OURS, 100.0), sample(FLASK, 400.0, 10.0)], 3.0, "1/4.0 of flask"),
        ([sample(OURS, 50.0), sample(FLOOR, 10.0)], 3.0, "5.0 times the C floor"),
        ([sample(OURS, 50.0), sample("peer", 40.0, 10.0)], 3.0, "peer takes 40.0"),
        ([sample(OURS, 50.0), sample("peer", 60.0, 501.0)], 3.0, "peer answers 501"),
        ([sample(OURS, 50.0)], 20.0, "p99 at 1,667"),
        ([sample(OURS, 50.0, wrong=2)], 3.0, "2 of our answers are wrong"),
        ([sample(OURS, 50.0, busy=1, broken=2)], 3.0, "3 of our requests"),
    ],
)
def test_a_missed_aim_is_a_sentence(samples: list[Sample], p99_ms: float, sentence: str) -> None:
    assert any(sentence in each for each in comparison(*samples, p99_ms=p99_ms).missed())


def test_a_server_that_was_not_measured_has_no_figures() -> None:
    with pytest.raises(ValueError, match="no sample"):
        summarized([])


def tree(depth: int, leaves: list[float]) -> dict[str, Any]:
    """A full tree on one feature, whose leaf n is reached from n up to n + 1."""
    inner = 2**depth - 1
    left = [2 * node + 1 if node < inner else -1 for node in range(2 * inner + 1)]
    conditions: list[float] = []
    for node in range(inner):
        level = int(math.log2(node + 1))
        width = 2 ** (depth - level)
        conditions.append((node + 1 - 2**level) * width + width / 2)
    return {
        "left_children": left,
        "right_children": [node + 1 if node != -1 else -1 for node in left],
        "split_indices": [0] * len(left),
        "split_conditions": conditions + leaves,
    }


def test_the_floor_has_each_leaf_once_and_the_margin_of_the_base_score() -> None:
    model: dict[str, Any] = {
        "learner": {
            "objective": {"name": "binary:logistic"},
            "learner_model_param": {"base_score": "[5E-1]", "num_feature": "1"},
            "gradient_booster": {"model": {"trees": [tree(2, [1.5, 2.5, 3.5, 4.5])]}},
        }
    }
    source = floor.source(model)
    assert source.count("return") == 5
    assert "float s = 0x0.0p+0f;" in source
    assert source.index((1.5).hex()) < source.index((2.5).hex()) < source.index((4.5).hex())
    model["learner"]["objective"]["name"] = "reg:squarederror"
    with pytest.raises(ValueError, match="binary:logistic"):
        floor.source(model)


@given(st.lists(st.floats(50, 60), min_size=10, max_size=40), st.floats(-20, 20))
def test_memory_that_only_wavers_does_not_grow(noise: list[float], step: float) -> None:
    assert abs(memory.growth(noise)) <= 10
    half = len(noise) // 2
    raised = [value + (step if place >= half else 0) for place, value in enumerate([55.0] * len(noise))]
    assert memory.growth(raised) == pytest.approx(step)


def test_memory_that_was_hardly_looked_at_shows_nothing() -> None:
    with pytest.raises(ValueError, match="9 samples"):
        memory.growth([1.0] * 9)


def test_ready_processes_are_read_from_a_log_with_other_lines() -> None:
    ready = '{"event":"ready","process":%d}'
    log = "\n".join([ready % 11, "warning", "3", '{"event":"stopped","process":11}', ready % 12, '{"ev'])
    assert recovery.ready(log) == [11, 12]


def test_a_worker_that_never_came_back_is_the_worst() -> None:
    killed = recovery.Killed([recovery.Kill(1, 0.5), recovery.Kill(2, None)], GOOD)
    assert killed.worst_recovery_s == 30.0
    assert recovery.Killed([recovery.Kill(1, 0.5), recovery.Kill(3, 0.7)], GOOD).worst_recovery_s == 0.7


def test_capacity_is_the_highest_rate_without_errors_and_within_the_latency() -> None:
    tried: list[float] = []

    def attempt(rate: float) -> Outcome:
        tried.append(rate)
        late = replace(GOOD, p99_ms=capacity.MOST_P99_MS + 1)
        return GOOD if rate <= 700 else replace(GOOD, unanswered=1) if rate <= 800 else late

    closed = replace(GOOD, rps=1000.0)
    assert capacity.carried(closed, attempt) == pytest.approx(650)
    assert tried == pytest.approx([950, 850, 750, 650])
    with pytest.raises(capacity.OverloadedError, match="busy with something else"):
        capacity.carried(closed, lambda _rate: replace(GOOD, wrong=1))
