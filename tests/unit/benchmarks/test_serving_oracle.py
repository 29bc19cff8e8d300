"""What the fuzzing of the model server holds for right and for wrong."""

import math
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.serving_fuzz import exploits, handmade_bodies, handmade_values, wire
from benchmarks.serving_fuzz.case import (
    CSV,
    JSON,
    LINES,
    Case,
    Column,
    Columns,
    Expected,
    Predicted,
    Refused,
    asked,
)
from benchmarks.serving_fuzz.client import Answer
from benchmarks.serving_fuzz.generated import Generator
from benchmarks.serving_fuzz.judge import Judge, Tally, numbers
from benchmarks.serving_fuzz.oracle import Oracle

COLUMNS = Columns(
    (
        Column("distance", "number"),
        Column("carrier", "category", ("AA", "B6")),
        Column("weekend", "boolean"),
        Column("built", "datetime"),
    ),
    frozenset({"late"}),
)
ROW = [10.5, 1.0, 1.0, 1.0]


def read(body: str | bytes, media: str = CSV) -> Expected:
    return Oracle(COLUMNS).read(body if isinstance(body, bytes) else body.encode(), media)


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (CSV, "10.5,B6,true,1970-01-02\n"),
        (CSV, '\ufeff 10.50,"B6",Yes,1970-01-02T00:00:00Z\r\n'),
        (CSV, '"10.5\n",B6,true,1970-01-02\n'),
        (CSV, "late,carrier,distance,built,weekend\n1,B6,1.05e1,1970-01-02,t"),
        (JSON, '{"instances": [[10.5, "B6", true, "1970-01-02"]]}'),
        (
            JSON,
            '{"columns": ["built","weekend","carrier","distance"], "rows": [["1970-01-02",true,"B6",10.5]]}',
        ),
        (JSON, '{"columns": {"built":["1970-01-02"],"weekend":[true],"carrier":["B6"],"distance":[10.5]}}'),
        (LINES, '\n{"distance": 10.5, "carrier": "B6", "weekend": true, "built": "1970-01-02", "late": 1}\n'),
    ],
)
def test_every_form_of_a_row(media: str, body: str) -> None:
    assert read(body, media) == Predicted([ROW])


@pytest.mark.parametrize(
    ("media", "body"),
    [
        (CSV, ""),
        (CSV, b"\xff"),
        (CSV, "1_0,B6,true,1970-01-02"),
        (CSV, "inf,B6,true,1970-01-02"),
        (CSV, "1e39,B6,true,1970-01-02"),
        (CSV, "\u0661,B6,true,1970-01-02"),
        (CSV, "1,B6,1,1970-01-02"),
        (CSV, "1,B6,true,1970-02-30"),
        (CSV, "1,B6,true"),
        (CSV, "distance,carrier,weekend\n1,B6,true"),
        (CSV, "distance,carrier,weekend,built,built\n1,B6,true,,"),
        (JSON, '{"instances": [["10.5", "B6", true, null]]}'),
        (JSON, '{"instances": [[NaN, "B6", true, null]]}'),
        (JSON, '{"instances": [[1e999, "B6", true, null]]}'),
        (JSON, '{"instances": [], "instances": [[1, "B6", true, null]]}'),
        (
            JSON,
            '{"instances": [{"distance": 1, "distance": 2, "carrier": "B6", "weekend": true}]}',
        ),
        (JSON, "[" * 100_000),
        (LINES, '[1, "B6", true, null]\n{"distance": 1}'),
    ],
)
def test_what_must_be_refused(media: str, body: str | bytes) -> None:
    assert read(body, media) == Refused()


def test_what_readers_may_differ_about_is_not_judged() -> None:
    assert read("1,B6,true,1970-01-02\x0b2,B6,true,1970-01-02") is None
    assert read("1,B6,true,1970-01-02\r2") is None
    assert read('{"instances": [[1, "\\ud800", true, null]]}', JSON) is None


def test_a_hole_is_a_missing_value() -> None:
    found = cast(Predicted, read("NA,, ,null"))
    assert all(math.isnan(value) for value in found.rows[0])


@given(st.integers(0, 10_000))
def test_the_generator_and_the_oracle_agree_where_both_know(seed: int) -> None:
    for case in Generator(COLUMNS, seed).cases(20):
        head, _, body = case.wire.partition(b"\r\n\r\n")
        media = head.partition(b"Content-Type: ")[2].partition(b"\r\n")[0].decode()
        found = Oracle(COLUMNS).read(body, media)
        if isinstance(case.expected, Predicted):
            assert repr(found) == repr(case.expected), case
        elif isinstance(case.expected, Refused):
            # A header with an unknown name may be a row to another reader.
            assert found in (Refused(), None), case


def test_the_same_seed_makes_the_same_cases() -> None:
    assert list(Generator(COLUMNS, 5).cases(200)) != list(Generator(COLUMNS, 6).cases(200))
    first, second = ([case.wire for case in Generator(COLUMNS, 5).cases(200)] for _ in range(2))
    assert first == second


def test_there_are_as_many_cases_by_hand_as_promised() -> None:
    row = Predicted([ROW])
    cases = [*handmade_values.cases(COLUMNS), *handmade_bodies.cases(COLUMNS), *wire.cases(b"1\n", row)]
    assert len({case.wire for case in cases}) >= 300


def test_exploits_are_many_and_none_runs_by_being_made(tmp_path: Path) -> None:
    canaries = exploits.Canaries(tmp_path / "canaries")
    assert len(exploits.cases(canaries)) >= 50
    assert canaries.ran == []


RIGHT = asked("right", b"1", CSV, Predicted([[1.0], [2.0]]))
BAD = asked("bad", b"x", CSV, Refused(2, "distance"))
NAMED = b'{"row": 2, "column": "distance"}'


@pytest.mark.parametrize(
    ("case", "answer", "fault"),
    [
        (RIGHT, Answer(200, b"1\n2\n"), None),
        (RIGHT, Answer(200, b'{"predictions":[1,2.0000001]}'), None),
        (RIGHT, Answer(200, b"1\n3\n"), "silent_wrong"),
        (RIGHT, Answer(200, b"1\n"), "silent_wrong"),
        (RIGHT, Answer(200, b"nan\nnan"), "silent_wrong"),
        (RIGHT, Answer(400, b""), "refused_right"),
        (RIGHT, Answer(None), "refused_right"),
        (RIGHT, Answer(None, hung=True), "hung"),
        (BAD, Answer(400, NAMED), None),
        (BAD, Answer(400, b'{"row": 1, "column": "distance"}'), "unnamed"),
        (BAD, Answer(400, b"no"), "unnamed"),
        (BAD, Answer(200, b"1\n2\n"), "silent_wrong"),
        (BAD, Answer(500, NAMED), "status_5xx"),
        (BAD, Answer(400, NAMED + b"Traceback (most recent call last)"), "tracebacks"),
        (BAD, Answer(400, NAMED, more=1), "smuggled"),
    ],
)
def test_each_fault_is_found_once(case: Case, answer: Answer, fault: str | None) -> None:
    tally = Tally()
    Judge(lambda rows: [row[0] for row in rows], tally).judge([(case, answer)])
    faults = {name for name in tally.examples if name != "unnamed" or fault == "unnamed"}
    assert faults == ({fault} if fault else set())
    assert tally.requests == 1


def test_numbers_within_quotes_are_no_predictions() -> None:
    assert numbers(b'{"class 1": [0.25, -1e-3], "2": "3"}') == [0.25, -0.001]
