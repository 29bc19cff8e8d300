"""Capture lines in AWS's form, and the metrics of many requests."""

import base64
import json
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.hosting.capture import Captured, line, sampled
from local.sagemaker.hosting.metrics import Meter, Sample
from local.sagemaker.hosting.plan import CapturePlan


def plan(**changes: Any) -> CapturePlan:
    values: dict[str, Any] = {
        "destination": "s3://captured/traffic",
        "percent": 100,
        "kms_key": None,
        "modes": ("Input", "Output"),
        "csv_types": ("text/csv",),
        "json_types": ("application/json",),
    }
    return CapturePlan(**{**values, **changes})


def captured(plan: CapturePlan, **changes: Any) -> Captured:
    values: dict[str, Any] = {
        "endpoint": "flights",
        "variant": "primary",
        "role": "role",
        "plan": plan,
        "time": 1_645_000_000.5,
        "request_type": "text/csv",
        "request": b"1,2\n",
        "response_type": "text/csv; charset=utf-8",
        "response": b"0.5",
        "custom_attributes": None,
        "inference_id": None,
    }
    return Captured(**{**values, **changes})


def test_a_line_is_as_aws_writes_it() -> None:
    written = json.loads(line(captured(plan())))
    event = written["eventMetadata"].pop("eventId")
    assert len(event) == 36
    assert written == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2\n",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "OUTPUT",
                "data": "0.5",
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"inferenceTime": "2022-02-16T08:26:40Z"},
        "eventVersion": "0",
    }


def test_metadata_of_the_caller_is_kept() -> None:
    metadata = json.loads(line(captured(plan(), custom_attributes="trace=1", inference_id="42")))[
        "eventMetadata"
    ]
    assert metadata["customAttributes"] == ["trace=1"]
    assert metadata["inferenceId"] == "42"


@given(st.binary(), st.sampled_from(["text/csv", "application/json", "application/x-npy"]))
def test_every_body_comes_back_out_of_its_line(body: bytes, kind: str) -> None:
    text = line(captured(plan(), request=body, request_type=kind))
    assert "\n" not in text
    side = json.loads(text)["captureData"]["endpointInput"]
    decoded = base64.b64decode(side["data"]) if side["encoding"] == "BASE64" else side["data"].encode()
    assert decoded == body


def test_without_a_content_type_header_everything_is_base64() -> None:
    side = json.loads(line(captured(plan(csv_types=(), json_types=()))))["captureData"]["endpointInput"]
    assert side["encoding"] == "BASE64"


def test_only_the_chosen_direction_is_captured() -> None:
    assert set(json.loads(line(captured(plan(modes=("Output",)))))["captureData"]) == {"endpointOutput"}


def test_sampling_keeps_its_share() -> None:
    assert all(sampled(plan()) for _ in range(100))
    assert not any(sampled(plan(percent=0)) for _ in range(100))
    assert 100 < sum(sampled(plan(percent=30)) for _ in range(1000)) < 500
    assert not sampled(None)


@given(
    st.lists(
        st.tuples(
            st.integers(1, 5), st.sampled_from([200, 400, 424, 500]), st.floats(0, 1e8), st.floats(0, 1e6)
        )
    )
)
def test_metrics_count_every_request(requests: list[tuple[int, int, float, float]]) -> None:
    meter = Meter()
    metrics = []
    for number, request in enumerate(requests):
        meter.record(Sample("e", "c", "v", *request))
        if number % 3 == 0:
            metrics += meter.take(latencies=number % 2 == 0)
    metrics += meter.take()
    assert meter.take() == []
    whole = [metric for metric in metrics if "EndpointConfigName" not in metric.dimensions]
    assert all(metric.dimensions == {"EndpointName": "e", "VariantName": "v"} for metric in whole)
    counts: Counter[str] = Counter()
    sums: Counter[str] = Counter()
    for metric in whole:
        counts[metric.name] += int(metric.count)
        sums[metric.name] += metric.value * metric.count  # type: ignore[assignment]
    assert set(counts.values()) <= {len(requests)}
    assert sums["Invocations"] == len(requests)
    assert sums["Invocation4XXErrors"] == sum(400 <= status < 500 for _, status, _, _ in requests)
    assert sums["Invocation5XXErrors"] == sum(status >= 500 for _, status, _, _ in requests)
    exact = sum(latency for _, _, latency, _ in requests)
    assert abs(sums["ModelLatency"] - exact) <= 0.011 * exact + len(requests)
