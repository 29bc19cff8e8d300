"""Which rows are the last ones, by their own time and by that of their upload."""

import json
from calendar import monthrange
from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prepare import window
from prepare.arguments import Window
from prepare.sources import Source
from tabular.contract import DataError
from tests.unit.containers.image_jobs import Job

FIRST = datetime(2010, 1, 1)
MOMENTS = st.lists(st.datetimes(FIRST, datetime(2020, 12, 31)), min_size=1, max_size=60)


def months_before(moment: datetime, count: int) -> datetime:
    """The same day so many months ago, or the last one of that month."""
    month = moment.year * 12 + moment.month - 1 - count
    year, number = divmod(month, 12)
    day = min(moment.day, monthrange(year, number + 1)[1])
    return moment.replace(year=year, month=number + 1, day=day)


@settings(max_examples=80, deadline=None)
@given(moments=MOMENTS, count=st.integers(1, 60), unit=st.sampled_from(["months", "days"]))
def test_the_rows_after_the_first_moment_of_the_window_are_kept(
    moments: list[datetime], count: int, unit: str
) -> None:
    asked = Window(count, "months" if unit == "months" else "days", "time")
    latest = max(moments)
    first = months_before(latest, count) if unit == "months" else latest - timedelta(days=count)
    rows = pl.LazyFrame({"when": moments}, schema={"when": pl.Datetime("us")})
    kept = window.recent(rows, "when", asked).collect()["when"].to_list()
    assert kept == [moment for moment in moments if moment > first]


@settings(max_examples=50, deadline=None)
@given(moments=MOMENTS, days=st.integers(1, 900))
def test_files_of_the_last_uploads_are_kept(moments: list[datetime], days: int) -> None:
    sources = [Source(f"{place}.csv", "", 0, (), pl.LazyFrame()) for place in range(len(moments))]
    modified = {source.name: moment for source, moment in zip(sources, moments, strict=True)}
    kept = window.uploaded(sources, modified, Window(days, "days", "upload"))
    first = max(moments) - timedelta(days=days)
    assert [source.name for source in kept] == [name for name, moment in modified.items() if moment > first]


def test_numbers_have_no_months() -> None:
    rows = pl.LazyFrame({"when": [1.0, 2.0]})
    with pytest.raises(DataError, match="the time 'when' holds numbers, but the last 3 months are"):
        window.recent(rows, "when", Window(3, "months", "time"))


def test_uploads_that_nobody_listed_are_no_window() -> None:
    source = Source("a.csv", "", 0, (), pl.LazyFrame())
    with pytest.raises(DataError, match="start it with sageloop retrain"):
        window.uploaded([source], {}, Window(3, "months", "upload"))


def years(first: int, last: int) -> bytes:
    lines = ["when,size,late"]
    for year in range(first, last + 1):
        lines += [f"{year}-{1 + row % 12:02}-{1 + row % 28:02},{row % 17},{row % 2}" for row in range(240)]
    return "\n".join(lines).encode()


def test_a_window_by_time_leaves_out_old_rows_but_knows_their_files(job: Job) -> None:
    job.put("processing/input/data/old.csv", years(2010, 2014))
    job.put("processing/input/data/new.csv", years(2015, 2016))
    done = job.run("prepare", "--target", "late", "--time", "when", "--last", "12 months")
    assert done.returncode == 0, done.stderr
    output = job.ml / "processing/output"
    schema = json.loads((output / "schema/schema.json").read_text())
    assert schema["window"] == "12 months by time"
    assert schema["split"]["train_rows"] + schema["split"]["holdout_rows"] == 240
    assert schema["split"]["first"].startswith("2016-01")
    assert [(file["name"], file["rows"]) for file in schema["files"]] == [("new.csv", 480), ("old.csv", 1200)]


def test_a_window_by_upload_takes_whole_files(job: Job) -> None:
    for name, first, last in (("old.csv", 2010, 2014), ("new.csv", 2012, 2012)):
        job.put(f"processing/input/data/{name}", years(first, last))
    objects = [
        {"key": f"data/{name}.csv", "etag": name, "size": 1, "modified": modified}
        for name, modified in (("old", "2026-01-01T00:00:00+00:00"), ("new", "2026-03-05T12:00:00+02:00"))
    ]
    listed = {"format": 1, "bucket": "b", "objects": objects, "admitted": []}
    job.put("processing/input/snapshot/snapshot.json", json.dumps(listed).encode())
    done = job.run("prepare", "--target", "late", "--time", "when", "--last", "60 days", "--by", "upload")
    assert done.returncode == 0, done.stderr
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    assert schema["split"]["train_rows"] + schema["split"]["holdout_rows"] == 240
    assert len(schema["files"]) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--last", "a year"), "--last is 'a year'; it is a number of months or days"),
        (("--last", "0 days"), "--last is '0 days'"),
        (("--last", "3 months"), "--last needs --time"),
        (("--last", "3 months", "--by", "upload"), "start it with sageloop retrain"),
    ],
)
def test_what_is_no_window_is_one_sentence(job: Job, arguments: tuple[str, ...], sentence: str) -> None:
    job.put("processing/input/data/a.csv", years(2010, 2011))
    assert job.run("prepare", "--target", "late", *arguments).returncode == 1
    assert sentence in (job.ml / "output/message").read_text()
