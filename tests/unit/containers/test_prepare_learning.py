"""What prepare learns, and from which rows."""

import json

import polars as pl
import pytest

from tests.unit.containers.image_jobs import Job, table

BY_TIME = ("--target", "late", "--time", "when")
BY_HASH = ("--target", "late", "--drop", "when")


def outputs(job: Job, text: str, *arguments: str) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, object]]:
    """Run prepare on one file: training rows, held-out rows and the schema."""
    job.put("processing/input/data/a.csv", text.encode())
    done = job.run("prepare", *arguments)
    assert done.returncode == 0, done.stderr
    output = job.ml / "processing/output"
    schema: dict[str, object] = json.loads((output / "schema/schema.json").read_text())
    train, holdout = (pl.read_parquet(output / side / f"{side}.parquet") for side in ("train", "holdout"))
    return train, holdout, schema


def test_the_future_is_held_out(job: Job) -> None:
    train, holdout, schema = outputs(job, table(500), *BY_TIME)
    assert train["when"].max() < holdout["when"].min()  # type: ignore[operator]
    assert 0.15 < holdout.height / 500 < 0.25
    assert schema["split"]["cut"] == str(holdout["when"].min())  # type: ignore[index]


def test_the_same_moment_is_never_on_both_sides(job: Job) -> None:
    header, *rows = table(100).splitlines()
    rows = ["2013-01-0" + ("1" if row < 50 else "2") + line[10:] for row, line in enumerate(rows)]
    rows = [line.replace(line[10:20], "T00:00:00Z") for line in rows]
    train, holdout, _ = outputs(job, "\n".join([header, *rows]), *BY_TIME)
    assert (train.height, holdout.height) == (50, 50)


def test_equal_rows_are_on_the_same_side_and_classes_keep_their_share(job: Job) -> None:
    header, *rows = table(400).splitlines()
    train, holdout, _ = outputs(job, "\n".join([header, *rows, *rows]), *BY_HASH)
    assert train.height + holdout.height == 800
    assert train.join(holdout, on=train.columns, how="semi", nulls_equal=True).is_empty()
    assert train["late"].cast(pl.Float64).mean() == pytest.approx(
        holdout["late"].cast(pl.Float64).mean(), abs=0.02
    )
    assert 0.17 < holdout.height / 800 < 0.23


def test_the_same_rows_give_the_same_bytes(job: Job) -> None:
    written = []
    for _ in range(2):
        outputs(job, table(400), *BY_HASH)
        files = sorted((job.ml / "processing/output").rglob("*.*"))
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]


def test_categories_are_learnt_from_training_rows_alone(job: Job) -> None:
    header, *rows = table(200).splitlines()
    rows[-1] = rows[-1].replace(rows[-1].split(",")[3], "ZZ")
    _, holdout, schema = outputs(job, "\n".join([header, *rows]), *BY_TIME)
    carrier = next(feature for feature in schema["features"] if feature["name"] == "carrier")  # type: ignore[attr-defined]
    assert carrier["categories"] == ["AA", "B6", "UA"]
    assert "ZZ" in holdout["carrier"].to_list()


def test_columns_that_teach_nothing_are_left_out_with_a_reason(job: Job) -> None:
    header, *rows = table(200).splitlines()
    rows = [f"{line},row {number},NA" for number, line in enumerate(rows)]
    _, _, schema = outputs(job, "\n".join([header + ",name,nothing", *rows]), *BY_TIME, "--drop", "built")
    reasons = {column["name"]: column["reason"] for column in schema["ignored"]}  # type: ignore[attr-defined]
    assert set(reasons) == {"built", "name", "nothing"}
    assert "identifies" in reasons["name"]
    assert "no value" in reasons["nothing"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("1", "2", "30"), "integer"),
        (("1", "2.5", "-3e2"), "number"),
        (("yes", "no", "NO"), "boolean"),
        (("2013-01-01", "2013-01-02 10:00", "2013-01-03T10:00:00.5+02:00"), "datetime"),
        (("1", "2", "x"), "category"),
        (("9007199254740993", "1", "2"), "number"),
    ],
)
def test_types(job: Job, values: tuple[str, ...], expected: str) -> None:
    header, *rows = table(90).splitlines()
    rows = [f"{line}, {values[number % 3]} " for number, line in enumerate(rows)]
    _, _, schema = outputs(job, "\n".join([header + ",extra", *rows]), *BY_TIME)
    types = {feature["name"]: feature["type"] for feature in schema["features"]}  # type: ignore[attr-defined]
    assert types["extra"] == expected


def test_classes_are_ordered_so_that_the_positive_one_is_last(job: Job) -> None:
    header, *rows = table(200).splitlines()
    rows = [line[:-1] + ("late" if line.endswith("1") else "in time") for line in rows]
    train, _, schema = outputs(job, "\n".join([header, *rows]), *BY_TIME)
    assert schema["classes"] == ["in time", "late"]
    assert set(train["late"].to_list()) == {0, 1}
