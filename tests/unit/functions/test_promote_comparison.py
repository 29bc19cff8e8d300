"""Captured calls of two models, and how alike their answers are."""

import base64
import io
import json
import math
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody
from hypothesis import given
from hypothesis import strategies as st

from local.sagemaker.hosting.capture import Captured as Written
from local.sagemaker.hosting.capture import line as written_line
from local.sagemaker.hosting.plan import CapturePlan
from promote import captured as reading
from promote.captured import Captured
from promote.comparison import MOST_VALUES, Answer, call, compare
from promote.traffic import Metrics, Traffic
from tests.unit.functions.promotion_world import captured

AT = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
NUMBERS = st.floats(-1e6, 1e6)


def answer(*values: float | str) -> Answer:
    return Answer(values, len(values))


def answered(body: str, kind: str = "text/csv") -> Answer:
    found = call(captured("1", body, AT, kind=kind).encode())
    assert found
    return found.answer


@pytest.mark.parametrize(
    ("body", "kind", "values"),
    [
        ("0.5\n0.25\n", "text/csv; charset=utf-8", (0.5, 0.25)),
        ('0.1,"a,b"\n', "text/csv", (0.1, "a,b")),
        ("nan\ninf\n", "text/csv", ("nan", "inf")),
        ('{"predictions":[[0.1,0.9]],"classes":["no","yes"]}', "application/json", (0.1, 0.9)),
        ('{"predictions":[{"score":0.2,"label":"a"}]}', "application/json", ("a", 0.2)),
        ('[true,null,"x",3]', "application/json", ("True", "None", "x", 3.0)),
        ("[0.1]\n[0.9]\n", "application/jsonlines", (0.1, 0.9)),
        ("", "text/csv", ()),
    ],
)
def test_the_values_of_an_answer(body: str, kind: str, values: tuple[float | str, ...]) -> None:
    assert answered(body, kind) == answer(*values)


def test_what_is_neither_csv_nor_json_is_compared_as_a_whole() -> None:
    one, two = answered("abc", "application/x-parquet"), answered("abd", "application/x-parquet")
    assert one.count == two.count == 1
    assert one != two


def test_a_long_answer_is_cut_and_its_length_kept() -> None:
    long = answered("1\n" * 100)
    assert (len(long.values), long.count) == (MOST_VALUES, 100)
    assert compare({b"1": long}, {b"1": answered("1\n" * 99)}).agreement == 0


@given(st.text(max_size=50), st.sampled_from(["text/csv", "application/json", "application/x-npy"]))
def test_whatever_is_captured_is_read_or_left_out(body: str, kind: str) -> None:
    plan = CapturePlan("s3://b/p", 100, None, ("Input", "Output"), ("text/csv",), ("application/json",))
    times: dict[str, Any] = {"time": AT.timestamp(), "custom_attributes": None, "inference_id": None}
    made = Written(
        endpoint="flights",
        variant="shadow",
        role="r",
        plan=plan,
        request_type=kind,
        request=body.encode(),
        response_type=kind,
        response=body.encode(),
        **times,
    )
    found = call(written_line(made).encode())
    if kind == "application/json" and not _is_json(body):
        assert found is None
    else:
        assert found
        assert found.at == AT.timestamp()


def _is_json(body: str) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def test_base64_is_the_same_request_as_text() -> None:
    encoded = base64.b64encode(b"1").decode()
    one = call(captured("1", "2", AT).encode())
    two = call(captured(encoded, encoded, AT, encoding="BASE64").encode())
    assert one
    assert two
    assert one.request == two.request
    assert two.answer == answer(1.0)


@given(st.binary(max_size=60))
def test_a_line_that_is_no_call_is_none(line: bytes) -> None:
    assert call(line) is None
    assert call(b'{"captureData":{"endpointInput":' + line) is None


@given(st.dictionaries(st.binary(max_size=4), NUMBERS), st.floats(0, 1e3))
def test_a_model_agrees_with_itself(numbers: dict[bytes, float], difference: float) -> None:
    same = {request: answer(number) for request, number in numbers.items()}
    for allowed in (difference, None):
        found = compare(same, same, allowed)
        assert (found.calls, found.values, found.agreeing) == (len(same), len(same), len(same))
        assert found.max_difference == (0 if same else None)


@given(st.dictionaries(st.binary(max_size=4), st.tuples(NUMBERS, NUMBERS), min_size=1), st.floats(0, 1e3))
def test_the_differences_are_those_of_the_numbers(
    numbers: dict[bytes, tuple[float, float]], difference: float
) -> None:
    ours = {request: answer(one) for request, (one, _) in numbers.items()}
    theirs = {request: answer(other) for request, (_, other) in numbers.items()}
    found = compare(ours, theirs, difference)
    apart = [abs(one - other) for one, other in numbers.values()]
    assert found.max_difference == max(apart)
    assert found.mean_difference == pytest.approx(math.fsum(apart) / len(apart))
    assert found.agreeing == sum(each <= difference for each in apart)
    swapped = compare(theirs, ours, difference)
    assert (swapped.agreeing, swapped.max_difference) == (found.agreeing, found.max_difference)


def test_without_a_declared_difference_it_is_a_tenth_of_the_range_in_service() -> None:
    ours = {b"a": answer(0.0), b"b": answer(10.0)}
    found = compare(ours, {b"a": answer(1.0), b"b": answer(8.9), b"c": answer(7.0)})
    assert (found.calls, found.tolerance, found.agreement) == (2, 1.0, 0.5)


def test_labels_agree_when_they_are_equal_and_never_with_a_number() -> None:
    ours = {b"a": answer("late"), b"b": answer("late"), b"c": answer("1"), b"d": answer()}
    theirs = {b"a": answer("late"), b"b": answer("early"), b"c": answer(1.0), b"d": answer()}
    found = compare(ours, theirs)
    assert (found.values, found.agreeing, found.mean_difference) == (4, 2, None)


class Bucket:
    """Objects as S3 lists them, a page for each."""

    def __init__(self, objects: dict[str, str]) -> None:
        self._objects = objects
        self.read: list[str] = []

    def get_paginator(self, _: str) -> Any:
        def paginate(*, Bucket: str, Prefix: str, StartAfter: str) -> Any:
            assert Bucket == "captured"
            for key in sorted(self._objects):
                if key.startswith(Prefix) and key > StartAfter:
                    yield {"Contents": [{"Key": key, "LastModified": AT}]}

        return SimpleNamespace(paginate=paginate)

    def get_object(self, **request: str) -> Any:
        self.read.append(request["Key"])
        body = self._objects[request["Key"]].encode()
        return {"Body": StreamingBody(io.BytesIO(body), len(body))}


def of(bucket: Bucket) -> Captured:
    client: Any = bucket
    return Captured(client, "captured", "traffic/flights/")


def test_only_the_calls_since_then_and_of_the_variant_are_read() -> None:
    earlier = datetime(2026, 3, 1, 12, 29, 59, tzinfo=UTC)
    bucket = Bucket(
        {
            "traffic/flights/shadow/2026/03/01/11/59-x.jsonl": captured("0", "0", AT),
            "traffic/flights/shadow/2026/03/01/12/30-x.jsonl": (
                captured("1", "1", earlier) + captured("2", "2", AT) + "broken\n"
            ),
            "traffic/flights/shadow/2026/03/02/00/00-x.jsonl": captured("3", "3", AT),
            "traffic/flights/primary/2026/03/01/12/30-x.jsonl": captured("4", "4", AT),
        }
    )
    found = of(bucket).answers("shadow", AT.timestamp())
    assert [each.values for each in found.values()] == [(2.0,), (3.0,)]
    wanted = list(found)[:1]
    assert list(of(bucket).answers("shadow", AT.timestamp(), among=wanted)) == wanted


@pytest.mark.parametrize(
    ("bound", "value", "calls"),
    [("MOST_PAGES", 2, 10), ("MOST_OBJECTS", 3, 15), ("MOST_LINES", 7, 7), ("MOST_REQUESTS", 6, 6)],
)
def test_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch, bound: str, value: int, calls: int) -> None:
    monkeypatch.setattr(reading, bound, value)
    objects = {
        f"traffic/flights/shadow/2026/03/01/12/{n:02}.jsonl": "".join(
            captured(f"{n}-{row}", "1", AT) for row in range(5)
        )
        for n in range(20)
    }
    assert len(of(Bucket(objects)).answers("shadow", AT.timestamp())) == calls


def test_the_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    line = captured("1", "1", AT)
    monkeypatch.setattr(reading, "MOST_BYTES", 2 * len(line))
    objects = {f"traffic/flights/shadow/2026/03/01/12/{n}.jsonl": captured(f"{n}", "1", AT) for n in range(5)}
    bucket = Bucket(objects)
    assert len(of(bucket).answers("shadow", AT.timestamp())) == 2
    assert len(bucket.read) == 3


def test_metrics_are_asked_for_in_as_few_periods_as_may_be() -> None:
    asked: list[Any] = []

    def get_metric_data(**request: Any) -> Any:
        asked.append(request)
        values = {"calls": [40.0, 60.0], "faults": [1.0], "p99": [5_000.0, 9_000.0]}
        return {"MetricDataResults": [{"Id": id_, "Values": found} for id_, found in values.items()]}

    client: Any = SimpleNamespace(get_metric_data=get_metric_data)
    for length, period in ((0, 60), (900, 900), (901, 960), (10 * 86_400, 86_400)):
        found = Metrics(client, "flights").of("shadow", AT.timestamp(), AT.timestamp() + length)
        assert found == Traffic(100, 1, 9.0)
        assert {query["MetricStat"]["Period"] for query in asked[-1]["MetricDataQueries"]} == {period}


def test_without_calls_there_is_no_rate_and_no_latency() -> None:
    client: Any = SimpleNamespace(get_metric_data=lambda **_: {"MetricDataResults": []})
    found = Metrics(client, "flights").of("shadow", 0, 60)
    assert (found, found.fault_rate) == (Traffic(), 0.0)
