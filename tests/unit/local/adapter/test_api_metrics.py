"""What API Gateway tells of calls: sums, rates and latencies, by API and by stage."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from local.adapter.api_metrics import ApiMeter, Stage

STAGE = Stage("flights", "v1")
CALLS = st.lists(st.tuples(st.sampled_from([200, 400, 403, 429, 500, 504]), st.floats(0, 30)))


@given(CALLS)
def test_errors_are_a_share_of_all_calls(calls: list[tuple[int, float]]) -> None:
    meter = ApiMeter()
    for status, seconds in calls:
        meter.record(STAGE, status, seconds, seconds if status in (200, 500) else None)
    sums: Counter[str] = Counter()
    samples: Counter[str] = Counter()
    for metric in meter.take():
        if metric.dimensions == {"ApiName": "flights"}:
            sums[metric.name] += round(metric.value * metric.count)
            samples[metric.name] += round(metric.count)
        else:
            assert metric.dimensions == {"ApiName": "flights", "Stage": "v1"}
    assert sums["Count"] == len(calls)
    assert sums["4XXError"] == sum(400 <= status < 500 for status, _ in calls)
    assert sums["5XXError"] == sum(status >= 500 for status, _ in calls)
    assert sums["Latency"] == sum(round(seconds * 1000) for _, seconds in calls)
    for name in ("4XXError", "5XXError", "Latency"):
        assert samples[name] == len(calls), "the average is a rate"
    assert samples["IntegrationLatency"] == sum(status in (200, 500) for status, _ in calls)


def test_what_was_taken_is_not_told_again() -> None:
    meter = ApiMeter()
    meter.record(STAGE, 200, 0.002, 0.001)
    assert {metric.name for metric in meter.take()} == {
        "Count",
        "4XXError",
        "5XXError",
        "Latency",
        "IntegrationLatency",
    }
    assert meter.take() == []
