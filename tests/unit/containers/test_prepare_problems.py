"""Rankings, forecasts, and the layouts that other containers read."""

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from tabular.schema import Schema
from tests.unit.containers.image_jobs import Job, table


def ranked(rows: int = 400) -> str:
    """The usual table with a relevance and a query of 8 rows each."""
    header, *lines = table(rows).splitlines()
    return "\n".join([f"{header},query", *(f"{line},q{row // 8}" for row, line in enumerate(lines))])


def series(rows: int = 120) -> str:
    """Two shops and a value per day."""
    lines = ["day,shop,sold"]
    for row in range(rows):
        day = f"2020-{1 + row // 28:02}-{1 + row % 28:02}"
        lines += [f"{day},north,{row % 7 + 10}", f"{day},south,{row % 7 + 20}"]
    return "\n".join(lines)


def prepared(job: Job, text: str, *arguments: str) -> tuple[Path, Schema]:
    """Run prepare on one file."""
    job.put("processing/input/data/a.csv", text.encode())
    done = job.run("prepare", *arguments)
    assert done.returncode == 0, done.stderr
    output = job.ml / "processing/output"
    return output, Schema.read(output / "schema/schema.json")


def sides(output: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Training rows and hold-out."""
    return pl.read_parquet(output / "train/train.parquet"), pl.read_parquet(
        output / "holdout/holdout.parquet"
    )


RANKING = ("--target", "late", "--problem", "ranking", "--group", "query")


@pytest.mark.parametrize("time", [("--time", "when"), ("--drop", "when")])
def test_a_query_is_on_one_side(job: Job, time: tuple[str, str]) -> None:
    output, schema = prepared(job, ranked(), *RANKING, *time)
    train, holdout = sides(output)
    assert not set(train["query"]) & set(holdout["query"])
    assert 0.1 < holdout.height / 400 < 0.3
    assert schema.group == "query"
    assert not {"query", "when", "late"} & set(schema.names)
    assert {"query", "late"} <= schema.unused
    if time[0] == "--time":
        assert train["when"].max() < holdout["when"].max()  # type: ignore[operator]


def test_the_time_of_a_forecast_is_a_feature(job: Job) -> None:
    arguments = ("--target", "sold", "--problem", "forecast", "--time", "day", "--series", "shop")
    output, schema = prepared(job, series(), *arguments)
    train, holdout = sides(output)
    assert set(schema.names) == {"day", "shop"}
    assert schema.series == ("shop",)
    assert train["day"].max() < holdout["day"].min()  # type: ignore[operator]


def test_layouts_take_the_latest_tenth_out_and_keep_the_order_of_the_hold_out(job: Job) -> None:
    output, schema = prepared(job, table(500), "--target", "late", "--time", "when", "--layout", "csv")
    assert not (output / "train/train.parquet").exists()
    header, *train = csv.reader(io.StringIO((output / "train/train.csv").read_text()))
    same, *validation = csv.reader(io.StringIO((output / "validation/validation.csv").read_text()))
    assert header == same == ["late", *schema.names]
    assert len(train) + len(validation) == schema.split.train_rows
    assert len(validation) == round(schema.split.train_rows * 0.1)
    holdout = pl.read_parquet(output / "holdout/holdout.parquet")
    features = list(csv.reader(io.StringIO((output / "features/features.csv").read_text())))
    assert len(features) == holdout.height
    assert [row[header.index("carrier") - 1] for row in features] == holdout["carrier"].to_list()
    row = dict(zip(header, train[0], strict=True))
    assert row["late"] in ("0", "1")
    assert row["weekend"] in ("true", "false")
    assert row["built"] == "1990-05-01T00:00:00Z"
    assert row["humid"] == ""


def test_label_first_holds_numbers_alone(job: Job) -> None:
    output, schema = prepared(
        job, table(500), "--target", "late", "--time", "when", "--layout", "label-first"
    )
    lines = (output / "train/train.csv").read_text().splitlines()
    place = 1 + schema.names.index("carrier")
    for line in lines:
        cells = line.split(",")
        assert len(cells) == 1 + len(schema.names)
        assert cells[0] in ("0", "1")
        assert float(cells[place]) in (0.0, 1.0, 2.0)
        assert all(cell == "" or float(cell) is not None for cell in cells)
    assert any(",," in line for line in lines)
    first = (output / "features/features.csv").read_text().splitlines()[0]
    assert len(first.split(",")) == len(schema.names)


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        (ranked(), ("--target", "late", "--problem", "ranking"), "a ranking needs --group"),
        (ranked(), ("--target", "late", "--group", "query"), "a ranking needs --group"),
        (ranked(), (*RANKING[:-1], "search"), "no column 'search', which is the group"),
        (ranked(), (*RANKING, "--drop", "query"), "'query' is the group, so it cannot be dropped"),
        (ranked().replace(",1,q3\n", ",99,q3\n"), RANKING, "holds 99; a ranking needs relevances"),
        (
            ranked().replace(",1,q3\n", ",1,\n"),
            RANKING,
            "the column 'query', which is the group, has no value",
        ),
        (series(), ("--target", "sold", "--problem", "forecast"), "a forecast needs --time"),
        (series(), ("--target", "sold", "--time", "day", "--series", "shop"), "has no --series"),
        (
            series(),
            ("--target", "sold", "--problem", "forecast", "--time", "day"),
            "several rows with day 2020-01-01 00:00:00: a series has one value at a moment",
        ),
        (
            series(),
            ("--target", "shop", "--problem", "forecast", "--time", "day"),
            "holds category values; a forecast needs numbers",
        ),
    ],
)
def test_what_does_not_fit_the_problem(
    job: Job, text: str, arguments: tuple[str, ...], sentence: str
) -> None:
    job.put("processing/input/data/a.csv", text.encode())
    assert job.run("prepare", *arguments).returncode == 1
    message = (job.ml / "output/message").read_text()
    assert sentence in message
    assert "\n" not in message
