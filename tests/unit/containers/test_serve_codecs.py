"""Bodies become rows exactly as training saw them, or a 4xx that says where they do not."""

import io
import json
import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prepare import inference, sources
from serve.answers import Writer
from serve.codecs import MatrixCodec, Rows
from serve.limits import MOST_ROWS, Limits
from serve.negotiation import ARROW, CSV, JSON, LINES, PARQUET, formats
from serve.refusal import Refusal
from tabular.contract import DataError
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
    return unpacked(read(content, content_type))


def read(body: bytes, content_type: str, schema: Schema = SCHEMA) -> Rows:
    """The rows as they travel to the model."""
    return MatrixCodec(schema, Limits()).read(body, content_type)


def unpacked(found: Rows) -> list[list[float]]:
    """The numbers of the rows."""
    return np.frombuffer(found.values, np.float32).reshape(found.height, -1).tolist()


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
        (
            JSON,
            '{"columns": {"built": ["1970-01-02"], "weekend": [true], "carrier": ["B6"], '
            '"distance": [10.5]}}',
        ),
        (
            JSON,
            '{"columns": {"distance": [10.5], "carrier": ["B\\u0036"], "weekend": [true], '
            '"built": ["1970-01-02"], "name": ["x"]}}',
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
    found = read(b"1,ZZ,true,1970-01-01\n1,AA,true,1970-01-01\n", CSV)
    assert found.unseen == 1
    assert math.isnan(unpacked(found)[0][1])


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
    (JSON, '{"instances": [[1, "AA", true, null]], "instances": []}', "has 'instances' more than once"),
    (
        JSON,
        '{"instances": [{"distance": 1, "distance": 2, "carrier": "AA", "weekend": true, "built": null}]}',
        "has 'distance' more than once",
    ),
    (LINES, '{"distance": 1, "distance": 2, "carrier": "AA"}', "row 1: an object has 'distance' more than"),
    (JSON, '{"columns": []}', "must be an object of lists, or come with"),
    (JSON, '{"columns": {}}', "the column 'distance' is missing"),
    (
        JSON,
        '{"columns": {"distance": [1], "carrier": ["AA"], "weekend": [true], "built": 3}}',
        "the column 'built' must be a list",
    ),
    (
        JSON,
        '{"columns": {"distance": [1, 2], "carrier": ["AA"], "weekend": [true], "built": [null]}}',
        "the column 'carrier' has 1 values, where 'distance' has 2",
    ),
    (
        JSON,
        '{"columns": {"distance": [1, "x"], "carrier": ["AA", null], "weekend": [true, true], '
        '"built": [null, null]}}',
        "row 2, column 'distance': 'x' is not a number",
    ),
    (
        JSON,
        '{"columns": {"distance": [], "carrier": [], "weekend": [], "built": []}}',
        "the body has no rows",
    ),
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
        rows("1,AA,true,1970-01-01\n" * (MOST_ROWS + 1))
    assert refused.value.status == 413


def rows_or_refusal(body: bytes, content_type: str) -> None:
    """Nothing else may come of a body."""
    try:
        found = read(body, content_type)
    except Refusal as refusal:
        assert 400 <= refusal.status < 500
    else:
        assert len(found.values) == found.height * 4 * 4


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


@settings(deadline=None)
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
    writer = Writer(SCHEMA, "abc")
    lines = writer.whole(array, CSV).decode().splitlines()
    listed = json.loads(writer.whole(array, JSON))["predictions"]
    np.testing.assert_array_equal(np.array([float(line) for line in lines], dtype=np.float32), array)
    np.testing.assert_array_equal(np.array(listed, dtype=np.float32), array)
    for content_type, load in ((ARROW, pl.read_ipc_stream), (PARQUET, pl.read_parquet)):
        table = load(io.BytesIO(writer.whole(array, content_type)))
        np.testing.assert_array_equal(table["prediction"].to_numpy(), array)


def test_answers_of_several_classes() -> None:
    several = Schema("multiclass", "c", ("a", "b"), None, SCHEMA.features, (), Split(1, 1), ())
    array = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)
    writer = Writer(several, "abc")
    assert writer.whole(array, CSV) == b"0.25,0.75\n0.5,0.5\n"
    assert writer.whole(array, LINES) == b"[0.25,0.75]\n[0.5,0.5]\n"
    assert json.loads(writer.whole(array, JSON)) == {
        "predictions": [[0.25, 0.75], [0.5, 0.5]],
        "classes": ["a", "b"],
    }
    assert pl.read_ipc_stream(writer.whole(array, ARROW)).to_dict(as_series=False) == {
        "a": [0.25, 0.5],
        "b": [0.75, 0.5],
    }


NUMBERS = Schema(
    problem="regression",
    target="y",
    classes=(),
    time=None,
    features=tuple(Feature(name, "number" if name < "c" else "integer") for name in "abc"),
    ignored=(),
    split=Split(1, 1),
    files=(),
)
# What looks like a number, and what comes close.
number_texts = (
    st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.integers().map(str)
    | st.sampled_from(
        ["", " ", "NA", "null", "true", "1e39", "1e999", "+1", ".5", "1.", "01", "-", "1e-05", "-0"]
    )
    | st.sampled_from(
        ["3.4028235677973366e38", "3.4028235677973362e38", "1_0", "0x1", "--1", "1\r", "\r1", '"1"', "[1]"]
    )
    | st.text("0123456789.-+eE \r", max_size=8)
)
lines_of_numbers = st.lists(st.lists(number_texts, min_size=1, max_size=4), max_size=4)


class Slow(MatrixCodec):
    """The codec without its short cuts."""

    def __init__(self, schema: Schema, limits: Limits) -> None:
        super().__init__(schema, limits)
        self._quick = False


def outcome(codec: MatrixCodec, body: bytes, content_type: str) -> object:
    """The rows bit by bit but for the sign of zero, or the refusal."""
    try:
        found = codec.read(body, content_type)
    except Refusal as refusal:
        return refusal.status, refusal.message
    return (np.frombuffer(found.values, np.float32) + 0.0).tobytes(), found.height, found.unseen


@given(lines_of_numbers, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\n", "\r\n", "\n\n", "\r"]))
@example([["1", "2", "3"]], "\n", "\n\r")
@example([["1", "", "3"], ["", "", ""]], "\n", "")
@example([["1,2", "3"], ["1"], ["2", "3", "4", "5"]], "\n", "")
@example([["a", "b", "c"], ["1", "2", "3"]], "\n", "")
def test_the_short_cut_for_csv_means_what_the_long_way_means(
    cells: list[list[str]], between: str, end: str
) -> None:
    body = (between.join(",".join(line) for line in cells) + end).encode()
    assert outcome(MatrixCodec(NUMBERS, Limits()), body, CSV) == outcome(Slow(NUMBERS, Limits()), body, CSV)


json_cells = st.none() | st.booleans() | st.floats() | st.integers() | st.sampled_from(["1", [1], {}])
json_rows = st.lists(json_cells, min_size=2, max_size=4) | st.dictionaries(
    st.sampled_from(["a", "b", "c", "y", "z"]), json_cells, min_size=2
)


@given(st.lists(json_rows, max_size=3), st.sampled_from(["instances", "rows", "true", 'in"x']))
@example([{"a": 1.5, "b": None, "c": 2}], "instances")
@example([[1, 2, 3], [4, 5, None]], "instances")
@example([[1, True, 3]], "instances")
@example([[1e39, 2, 3]], "instances")
def test_the_short_cut_for_json_means_what_the_long_way_means(instances: list[object], name: str) -> None:
    body = json.dumps({name: instances}).encode()
    assert outcome(MatrixCodec(NUMBERS, Limits()), body, JSON) == outcome(Slow(NUMBERS, Limits()), body, JSON)


def test_columns_with_numbers_for_names_are_a_header() -> None:
    features = (Feature("1", "number"), Feature("2", "number"))
    numbered = Schema("regression", "y", (), None, features, (), Split(1, 1), ())
    assert unpacked(read(b"2,1\n5,6\n", CSV, numbered)) == [[6.0, 5.0]]


def test_limits_come_from_the_environment() -> None:
    limits = Limits.read({"SAGELOOP_LIMIT_ROWS": "7", "SAGELOOP_LIMIT_IDLE_SECONDS": "1.5", "OTHER": "x"})
    assert (limits.rows, limits.idle_seconds, limits.connections) == (7, 1.5, Limits().connections)
    assert Limits.read(limits.environment()) == limits


@pytest.mark.parametrize(
    ("name", "text"), [("ROWS", "many"), ("ROWS", "0"), ("IDLE_SECONDS", "inf"), ("ROW", "1")]
)
def test_a_wrong_limit_is_named(name: str, text: str) -> None:
    with pytest.raises(DataError, match=f"SAGELOOP_LIMIT_{name} is"):
        Limits.read({f"SAGELOOP_LIMIT_{name}": text})


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
        (b"application/x-parquet", b"", (PARQUET, PARQUET)),
        (b"application/vnd.apache.arrow.stream", b"text/csv", (ARROW, CSV)),
        (b"application/json", b"application/vnd.apache.parquet", (JSON, PARQUET)),
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
