"""Captured bodies become the rows and the predictions that the server saw and gave."""

import io
import json
import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.answers import Writer
from serve.negotiation import ARROW, CSV, JSON, LINES, PARQUET
from serve.refusal import Refusal
from tabular.schema import Column, Feature, Preparation, Schema, Split
from tests.unit.containers.watch_inputs import START, capture, line, window
from watch import answers, captured
from watch.sampling import Sample

FEATURES = (
    Feature("distance", "integer", (), 0.0, 900, 80, 3000),
    Feature("humid", "number", (), 0.1, 0.5, 0, 1),
    Feature("carrier", "category", ("AA", "B6", "UA")),
    Feature("weekend", "boolean", (), 0.0, 0.3, 0, 1),
    Feature("built", "datetime", (), 0.0, 10_000, 7_000, 15_000),
)
CLASSES = ("early", "late", "never")


def schema(problem: Any = "binary", classes: tuple[str, ...] = ("0", "1"), **more: Any) -> Schema:
    return Schema(problem, "late", classes, "when", FEATURES, (), Split(100, 20), (), **more)


ROW = "812,0.25,B6,true,1970-01-11"
FOUND = {"distance": 812.0, "humid": 0.25, "carrier": "B6", "weekend": "true", "built": 10.0}


def read(directory: Path, lines: list[str], kind: Schema | None = None, **more: Any) -> captured.Captured:
    capture(directory, lines)
    return captured.read(directory, kind or schema(), window(**more), directory)


def test_every_format_gives_the_same_row(tmp_path: Path) -> None:
    named = {"distance": 812, "humid": 0.25, "carrier": "B6", "weekend": True, "built": "1970-01-11"}
    table = pl.DataFrame([named]).with_columns(pl.col("built").str.to_date())
    parquet, arrow = io.BytesIO(), io.BytesIO()
    table.write_parquet(parquet)
    table.write_ipc_stream(arrow)
    bodies = {
        CSV: ROW.encode(),
        JSON: orjson.dumps({"instances": [named]}),
        LINES: orjson.dumps(list(named.values())),
        PARQUET: parquet.getvalue(),
        ARROW: arrow.getvalue(),
    }
    lines = [
        line(body, b"0.5\n", number=number, content_type=kind, answered_as=CSV)
        for number, (kind, body) in enumerate(bodies.items())
    ]
    header = "carrier,weekend,built,distance,humid\nB6,true,1970-01-11,812,0.25\n"
    lines.append(line(header.encode(), b"0.5", number=9, answered_as="text/csv; charset=utf-8"))
    found = read(tmp_path, lines)
    assert (found.calls, found.rows, found.unreadable, found.reasons) == (6, 6, 0, {})
    assert found.table.rows(named=True) == [FOUND] * 6
    assert found.predictions["score"].to_list() == [0.5] * 6


def test_missing_unknown_and_broken_values(tmp_path: Path) -> None:
    lines = [
        line(b",NA,ZZ,,\n812.5,0.1,AA,no,1970-01-01", b"0.1\n0.9", number=0),
        line(b"1,2,AA,maybe,1970-01-01", b"0.1", number=1),
        line(b"1,2,AA", b"0.1", number=2),
        line(b"1,2,AA", b"0.1", number=3, content_type="application/x-recordio-protobuf"),
        line(ROW.encode(), b"0.1\n0.2", number=4),
        line(ROW.encode(), b"<html>", number=5, answered_as="application/json"),
        line(ROW.encode(), None, number=6),
        "{",
        json.dumps({"eventVersion": "0"}),
    ]
    found = read(tmp_path, lines)
    assert (found.calls, found.rows, found.unanswered, found.unreadable) == (9, 2, 1, 7)
    first, second = found.table.rows(named=True)
    assert first == {"distance": None, "humid": None, "carrier": "ZZ", "weekend": None, "built": None}
    # A fraction in a column of whole numbers is seen: the server takes it.
    assert second["distance"] == 812.5
    assert found.reasons["a value of the column 'weekend' is not of its type"] == 1
    assert "maybe" not in str(found.reasons)


def test_calls_of_the_model_before_are_left_out(tmp_path: Path) -> None:
    moment = (START + timedelta(seconds=2)).replace(tzinfo=None)
    lines = [line(ROW.encode(), b"0.1", number=number) for number in range(5)]
    found = read(tmp_path, lines, deployed_at=moment)
    assert (found.rows, found.before_deployment) == (3, 2)
    assert found.predictions["inference_id"].to_list() == ["event-2", "event-3", "event-4"]


def test_a_time_beyond_the_calendar_is_no_line_of_data_capture(tmp_path: Path) -> None:
    broken = json.loads(line(ROW.encode(), b"0.1"))
    broken["eventMetadata"]["inferenceTime"] = "0001-01-01T00:00:00+05:00"
    found = read(tmp_path, [json.dumps(broken), line(ROW.encode(), b"0.1", number=1)])
    assert (found.calls, found.rows, found.unreadable) == (2, 1, 1)


def test_predictions_carry_the_callers_id_and_the_row(tmp_path: Path) -> None:
    found = read(tmp_path, [line(f"{ROW}\n{ROW}".encode(), b"0.1\n0.2", inference_id="mine")])
    expected = {"inference_id": ["mine", "mine"], "row": [0, 1], "version": ["5", "5"], "score": [0.1, 0.2]}
    assert found.predictions.drop("time").to_dict(as_series=False) == expected


def test_nothing_captured(tmp_path: Path) -> None:
    (tmp_path / "nothing.json").write_text("[]")
    found = captured.read(tmp_path, schema(), window(), tmp_path)
    assert (found.calls, found.rows, found.table.height, found.predictions.height) == (0, 0, 0, 0)
    assert found.table.columns == [feature.name for feature in FEATURES]


def test_the_users_function_makes_the_columns(tmp_path: Path) -> None:
    (tmp_path / "shape.py").write_text(
        "import narwhals as nw\n\ndef prepare(table):\n"
        "    return table.select((nw.col('km') / 1.609344).alias('miles'), 'carrier')\n"
    )
    made = (Feature("miles", "number"), Feature("carrier", "category", ("AA",)))
    columns = (Column("km", "number"), Column("carrier", "category"))
    prepared = Schema(
        "binary", "late", ("0", "1"), None, made, (), Split(100, 20), (),
        preparation=Preparation("shape:prepare", columns, ()),
    )  # fmt: skip
    found = read(tmp_path, [line(b"160.9344,B6", b"0.5")], prepared)
    assert found.table["miles"].to_list() == pytest.approx([100])
    assert found.table["carrier"].to_list() == ["B6"]


def test_a_container_that_is_sent_places_is_understood(tmp_path: Path) -> None:
    lines = [
        line(b"812,0.25,2.0,1,1970-01-11", b"0.5", number=0),
        line(b"812,0.25,0,1,1970-01-11", b"0.5", number=1),
    ]
    with_truth = tuple(
        feature if feature.type != "boolean" else Feature("weekend", "integer") for feature in FEATURES
    )
    kind = Schema("binary", "late", ("0", "1"), None, with_truth, (), Split(100, 20), ())
    assert read(tmp_path, lines, kind).table["carrier"].to_list() == ["UA", "AA"]


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20),
    st.sampled_from([CSV, JSON, LINES, PARQUET, ARROW]),
)
def test_what_the_server_writes_is_read_back(scores: list[float], outgoing: str) -> None:
    written = Writer(schema(), "v").whole(np.array(scores, np.float32), outgoing)
    value = answers.score(schema())
    assert [value(each) for each in answers.values(written, outgoing)] == pytest.approx(scores)


@given(
    st.lists(st.tuples(*[st.floats(0, 1, width=32)] * 3), min_size=1, max_size=20),
    st.sampled_from([CSV, JSON, LINES, PARQUET, ARROW]),
)
def test_the_scores_of_classes_are_read_back(scores: list[tuple[float, ...]], outgoing: str) -> None:
    kind = schema("multiclass", CLASSES)
    written = Writer(kind, "v").whole(np.array(scores, np.float32), outgoing)
    value = answers.score(kind)
    found = [value(each) for each in answers.values(written, outgoing)]
    assert found == [pytest.approx(list(row)) for row in scores]


@pytest.mark.parametrize(
    ("problem", "classes", "value", "expected"),
    [
        ("binary", ("no", "yes"), "yes", 1.0),
        ("binary", ("1.0", "2.0"), "1.0", 1.0),
        ("binary", ("no", "yes"), [0.3, 0.7], 0.7),
        ("binary", ("no", "yes"), {"score": 0.2, "predicted_label": 0}, 0.2),
        ("binary", ("no", "yes"), {"risk": "high"}, None),
        ("binary", ("no", "yes"), "perhaps", None),
        ("regression", (), True, 1.0),
        ("regression", (), [1, 2, 3], None),
        ("multiclass", CLASSES, "2", [0.0, 0.0, 1.0]),
        ("multiclass", CLASSES, {"probabilities": [0.2, 0.3, 0.5]}, [0.2, 0.3, 0.5]),
        ("multiclass", CLASSES, "7", None),
    ],
)
def test_other_containers_answer_otherwise(
    problem: Any, classes: tuple[str, ...], value: Any, expected: Any
) -> None:
    assert answers.score(schema(problem, classes))(value) == expected


@given(st.binary(max_size=60), st.sampled_from([CSV, JSON, LINES, PARQUET, ARROW, "image/png", ""]))
def test_no_answer_breaks_the_reader(body: bytes, content_type: str) -> None:
    try:
        found = answers.values(body, content_type)
    except Refusal:
        return
    value = answers.score(schema())
    assert all(score is None or isinstance(score, float) for score in map(value, found))


@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 30))
def test_a_sample_has_as_many_rows_as_there_are_up_to_its_size(pieces: list[int], most: int) -> None:
    sample, start = Sample(most), 0
    for size in pieces:
        sample.add(pl.DataFrame({"x": range(start, start + size)}, schema={"x": pl.Int64}))
        start += size
    kept = sample.rows
    found = [] if kept is None else kept["x"].to_list()
    assert len(found) == min(most, start)
    assert found == sorted(set(found))


def test_a_sample_prefers_no_piece() -> None:
    sample = Sample(2000)
    for piece in range(20):
        sample.add(pl.DataFrame({"piece": [piece] * 1000}))
    assert sample.rows is not None
    counts = sample.rows["piece"].value_counts()["count"].to_list()
    assert all(abs(count - 100) < 6 * math.sqrt(100) for count in counts)
