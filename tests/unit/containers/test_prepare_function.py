"""The user's prepare function, from the files to the answers of the server."""

import json
import shutil
import subprocess
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from serve.model import Model
from serve.negotiation import CSV, JSON, LINES
from serve.refusal import Refusal
from tabular import artifact
from tabular.artifact import ArtifactError
from tabular.encoding import matrix
from tabular.schema import Column
from tests.unit.containers.image_jobs import Job, table, train

Start = Callable[..., tuple[subprocess.Popen[bytes], int]]

FEATURES = """
import narwhals as nw

from words import SHORT


def prepare(table):
    return table.with_columns(
        hour=nw.col("when").dt.hour(),
        dry=1 / nw.col("humid"),
        far=nw.when(nw.col("distance") > 1000).then(nw.lit(SHORT[1])).otherwise(nw.lit(SHORT[0])),
        age=nw.col("when").dt.year() - nw.col("built").dt.year(),
    ).drop("built", "distance")
"""
WORDS = 'SHORT = ("near", "far")\n'
ARGUMENTS = ("--target", "late", "--time", "when", "--code-prepare", "features:prepare")


def prepare(job: Job, code: str) -> str:
    """Run prepare with a function, and return what it complains about."""
    job.put("processing/input/data/a.csv", table(600).encode())
    job.put("processing/input/code/features.py", code.encode())
    job.put("processing/input/code/words.py", WORDS.encode())
    done = job.run("prepare", *ARGUMENTS)
    if done.returncode == 0:
        return ""
    message = (job.ml / "output/message").read_text()
    assert "\n" not in message
    assert "Traceback" not in done.stderr
    return message


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A model with a prepare function."""
    job = Job(tmp_path_factory.mktemp("prepared"))
    (job.ml / "processing").mkdir()
    assert prepare(job, FEATURES) == ""
    for name in ("features.py", "words.py"):
        job.put(
            f"input/data/schema/code/{name}", (job.ml / "processing/output/schema/code" / name).read_bytes()
        )
    train(job)
    return job


def test_the_model_sees_what_the_function_makes_and_a_request_carries_what_it_needs(prepared: Job) -> None:
    model = artifact.load(prepared.ml / "model")
    assert set(model.schema.names) == {"humid", "carrier", "weekend", "hour", "dry", "far", "age"}
    assert model.schema.preparation is not None
    assert model.schema.preparation.function == "features:prepare"
    assert model.schema.preparation.columns == (
        Column("when", "datetime"),
        Column("distance", "integer"),
        Column("humid", "number"),
        Column("carrier", "category"),
        Column("weekend", "boolean"),
        Column("built", "datetime"),
    )
    far = next(feature for feature in model.schema.features if feature.name == "far")
    assert (far.type, far.categories) == ("category", ("far", "near"))
    holdout = pl.read_parquet(prepared.ml / "processing/output/holdout/holdout.parquet")
    assert holdout["dry"].is_infinite().sum() == 0


def test_a_request_is_encoded_as_the_hold_out_was(prepared: Job) -> None:
    model = Model(prepared.ml / "model")
    holdout = pl.read_parquet(prepared.ml / "processing/output/holdout/holdout.parquet")
    lines = table(600).splitlines()[1:]
    held = [line.rpartition(",")[0] for line in lines][-holdout.height :]
    expected = matrix(holdout, model.schema)
    together = model.codec.read("\n".join(held).encode(), CSV)
    found, unseen = model.encoded([together])
    np.testing.assert_array_equal(found, expected)
    assert unseen == [0]
    names = ("when", "distance", "humid", "carrier", "weekend", "built")
    for place in (0, 7, 20):
        cells = dict(zip(names, held[place].split(","), strict=True))
        instance = {
            **cells,
            "distance": int(cells["distance"]),
            "humid": float(cells["humid"]) if cells["humid"] else None,
            "weekend": cells["weekend"] == "true",
        }
        for body, kind in (({"instances": [instance]}, JSON), (instance, LINES)):
            alone = model.codec.read(json.dumps(body).encode(), kind)
            np.testing.assert_array_equal(
                model.encoded([alone, together])[0][:1], expected[place : place + 1]
            )
    assert model.ask([together]).values.shape == (holdout.height,)


def test_unknown_and_missing_values_of_a_request(prepared: Job) -> None:
    model = Model(prepared.ml / "model")
    codec = model.codec
    unknown = codec.read(b"2013-01-01,500,0.4,ZZ,true,2000-01-01", CSV)
    empty = codec.read(b"2013-01-01,,,,,", CSV)
    assert model.encoded([empty, unknown, empty])[1] == [0, 1, 0]
    with pytest.raises(Refusal, match="column 'distance': 'far' is not"):
        codec.read(b"2013-01-01,far,0.4,AA,true,2000-01-01", CSV)
    with pytest.raises(Refusal, match="the column 'when' is missing"):
        codec.read(b"distance,humid,carrier,weekend,built\n1,2,AA,true,2000-01-01", CSV)
    with pytest.raises(Refusal, match="column 'carrier': '3' is not text"):
        codec.read(
            b'{"instances": [{"when": "2013-01-01", "distance": 1, "humid": 1, "carrier": 3, '
            b'"weekend": true, "built": null}]}',
            JSON,
        )


def test_the_server_answers_with_it(prepared: Job, serving: Start) -> None:
    _, port = serving(prepared)
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    row = b"2013-01-01T05:00:00Z,500,0.4,B6,true,2000-01-01"
    connection.request("POST", "/invocations", row, {"Content-Type": "text/csv"})
    assert 0 < float(connection.getresponse().read()) < 1
    connection.close()


def test_code_that_was_changed_is_refused(prepared: Job, tmp_path: Path) -> None:
    shutil.copytree(prepared.ml / "model", tmp_path / "model")
    (tmp_path / "model/code/words.py").write_text('SHORT = ("a", "b")\n')
    with pytest.raises(ArtifactError, match=r"code/words\.py is not the file that training wrote"):
        artifact.load(tmp_path / "model")


def test_columns_that_the_function_does_not_use_need_not_be_sent(job: Job) -> None:
    assert prepare(job, "def prepare(table):\n    return table.drop('weekend', 'built')\n") == ""
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    needed = [column["name"] for column in schema["preparation"]["columns"]]
    # drop() names two columns, which a request must have for it.
    assert needed == ["distance", "humid", "carrier", "weekend", "built"]
    assert schema["preparation"]["others"] == ["when"]


BAD = {
    "raises": (
        "def prepare(table):\n    factor = 1 / 0\n    return table\n",
        "features.py, prepare, line 2: ZeroDivisionError: division by zero",
    ),
    "plans what cannot be": (
        "import narwhals as nw\n\ndef prepare(table):\n    return table.with_columns(x=nw.col('nothing'))\n",
        "features.py, prepare",
    ),
    "fails on the values": (
        "import narwhals as nw\n\ndef prepare(table):\n"
        "    return table.with_columns(x=nw.col('carrier').cast(nw.Int64))\n",
        "features.py, prepare: InvalidOperationError: ",
    ),
    "has no such name": ("def other(table):\n    return table\n", "features.py has no function 'prepare'"),
    "is no Python": ("def prepare(table:\n", "features.py, line 1 cannot be imported: SyntaxError"),
    "imports what is not there": ("import nothing_such\n", "line 1 cannot be imported: ModuleNotFoundError"),
    "returns nothing": ("def prepare(table):\n    pass\n", "it returned NoneType; it must return the table"),
    "takes the target": (
        "def prepare(table):\n    return table.drop('late')\n",
        "it left out the column 'late', which is the target",
    ),
    "takes rows": (
        "import narwhals as nw\n\ndef prepare(table):\n    return table.filter(nw.col('distance') > 1000)\n",
        "it must return a row for each row",
    ),
    "sorts": (
        "def prepare(table):\n    return table.sort('distance')\n",
        "or the order of the rows",
    ),
    "looks at other rows": (
        "import narwhals as nw\n\n"
        "def prepare(table):\n"
        "    return table.with_columns(x=nw.col('distance') - nw.col('distance').mean())\n",
        "a row has another 'x' than among all: compute each row from its own columns",
    ),
    "looks at the target": (
        "import narwhals as nw\n\ndef prepare(table):\n    return table.with_columns(x=nw.col('late') * 2)\n",
        "it must work without 'late', which a request does not have",
    ),
    "makes lists": (
        "import narwhals as nw\nimport polars as pl\n\ndef prepare(table):\n"
        "    return nw.from_native(nw.to_native(table).with_columns(x=pl.concat_list('distance')))\n",
        "the column 'x' holds List(Int64), which is no single value",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_function_that_cannot_be_used_is_one_sentence(job: Job, case: str) -> None:
    code, sentence = BAD[case]
    assert sentence in prepare(job, code)


def test_a_function_that_is_not_there(job: Job) -> None:
    job.put("processing/input/data/a.csv", table(100).encode())
    assert job.run("prepare", *ARGUMENTS).returncode == 1
    assert "the code has no file features.py" in (job.ml / "output/message").read_text()
