"""Parquet and Arrow bodies mean what CSV means, and a hostile one ends the process that reads it, no more."""

import asyncio
import io
import json
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import polars as pl
import psutil  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serve.codecs import MatrixCodec
from serve.limits import Limits
from serve.model import Model
from serve.negotiation import ARROW, CSV, PARQUET
from serve.reader import Reader
from serve.refusal import Refusal
from serve.tables import Tables
from tabular.schema import Feature, Ignored, Schema, Split
from tests.unit.containers.image_jobs import Job
from tests.unit.containers.serve_clients import ROW, post, running

SCHEMA = Schema(
    problem="binary",
    target="late",
    classes=("0", "1"),
    time=None,
    features=(
        Feature("distance", "number"),
        Feature("seats", "integer"),
        Feature("carrier", "category", ("AA", "B6")),
        Feature("weekend", "boolean"),
        Feature("built", "datetime"),
    ),
    ignored=(Ignored("name", "it identifies rows"),),
    split=Split(1, 1),
    files=(),
)
GOOD: dict[str, Any] = {
    "distance": [10.5, None],
    "seats": [3, 4],
    "carrier": ["B6", " NA "],
    "weekend": [True, None],
    "built": [date(1970, 1, 2), None],
}
NAN = float("nan")


def packed(table: pl.DataFrame, content_type: str) -> bytes:
    """The table as a body."""
    into = io.BytesIO()
    if content_type == PARQUET:
        table.write_parquet(into)
    else:
        table.write_ipc_stream(into)
    return into.getvalue()


def rows(table: pl.DataFrame, content_type: str = ARROW, limits: Limits | None = None) -> list[list[float]]:
    """What the model is given."""
    found = Tables(SCHEMA, limits or Limits()).matrix(packed(table, content_type), content_type)
    return np.frombuffer(found.values, np.float32).reshape(found.height, -1).tolist()


def refusal(body: bytes | pl.DataFrame, content_type: str = ARROW, limits: Limits | None = None) -> Refusal:
    """Why a body is refused."""
    content = body if isinstance(body, bytes) else packed(body, content_type)
    with pytest.raises(Refusal) as refused:
        Tables(SCHEMA, limits or Limits()).matrix(content, content_type)
    assert 400 <= refused.value.status < 500
    return refused.value


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_columns_in_any_order_and_of_any_fitting_type(content_type: str) -> None:
    table = pl.DataFrame({"late": [1, 0], **dict(reversed(GOOD.items())), "name": ["x", "y"]})
    expected = [[10.5, 3.0, 1.0, 1.0, 1.0], [NAN, 4.0, NAN, NAN, NAN]]
    np.testing.assert_array_equal(rows(table, content_type), expected)
    other = table.with_columns(
        pl.col("distance").cast(pl.Float32),
        pl.col("seats").cast(pl.UInt8),
        pl.col("carrier").cast(pl.Categorical),
        pl.col("built").cast(pl.Datetime("ns")),
    )
    np.testing.assert_array_equal(rows(other, content_type), expected)


def test_moments_are_those_of_utc() -> None:
    there = datetime(1970, 1, 2, 2, tzinfo=timezone(timedelta(hours=2)))
    for built in ([there], ["1970-01-02T02:00+02:00"], [datetime(1970, 1, 2)], ["1970-01-02"]):
        table = pl.DataFrame({**{name: values[:1] for name, values in GOOD.items()}, "built": built})
        assert rows(table)[0][4] == 1.0
    assert datetime(1970, 1, 2, tzinfo=UTC) == there


def test_a_column_of_nothing_is_missing() -> None:
    table = pl.DataFrame({name: [None, None] for name in GOOD})
    assert np.isnan(rows(table)).all()


@pytest.mark.parametrize(
    ("column", "values", "row", "sentence"),
    [
        ("distance", ["1", "2"], 1, "is not a number"),
        ("distance", [None, True], 2, "is not a number"),
        ("distance", [1.0, float("inf")], 2, "'inf' is not a finite number"),
        ("distance", [1.0, -1e39], 2, "within the range of float32"),
        ("distance", [[1.0], [2.0]], 1, "is not a number"),
        ("carrier", [1, 2], 1, "is not text"),
        ("weekend", [None, "yes"], 2, "is not true or false"),
        ("weekend", [1, 0], 1, "is not true or false"),
        ("built", [1, 2], 1, "is not text"),
        ("built", ["1970-01-01", "yesterday"], 2, "'yesterday' is not a date"),
        ("built", [date(1970, 1, 1), date(9999, 12, 31)], None, ""),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    column: str, values: list[object], row: int | None, sentence: str
) -> None:
    table = pl.DataFrame({**GOOD, column: values})
    if row is None:
        assert len(rows(table)) == 2
        return
    found = refusal(table)
    assert (found.row, found.column) == (row, column)
    assert sentence in found.message


def test_days_beyond_the_calendar_are_refused() -> None:
    days = pl.Series("built", [0, 2_000_000_000], dtype=pl.Int32).cast(pl.Date)
    assert refusal(pl.DataFrame(GOOD).with_columns(days)).row == 2


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_other_shapes_are_refused(content_type: str) -> None:
    table = pl.DataFrame(GOOD)
    assert "'carrier' is missing" in refusal(table.drop("carrier"), content_type).message
    assert "knows no column 'wet'" in refusal(table.with_columns(wet=1), content_type).message
    assert "has no rows" in refusal(table.clear(), content_type).message
    assert refusal(table, content_type, Limits(rows=1)).status == 413
    body = packed(table, content_type)
    for broken in (b"", b"\x00" * 100, body[:-9], body[:-30], body[: len(body) // 2]):
        assert refusal(broken, content_type).status == 400


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(width=32, allow_nan=False, allow_infinity=False) | st.none(),
            st.integers(-(2**31), 2**31) | st.none(),
            st.sampled_from(["AA", "B6", "ZZ", "NA", None]),
            st.booleans() | st.none(),
            st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)) | st.none(),
        ),
        min_size=1,
    )
)
def test_a_table_means_what_its_csv_means(values: list[tuple[Any, ...]]) -> None:
    dtypes: list[Any] = [pl.Float64, pl.Int64, pl.String, pl.Boolean, pl.Datetime("us")]
    table = pl.DataFrame(values, schema=dict(zip(GOOD, dtypes, strict=True)), orient="row")
    lines = [
        ",".join("" if value is None else value.isoformat() if isinstance(value, datetime) else str(value)
                 for value in row)
        for row in values
    ]  # fmt: skip
    asked = MatrixCodec(SCHEMA, Limits()).read("\n".join(lines).encode(), CSV)
    found = Tables(SCHEMA, Limits()).matrix(packed(table, ARROW), ARROW)
    assert found.unseen == asked.unseen
    np.testing.assert_array_equal(
        np.frombuffer(found.values, np.float32), np.frombuffer(asked.values, np.float32)
    )


@pytest.fixture(scope="module")
def model(trained: Job) -> Model:
    """The trained model in this process."""
    return Model(trained.ml / "model", Limits(reader_bytes=256 << 20))


TABLE = pl.DataFrame(
    {"distance": [500], "humid": [0.8], "carrier": ["B6"], "weekend": [True], "built": [date(2000, 5, 1)]}
)


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_a_table_is_predicted_as_its_csv_is(model: Model, content_type: str) -> None:
    async def scenario() -> None:
        async with running(model) as (_, connect):
            client = await connect()
            _, _, expected = await client.ask(post(ROW))
            body = packed(TABLE, content_type)
            asked = await client.ask(
                post(body, "/invocations", "Accept: text/csv", content_type=content_type)
            )
            assert asked[2] == expected
            status, headers, answer = await client.ask(post(body, content_type=content_type))
            load = pl.read_parquet if content_type == PARQUET else pl.read_ipc_stream
            assert (status, headers["content-type"]) == (200, content_type)
            assert load(io.BytesIO(answer))["prediction"].to_list() == [np.float32(float(expected))]
            broken = await client.ask(post(body[:-9], content_type=content_type))
            assert (broken[0], json.loads(broken[2])["code"]) == (400, "Malformed")

    asyncio.run(scenario())


@pytest.mark.parametrize("content_type", [ARROW, PARQUET])
def test_a_bomb_ends_the_reader_and_nothing_else(model: Model, content_type: str) -> None:
    # A few kilobytes that unpack to one gigabyte of text.
    bomb = pl.DataFrame({"carrier": [letter * 32_000_000 for letter in "abcdefghijklmnopqrstuvwxyzABCDEF"]})
    table = TABLE.drop("carrier").join(bomb, how="cross").select(TABLE.columns)
    into = io.BytesIO()
    if content_type == PARQUET:
        table.write_parquet(into, compression="zstd", use_pyarrow=False)
    else:
        table.write_ipc_stream(into, compression="zstd")
    reader = Reader(model)
    try:
        assert len(into.getvalue()) < 1 << 20
        with pytest.raises(Refusal) as refused:
            reader.read(into.getvalue(), content_type)
        assert refused.value.status == 413
        assert reader.read(packed(TABLE, content_type), content_type).height == 1
    finally:
        reader.close()


def test_a_body_that_takes_too_long_is_given_up(trained: Job) -> None:
    model = Model(trained.ml / "model", Limits(reader_seconds=1))
    reader = Reader(model)
    try:
        reader.read(packed(TABLE, ARROW), ARROW)
        process = reader._process
        assert process is not None
        process.send_signal(19)  # it is stopped, as though it never ended
        with pytest.raises(Refusal, match="413"):
            reader.read(packed(TABLE, ARROW), ARROW)
        assert process.poll() is not None
    finally:
        reader.close()


def test_a_reader_gives_back_what_a_body_took(trained: Job) -> None:
    model = Model(trained.ml / "model")
    # 200 MB of numbers, and a body of text whose values are Python's.
    zeros = pl.DataFrame({"distance": np.zeros(25_000_000)})
    stream = io.BytesIO()
    zeros.write_ipc_stream(stream, compression="zstd")
    text = f"{ROW}\n".encode() * 90_000
    reader = Reader(model)
    try:
        reader.read(packed(TABLE, ARROW), ARROW)
        assert reader._process is not None
        began = psutil.Process(reader._process.pid).memory_info().rss
        for body, media in ((stream.getvalue(), ARROW), (text, CSV)):
            with suppress(Refusal):
                reader.read(body, media)
            left = psutil.Process(reader._process.pid).memory_info().rss
            assert left - began < model.limits.reader_kept_bytes
    finally:
        reader.close()


def test_a_reader_that_keeps_much_makes_room_for_another(trained: Job) -> None:
    reader = Reader(Model(trained.ml / "model", Limits(reader_kept_bytes=1)))
    try:
        seen = set()
        for _ in range(2):
            assert reader.read(f"{ROW}\n".encode() * 20_000, CSV).height == 20_000
            assert reader._process is not None
            seen.add(reader._process.pid)
        assert len(seen) == 2
    finally:
        reader.close()
