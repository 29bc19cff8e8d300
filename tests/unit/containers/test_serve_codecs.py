"""Bodies become rows exactly as training saw them, or a 4xx that says where they do not."""

import json
import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prepare import inference, sources
from serve import codecs
from serve.codecs import CSV, JSON, LINES, Codec
from serve.negotiation import formats
from serve.refusal import Refusal
from tabular.encoding import matrix
from tabular.schema import Feature, Ignored, Schema, Split

SCHEMA = Schema(
    problem="binary",
    target="late",
    classes=("0", "1"),
    time="when",
    features=(
        Feature("distance", "number"),
        Feature("carrier", "category", ("AA", "B6", "new\nline")),
        Feature("weekend", "boolean"),
        Feature("built", "datetime"),
    ),
    ignored=(Ignored("name", "it identifies rows"),),
    split=Split(1, 1),
    files=(),
)
ROW = [10.5, 1.0, 1.0, 1.0]


def rows(body: str | bytes, content_type: str = CSV) -> list[list[float]]:
    """What the model is given."""
    content = body if isinstance(body, bytes) else body.encode()
    return Codec(SCHEMA).read(content, content_type).matrix.tolist()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (CSV, "10.5,B6,true,1970-01-02"),
        (CSV, "10.5,B6,true,1970-01-02\n"),
        (CSV, "\ufeff10.5,B6,Yes,1970-01-02T00:00:00Z\r\n"),
        (CSV, ' 10.50 ,"B6",t,1970-01-02 00:00'),
        (CSV, "carrier,distance,built,weekend\nB6,10.5,1970-01-02,true\n"),
        (CSV, "late,carrier,distance,when,built,weekend,name\n1,B6,10.5,2013,1970-01-02,true,x\n"),
        (JSON, '{"instances": [[10.5, "B6", true, "1970-01-02"]]}'),
        (
            JSON,
            '{"instances": [{"distance": 10.5, "carrier": "B6", "weekend": true, "built": "1970-01-02"}]}',
        ),
        (
            JSON,
            '{"columns": ["built","weekend","carrier","distance"], "rows": [["1970-01-02",true,"B6",10.5]]}',
        ),
        (LINES, '[10.5, "B6", true, "1970-01-02"]\n'),
        (LINES, '{"distance": 10.5, "carrier": "B6", "weekend": true, "built": "1970-01-02", "late": 1}'),
    ],
)
def test_every_form_of_a_row(content_type: str, body: str) -> None:
    assert rows(body, content_type) == [ROW]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(CSV, "NA,,null, "), (JSON, '{"instances": [[null, null, null, null]]}'), (CSV, "nan,NaN,None,NULL")],
)
def test_a_missing_value_is_missing_as_in_training(content_type: str, body: str) -> None:
    assert all(math.isnan(value) for value in rows(body, content_type)[0])


def test_an_unseen_category_counts_as_missing_and_is_reported() -> None:
    read = Codec(SCHEMA).read(b"1,ZZ,true,1970-01-01\n1,AA,true,1970-01-01\n", CSV)
    assert read.unseen == 1
    assert math.isnan(read.matrix[0, 1])


BAD: list[tuple[str, str | bytes, str]] = [
    (CSV, "", "the body has no rows"),
    (CSV, "\n\n", "the body has no rows"),
    (CSV, "distance,carrier,weekend,built\n", "the body has no rows"),
    (CSV, b"\xff\xfe1,2", "not UTF-8"),
    (CSV, "1,AA,true", "row 1: 3 values, where 4 are expected"),
    (CSV, "1,AA,true,1970-01-01\n1,AA,true,1970-01-01,5", "row 2: 5 values"),
    (CSV, "1;AA;true;1970-01-01", "row 1: 1 values"),
    (CSV, '1,"AA,true,1970-01-01', "not CSV"),
    (CSV, "far,AA,true,1970-01-01", "row 1, column 'distance': 'far' is not a finite number"),
    (CSV, "1_000,AA,true,1970-01-01", "'1_000' is not"),
    (CSV, "\u0661,AA,true,1970-01-01", "is not a finite number"),
    (CSV, "inf,AA,true,1970-01-01", "'inf' is not"),
    (CSV, "1e999,AA,true,1970-01-01", "'1e999' is not"),
    (CSV, "1e39,AA,true,1970-01-01", "'1e39' is not"),
    (CSV, "0x10,AA,true,1970-01-01", "'0x10' is not"),
    (CSV, '"1,000",AA,true,1970-01-01', "'1,000' is not"),
    (CSV, "# a comment", "row 1: 1 values"),
    (CSV, "1,AA,maybe,1970-01-01", "column 'weekend': 'maybe' is not true or false"),
    (CSV, "1,AA,1,1970-01-01", "column 'weekend': '1' is not true or false"),
    (CSV, "1,AA,true,1970-02-30", "column 'built': '1970-02-30' is not a date"),
    (CSV, "1,AA,true,yesterday", "'yesterday' is not a date"),
    (CSV, "distance,carrier,weekend\n1,AA,true", "the column 'built' is missing"),
    (CSV, "distance,carrier,weekend,built,wet\n1,AA,true,1970-01-01,3", "the model knows no column 'wet'"),
    (CSV, "distance,carrier,weekend,built,built\n1,AA,true,,", "the column 'built' comes more than once"),
    (JSON, "", "not JSON"),
    (JSON, "{", "not JSON"),
    (JSON, "nul", "not JSON"),
    (JSON, "null", "must be an object"),
    (JSON, "3", "must be an object"),
    (JSON, "[]", "must be an object"),
    (JSON, "{}", 'must have "instances"'),
    (JSON, '{"instances": {}}', "must be a list of rows"),
    (JSON, '{"instances": []}', "the body has no rows"),
    (JSON, '{"instances": [], "rows": []}', 'must have "instances"'),
    (JSON, '{"instances": [1]}', "row 1: a row must be a list"),
    (JSON, '{"instances": [[]]}', "row 1: 0 values"),
    (JSON, '{"instances": [{}]}', "row 1: the column 'distance' is missing"),
    (JSON, '{"instances": [{"distance": 1}, 3]}', "is missing"),
    (JSON, '{"instances": [[1, "AA", true, null], {}]}', "row 2: a row must be a list"),
    (JSON, '{"instances": [["1", "AA", true, null]]}', "column 'distance': '1' is not a number"),
    (JSON, '{"instances": [[true, "AA", true, null]]}', "'True' is not a number"),
    (JSON, '{"instances": [[[1], "AA", true, null]]}', "'list' is not a number"),
    (JSON, '{"instances": [[1, 5, true, null]]}', "column 'carrier': '5' is not text"),
    (JSON, '{"instances": [[1, "AA", 1, null]]}', "column 'weekend': '1' is not true or false"),
    (JSON, '{"instances": [[1, "AA", true, 0]]}', "column 'built': '0' is not text"),
    (JSON, '{"instances": [[1e39, "AA", true, null]]}', "within the range of float32"),
    (JSON, '{"instances": [[1e999, "AA", true, null]]}', ""),
    (JSON, '{"instances": [[NaN, "AA", true, null]]}', "not JSON"),
    (JSON, '{"columns": "distance", "rows": []}', "must be a list of names"),
    (JSON, '{"columns": ["distance"], "rows": [[1]]}', "the column 'carrier' is missing"),
    (JSON, "[" * 100_000, "not JSON"),
    (LINES, "1\n2", "row 1: a row must be a list"),
    (LINES, '[1, "AA", true, null]\n{', "row 2: the body is not JSON"),
]


@pytest.mark.parametrize(("content_type", "body", "sentence"), BAD)
def test_a_bad_body_is_a_client_error_that_says_where(
    content_type: str, body: str | bytes, sentence: str
) -> None:
    with pytest.raises(Refusal) as refused:
        rows(body, content_type)
    assert 400 <= refused.value.status < 500
    assert sentence in refused.value.message
    answer = json.loads(refused.value.body("id"))
    assert answer["request_id"] == "id"
    assert answer.get("row") == refused.value.row


def test_too_many_rows() -> None:
    with pytest.raises(Refusal) as refused:
        rows("1,AA,true,1970-01-01\n" * (codecs.MOST_ROWS + 1))
    assert refused.value.status == 413


def rows_or_refusal(body: bytes, content_type: str) -> None:
    """Nothing else may come of a body."""
    try:
        read = Codec(SCHEMA).read(body, content_type)
    except Refusal as refusal:
        assert 400 <= refusal.status < 500
    else:
        assert read.matrix.shape[1] == 4


@given(st.binary(max_size=200), st.sampled_from([CSV, JSON, LINES]))
def test_no_bytes_make_anything_but_rows_or_a_refusal(body: bytes, content_type: str) -> None:
    rows_or_refusal(body, content_type)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["instances", "rows", "distance"]), inner)
    ),
    max_leaves=20,
)


@given(json_values)
def test_no_json_makes_anything_but_rows_or_a_refusal(document: object) -> None:
    for wrapped in (document, {"instances": document}, {"columns": ["distance"], "rows": document}):
        rows_or_refusal(json.dumps(wrapped).encode(), JSON)


cell_makers: dict[str, st.SearchStrategy[str]] = {
    "distance": st.floats(width=32, allow_nan=False, allow_infinity=False).map(str)
    | st.sampled_from(
        [
            "",
            "NA",
            "+1",
            ".5",
            "1.",
            " 7 ",
            "-0",
            "1E5",
            "1e999",
            "1e39",
            "far",
            "inf",
            "1_0",
            "0x1",
            "\u0661",
        ]
    ),
    "carrier": st.sampled_from(["AA", "B6", "ZZ", "", "nan", " AA "]),
    "weekend": st.sampled_from(["true", "No", "T", "", "1", "maybe", "null"]),
    "built": st.sampled_from(
        [
            "1999-12-31",
            "2013-01-02T03:04:05Z",
            "2013-01-02 03:04",
            "2013-01-02T03:04:05.25+02:00",
            "",
            "2013-02-30",
            "x",
        ]
    )
    | st.datetimes(min_value=datetime(1000, 1, 1)).map(lambda moment: moment.isoformat(timespec="seconds")),
}


@given(st.fixed_dictionaries(cell_makers))
@example({"distance": "16777217", "carrier": "AA", "weekend": "y", "built": "1969-12-31T23:59:59.999999"})
def test_a_request_means_what_the_same_text_means_in_a_training_file(row: dict[str, str]) -> None:
    text = pl.LazyFrame({name: [value] for name, value in row.items()}).with_row_index(sources.ROW, 1)
    source = sources.Source("a.csv", "", 0, tuple(row), text)
    kinds = {feature.name: feature.type for feature in SCHEMA.features}
    trained = inference.typed(source, kinds).collect()
    understood = all(
        trained[name].is_not_null().all() or value.strip() in ("", "NA", "nan", "null")
        for name, value in row.items()
    )
    try:
        asked = rows(",".join(row[name] for name in SCHEMA.names))
    except Refusal:
        assert not understood
    else:
        assert understood
        np.testing.assert_array_equal(np.array(asked, dtype=np.float32), matrix(trained, SCHEMA))


@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_an_answer_keeps_every_digit_of_a_prediction(predictions: list[float]) -> None:
    array = np.array(predictions, dtype=np.float32)
    lines = codecs.write(array, CSV, SCHEMA).decode().splitlines()
    listed = json.loads(codecs.write(array, JSON, SCHEMA))["predictions"]
    np.testing.assert_array_equal(np.array([float(line) for line in lines], dtype=np.float32), array)
    np.testing.assert_array_equal(np.array(listed, dtype=np.float32), array)


def test_answers_of_several_classes() -> None:
    several = Schema("multiclass", "c", ("a", "b"), None, SCHEMA.features, (), Split(1, 1), ())
    array = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)
    assert codecs.write(array, CSV, several) == b"0.25,0.75\n0.5,0.5\n"
    assert codecs.write(array, LINES, several) == b"[0.25,0.75]\n[0.5,0.5]\n"
    assert json.loads(codecs.write(array, JSON, several)) == {
        "predictions": [[0.25, 0.75], [0.5, 0.5]],
        "classes": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("content_type", "accept", "expected"),
    [
        (b"text/csv", b"", (CSV, CSV)),
        (b"text/csv; charset=UTF-8", b"*/*", (CSV, CSV)),
        (b"Application/JSON", b"text/csv", (JSON, CSV)),
        (b"text/csv", b"application/json, text/csv;q=0.5", (CSV, JSON)),
        (b"text/csv", b"image/png, application/*;q=0.1", (CSV, JSON)),
        (b"application/x-jsonlines", b"", (LINES, LINES)),
        (b"text/csv; header=present", b"application/json", (CSV, JSON)),
    ],
)
def test_formats(content_type: bytes, accept: bytes, expected: tuple[str, str]) -> None:
    assert formats(content_type, accept) == expected


@pytest.mark.parametrize(
    ("content_type", "accept", "status"),
    [
        (b"", b"", 415),
        (b"application/x-npy", b"", 415),
        (b"text/csv; charset=latin-1", b"", 415),
        (b"application/octet-stream", b"", 415),
        (b"text/csv", b"image/png", 406),
        (b"text/csv", b"text/csv;q=0", 406),
        (b"text/csv", b"text/csv;q=x", 406),
    ],
)
def test_formats_that_are_refused(content_type: bytes, accept: bytes, status: int) -> None:
    with pytest.raises(Refusal) as refused:
        formats(content_type, accept)
    assert refused.value.status == status
