"""Files that cannot be used: each has its one sentence, which names it, and stops no other."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from tests.unit.containers.image_jobs import Job, table

GOOD = table(100)
HEADER, *ROWS = GOOD.splitlines()
ARGUMENTS = ("--target", "late", "--problem", "binary", "--time", "when")


def changed(row: int, column: int, value: str) -> str:
    """The good table with one value replaced; rows and columns count from 1."""
    rows = [line.split(",") for line in ROWS]
    rows[row - 1][column - 1] = value
    return "\n".join([HEADER, *(",".join(line) for line in rows)])


BAD: dict[str, tuple[str, bytes, str]] = {
    "0 bytes": ("bad.csv", b"", "bad.csv is empty (0 bytes)"),
    "only a header": ("bad.csv", HEADER.encode(), "bad.csv has a header but no rows"),
    "no target": (
        "bad.csv",
        GOOD.replace("late", "delay").encode(),
        "bad.csv has no column 'late', which is the target",
    ),
    "other columns": (
        "bad.csv",
        GOOD.replace("humid", "wet").encode(),
        "bad.csv has other columns than the other 2 files: it lacks 'humid' and it adds 'wet'",
    ),
    "text among numbers": (
        "bad.csv",
        changed(7, 2, "far").encode(),
        "bad.csv, row 7, column 'distance': 'far' is not a number",
    ),
    "a column of texts where the others have numbers": (
        "bad.csv",
        "\n".join([HEADER, *(line.replace(line.split(",")[1], "far", 1) for line in ROWS)]).encode(),
        "bad.csv, row 1, column 'distance': 'far' is not a number",
    ),
    "an infinite number": ("bad.csv", changed(3, 2, "1e999").encode(), "row 3, column 'distance': '1e999'"),
    "no such day": (
        "bad.csv",
        changed(4, 6, "2013-02-30").encode(),
        "row 4, column 'built': '2013-02-30' is not a date",
    ),
    "a hole in the target": (
        "bad.csv",
        changed(9, 7, "").encode(),
        "bad.csv, row 9: the column 'late', which is the target",
    ),
    "a hole in the time": (
        "bad.csv",
        changed(2, 1, "NA").encode(),
        "bad.csv, row 2: the column 'when', which is the time",
    ),
    "a short row": (
        "bad.csv",
        (HEADER + "\n" + ROWS[0] + "\n1,2,3\n").encode(),
        "bad.csv, row 2: 3 values, where the header has 7",
    ),
    "a long row": (
        "bad.csv",
        (HEADER + "\n" + ROWS[0] + ",9\n").encode(),
        "bad.csv, row 1: 8 values, where the header has 7",
    ),
    "an open quotation mark": (
        "bad.csv",
        (HEADER + '\n"1,2\n').encode(),
        "bad.csv has a quotation mark that is never closed",
    ),
    "a short row after a quoted line break": (
        "bad.csv",
        (HEADER + "\n" + ROWS[0].replace(",A", ',"A\nA",', 1) + '\n"a\nb",2\n').encode(),
        "where the header has 7",
    ),
    "a broken gzip": ("bad.csv.gz", gzip.compress(GOOD.encode())[:-20], "bad.csv.gz is a broken gzip file"),
    "a gzip that is none": ("bad.csv.gz", GOOD.encode(), "bad.csv.gz is a broken gzip file"),
    "a picture": ("bad.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "bad.csv is not a CSV file"),
    "Latin-1": ("bad.csv", GOOD.replace("AA", "Ä").encode("latin-1"), "bad.csv is not UTF-8 text"),
    "semicolons": (
        "bad.csv",
        GOOD.replace(",", ";").encode(),
        "bad.csv does not separate its columns by commas",
    ),
    "a repeated column": (
        "bad.csv",
        GOOD.replace("humid", "distance").encode(),
        "has the column 'distance' more than once",
    ),
    "a column without a name": (
        "bad.csv",
        GOOD.replace("humid", "").encode(),
        "bad.csv has no name for column 3",
    ),
    "another kind of file": ("bad.pdf", b"%PDF", "bad.pdf is neither CSV nor Parquet"),
    "Parquet in name only": ("bad.parquet", GOOD.encode(), "bad.parquet is not a readable Parquet file"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_left_out_and_named_in_one_sentence(job: Job, case: str) -> None:
    name, content, sentence = BAD[case]
    job.put("processing/input/data/good.csv", GOOD.encode())
    job.put("processing/input/data/more.csv", table(100, 3).encode())
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    without = (job.ml / "processing/output/train/train.parquet").read_bytes()
    job.put(f"processing/input/data/{name}", content)
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    assert (job.ml / "processing/output/train/train.parquet").read_bytes() == without
    intake = json.loads((job.ml / "processing/output/intake/intake.json").read_text())
    (rejected,) = intake["rejected"]
    assert rejected["key"] == f"data/{name}"
    assert sentence in rejected["reason"]
    assert "\n" not in rejected["reason"]
    assert f"left out: {rejected['reason']}" in done.stdout
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    assert schema["left_out"] == [{"name": name, "reason": rejected["reason"]}]
    assert [file["name"] for file in schema["files"]] == ["good.csv", "more.csv"]


@pytest.mark.parametrize("case", ["0 bytes", "no target", "a short row", "Latin-1", "Parquet in name only"])
def test_a_bad_file_alone_fails_the_job_with_its_sentence(job: Job, case: str) -> None:
    name, content, sentence = BAD[case]
    job.put(f"processing/input/data/{name}", content)
    done = job.run("prepare", *ARGUMENTS)
    message = (job.ml / "output/message").read_text()
    assert done.returncode == 1
    assert sentence in message
    assert "\n" not in message
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("rows", "arguments", "sentence"),
    [
        ([line[:-1] + "1" for line in ROWS], ARGUMENTS, "has only the value 1"),
        ([line[:-1] + str(row) for row, line in enumerate(ROWS)], ARGUMENTS, "a binary problem has two"),
        (ROWS, ("--target", "late", "--time", "moment"), "no column 'moment', which is the time"),
        (ROWS, ("--target", "late", "--drop", "nothing"), "no column 'nothing', which is to be dropped"),
        (ROWS, ("--target", "carrier", "--problem", "regression"), "a regression needs numbers"),
        (ROWS, ("--target", "late", "--time", "carrier"), "the time 'carrier' holds neither dates"),
    ],
)
def test_data_that_does_not_fit_the_problem(
    job: Job, rows: list[str], arguments: tuple[str, ...], sentence: str
) -> None:
    job.put("processing/input/data/a.csv", "\n".join([HEADER, *rows]).encode())
    assert job.run("prepare", *arguments).returncode == 1
    assert sentence in (job.ml / "output/message").read_text()


def test_no_files(job: Job) -> None:
    (job.ml / "processing/input/data").mkdir(parents=True)
    assert job.run("prepare", *ARGUMENTS).returncode == 1
    assert "there are no files" in (job.ml / "output/message").read_text()


def test_several_bad_files_are_named_together(job: Job) -> None:
    job.put("processing/input/data/a.csv", b"")
    job.put("processing/input/data/b.pdf", b"%PDF")
    job.run("prepare", *ARGUMENTS)
    message = (job.ml / "output/message").read_text()
    assert "a.csv is empty" in message
    assert "b.pdf is neither" in message


def test_every_readable_form_of_the_same_rows_gives_the_same_training_set(job: Job, tmp_path: Path) -> None:
    forms = {
        "a.csv": GOOD.encode(),
        "a.csv.gz": gzip.compress(GOOD.encode()),
        "bom/a.csv": b"\xef\xbb\xbf" + GOOD.encode(),
        "crlf/a.csv": GOOD.replace("\n", "\r\n").encode(),
        "blank/a.csv": GOOD.replace("\n", "\n\n").encode(),
        "quoted/a.csv": GOOD.replace("AA", '"AA"').encode(),
    }
    results = set()
    for name, content in forms.items():
        one = Job(tmp_path / name.replace("/", "-"))
        (one.ml / "processing").mkdir(parents=True)
        one.put(f"processing/input/data/{name}", content)
        done = one.run("prepare", *ARGUMENTS)
        assert done.returncode == 0, done.stderr
        results.add((one.ml / "processing/output/train/train.parquet").read_bytes())
    assert len(results) == 1


def test_equal_files_are_read_once_and_hidden_ones_not_at_all(job: Job) -> None:
    for name in ("a.csv", "again.csv"):
        job.put(f"processing/input/data/{name}", GOOD.encode())
    job.put("processing/input/data/_SUCCESS", b"")
    job.put("processing/input/data/.part.csv", b"")
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    assert [(file["name"], file["rows"]) for file in schema["files"]] == [("a.csv", 100)]


def test_parquet_beside_csv(job: Job) -> None:
    job.put("processing/input/data/a.csv", GOOD.encode())
    path = job.put("processing/input/data/b.parquet", b"")
    second = job.put("second.csv", table(100, 5).encode())
    pl.read_csv(second, try_parse_dates=True).write_parquet(path)
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    assert schema["split"]["train_rows"] + schema["split"]["holdout_rows"] == 200
    assert {feature["name"]: feature["type"] for feature in schema["features"]} == {
        "distance": "integer",
        "humid": "number",
        "carrier": "category",
        "weekend": "boolean",
        "built": "datetime",
    }
