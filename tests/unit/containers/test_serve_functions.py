"""The user's predict answers requests; what is wrong with it ends in one sentence and one line of the log."""

import asyncio
import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from serve.limits import Limits
from serve.model import Model
from tabular import artifact
from tabular.code import load
from tabular.contract import DataError
from tests.unit.containers.image_jobs import Job
from tests.unit.containers.serve_clients import PING, ROW, post, running, with_function

LABELS = """
import polars as pl

def predict(model, rows):
    chances = model.predict(rows)
    far = rows["distance"] > 1000
    return [
        {"label": model.classes[int(chance > 0.5)], "far": distance, "day": built.isoformat()}
        for chance, distance, built in zip(chances, far, rows["built"], strict=True)
    ]
"""


def served(trained: Job, place: Path, source: str, limits: Limits | None = None) -> Model:
    """A model with this module."""
    return Model(with_function(trained, place, source), limits)


def ask(model: Model, *requests: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """The answers of requests that are sent at once, each on a connection of its own."""

    async def scenario() -> list[tuple[int, dict[str, str], bytes]]:
        async with running(model) as (_, connect):
            clients = [await connect() for _ in requests]
            asked = (client.ask(request) for client, request in zip(clients, requests, strict=True))
            return list(await asyncio.gather(*asked))

    return asyncio.run(scenario())


def test_the_function_answers_in_every_format(trained: Job, tmp_path: Path) -> None:
    model = served(trained, tmp_path, LABELS)
    plain = Model(trained.ml / "model")
    rows = f"{ROW}\n1500,,ZZ,no,1999-12-31"
    chances = [float(text) for text in ask(plain, post(rows))[0][2].split()]
    expected = [
        {"label": "1" if chances[0] > 0.5 else "0", "far": False, "day": "2000-05-01T00:00:00"},
        {"label": "1" if chances[1] > 0.5 else "0", "far": True, "day": "1999-12-31T00:00:00"},
    ]
    listed, lines, cells, binary = ask(
        model,
        post(rows, "/invocations", "Accept: application/json"),
        post(rows, "/invocations", "Accept: application/jsonlines"),
        post(rows),
        post(rows, "/invocations", "Accept: application/vnd.apache.parquet"),
    )
    assert json.loads(listed[2]) == {"predictions": expected}
    assert [json.loads(line) for line in lines[2].splitlines()] == expected
    assert cells[2].splitlines()[0].startswith(b'"{""label"":')
    assert (binary[0], binary[2][:4]) == (200, b"PAR1")


def test_a_large_body_goes_through_the_function(trained: Job, tmp_path: Path) -> None:
    source = "def predict(model, rows):\n    return rows['distance']\n"
    model = served(trained, tmp_path, source, Limits(large_bytes=100))
    body = "".join(f"{number},0.5,B6,yes,2000-01-01\n" for number in range(50))
    (answer,) = ask(model, post(body))
    assert answer[2].split() == [f"{number}".encode() for number in range(50)]


def test_a_parquet_body_reaches_the_function_in_the_types_of_training(trained: Job, tmp_path: Path) -> None:
    source = "def predict(model, rows):\n    return [[str(kind) for kind in rows.dtypes]] * rows.height\n"
    model = served(trained, tmp_path, source)
    table = pl.DataFrame(
        {
            "carrier": pl.Series(["AA", None], dtype=pl.Categorical),
            "humid": pl.Series([0.5, None], dtype=pl.Float32),
            "distance": pl.Series([1, 2], dtype=pl.UInt16),
            "weekend": [None, True],
            "built": [date(2000, 1, 1), None],
        }
    )
    into = io.BytesIO()
    table.write_parquet(into)
    asked = post(
        into.getvalue(), "/invocations", "Accept: application/json", content_type="application/x-parquet"
    )
    fraction = post(
        '{"columns": {"carrier": [null], "humid": [0.5], "distance": [1.5], '
        '"weekend": [true], "built": [null]}}',
        content_type="application/json",
    )
    good, bad = ask(model, asked, fraction)
    types = ["Int64", "Float64", "String", "Boolean", "Datetime(time_unit='us', time_zone=None)"]
    assert json.loads(good[2]) == {"predictions": [types, types]}
    assert "row 1, column 'distance': '1.5' is not a whole number" in json.loads(bad[2])["message"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("return model", "it returned Predictor; it must return a list"),
        ("return [1] * 7", "it returned 7 values for 1 rows"),
        ("return [object()]", "it returned object for a row, which JSON cannot hold"),
        ("return rows['nothing']", "own.py, predict, line 3"),
        ("return model.predict(rows.drop('distance'))", "the rows have no column 'distance'"),
        ("raise SystemExit(3)", "it ended the program"),
        ("return 1 / 0", "ZeroDivisionError"),
    ],
)
def test_what_is_wrong_with_it_is_logged_and_not_told(
    trained: Job, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], body: str, sentence: str
) -> None:
    model = served(trained, tmp_path, f"def predict(model, rows):\n    # Lines are counted.\n    {body}\n")
    status, _, answer = ask(model, post(ROW))[0]
    told = json.loads(answer)
    assert (status, told["code"]) == (500, "FunctionFailed")
    assert sentence not in told["message"]
    logged = json.loads(capfdbinary.readouterr().out.splitlines()[-1])
    assert logged["request_id"] == told["request_id"]
    assert sentence in logged["error"]
    assert all(line.startswith("own.py, line ") for line in logged.get("traceback", []))


def test_a_request_that_the_function_cannot_take_fails_alone(trained: Job, tmp_path: Path) -> None:
    source = (
        "def predict(model, rows):\n"
        "    if (rows['distance'] > 1000).any():\n        raise ValueError('too far')\n"
        "    return model.predict(rows)\n"
    )
    model = served(trained, tmp_path, source)
    answers = ask(model, *(post(f"{distance},0.8,B6,true,2000-05-01") for distance in (10, 2000, 20, 30)))
    assert [status for status, _, _ in answers] == [200, 500, 200, 200]


def test_ping_is_answered_while_the_function_works_and_too_much_is_refused(
    trained: Job, tmp_path: Path
) -> None:
    source = "import time\n\ndef predict(model, rows):\n    time.sleep(0.2)\n    return [0] * rows.height\n"
    model = served(trained, tmp_path, source, Limits(waiting_rows=3))

    async def scenario() -> None:
        async with running(model) as (_, connect):
            first = await connect()
            asked = asyncio.ensure_future(first.ask(post(ROW)))
            others = [await connect() for _ in range(4)]
            await asyncio.sleep(0.05)
            waiting = [asyncio.ensure_future(other.ask(post(ROW))) for other in others]
            assert (await (await connect()).ask(PING))[0] == 200
            assert not asked.done()
            answers = [await asked, *(await asyncio.gather(*waiting))]
            assert [status for status, _, _ in answers] == [200, 200, 200, 429, 429]
            assert answers[-1][1]["retry-after"] == "1"

    asyncio.run(scenario())


def test_a_module_without_the_function_is_not_served(trained: Job, tmp_path: Path) -> None:
    directory = with_function(trained, tmp_path, "def other(model, rows):\n    return rows\n")
    with pytest.raises(DataError, match=r"own\.py has no function 'predict'"):
        Model(directory)
    assert artifact.load(directory).schema.predict == "own:predict"
    assert callable(load(directory / "code", "own:other"))
