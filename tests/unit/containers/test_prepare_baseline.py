"""What monitoring compares with, and the blocks by which it knows what is usual."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabular.blocks import FEWEST, MOST, ROWS, blocks
from tabular.schema import Schema
from tests.unit.containers.image_jobs import Job, table

START = datetime(2013, 1, 1)


def seasons(rows: int = 6000, days: int = 120) -> str:
    """Rows over a third of a year; it gets warmer, holes come in the second half, one category is rare."""
    chance = np.random.default_rng(0)
    lines = ["when,warmth,wind,carrier,weekend,late"]
    for row in range(rows):
        day = row * days / rows
        moment = START + timedelta(days=day)
        warmth = day / 10 + chance.normal(0, 1)
        wind = "" if day > days / 2 and chance.random() < 0.2 else f"{chance.normal(10, 3):.2f}"
        carrier = "ZZ" if row == 7 else ["AA", "B6", "UA"][int(chance.integers(3))]
        weekend = str(moment.weekday() > 4).lower()
        late = int(chance.random() < 0.3)
        lines.append(f"{moment.isoformat()},{warmth:.3f},{wind},{carrier},{weekend},{late}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The output of a job on rows that change with the season."""
    job = Job(tmp_path_factory.mktemp("baseline"))
    job.put("processing/input/data/a.csv", seasons().encode())
    done = job.run("prepare", "--target", "late", "--time", "when", "--holdout", "0.2")
    assert done.returncode == 0, done.stderr
    directory = job.ml / "processing/output/baseline"
    return directory, json.loads((directory / "statistics.json").read_text())


def test_the_sample_is_of_the_training_rows(written: tuple[Path, dict[str, Any]]) -> None:
    directory, statistics = written
    sample = pl.read_parquet(directory / "sample.parquet")
    train = pl.read_parquet(directory.parent / "train/train.parquet")
    schema = Schema.read(directory / "schema.json")
    assert sample.columns == [*schema.names, "late", "__block__"]
    assert sample.drop("__block__").rows() == train.select(*schema.names, "late").rows()
    assert (statistics["rows"], statistics["sample"]) == (train.height, sample.height)


def test_a_large_training_set_is_sampled_and_the_same_way_each_time(tmp_path: Path) -> None:
    found = []
    for name in ("one", "two"):
        job = Job(tmp_path / name)
        (job.ml / "processing").mkdir(parents=True)
        job.put("processing/input/data/a.csv", table(30_000).encode())
        assert job.run("prepare", "--target", "late", "--time", "when").returncode == 0
        sample = job.ml / "processing/output/baseline/sample.parquet"
        assert pl.read_parquet(sample).height <= 20_000
        found.append(sample.read_bytes())
    assert found[0] == found[1]
    assert pl.read_parquet(sample).height > 19_900


def test_distributions_are_of_the_columns_that_the_model_sees(written: tuple[Path, dict[str, Any]]) -> None:
    directory, statistics = written
    sample = pl.read_parquet(directory / "sample.parquet")
    assert list(statistics["features"]) == ["warmth", "wind", "carrier", "weekend"]
    wind, carrier = statistics["features"]["wind"], statistics["features"]["carrier"]
    assert wind["missing"] == pytest.approx(sample["wind"].null_count() / sample.height)
    assert sum(wind["counts"]) == sample["wind"].count()
    assert len(wind["counts"]) == len(wind["edges"]) + 1
    assert wind["edges"] == sorted(set(wind["edges"]))
    # About as many values lie in each bin.
    assert max(wind["counts"]) < 2 * sum(wind["counts"]) / len(wind["counts"])
    assert carrier["categories"]["ZZ"] == 1
    assert carrier["unseen_rate"] == pytest.approx(1 / sample.height)
    assert list(statistics["features"]["weekend"]["categories"]) == ["false", "true"]
    assert statistics["target"]["categories"].keys() == {"0", "1"}


def test_what_changes_with_the_season_is_usual(written: tuple[Path, dict[str, Any]]) -> None:
    _, statistics = written
    assert statistics["time"] == "when"
    assert FEWEST <= len(statistics["blocks"]) <= MOST
    assert all(block["rows"] >= ROWS for block in statistics["blocks"])
    natural = {name: each["natural"] for name, each in statistics["features"].items()}
    assert natural["warmth"]["ks"] > 0.7
    assert natural["warmth"]["psi"] > 1
    assert natural["wind"]["ks"] < 0.2
    assert 0.05 < natural["wind"]["missing"] < 0.3
    assert natural["carrier"]["ks"] is None
    assert natural["carrier"]["psi"] < 0.1


def test_constraints_are_what_training_saw(written: tuple[Path, dict[str, Any]]) -> None:
    features = json.loads((written[0] / "constraints.json").read_text())["features"]
    assert features["carrier"]["categories"] == ["AA", "B6", "UA", "ZZ"]
    assert features["wind"]["missing"] is True
    assert features["warmth"]["missing"] is False
    assert features["warmth"]["minimum"] < features["warmth"]["maximum"]
    assert features["weekend"]["categories"] == ["false", "true"]


def test_without_a_time_nothing_is_known_to_be_usual(job: Job) -> None:
    job.put("processing/input/data/a.csv", seasons().encode())
    assert job.run("prepare", "--target", "late", "--drop", "when").returncode == 0
    statistics = json.loads((job.ml / "processing/output/baseline/statistics.json").read_text())
    assert statistics["blocks"] == []
    assert {each["natural"] for each in statistics["features"].values()} == {None}


def test_the_users_code_goes_along(job: Job) -> None:
    code = "def prepare(table):\n    return table.with_columns(doubled=table['wind'] * 2)\n"
    code = code.replace("table['wind']", "nw.col('wind')")
    job.put("processing/input/code/features.py", f"import narwhals as nw\n\n\n{code}".encode())
    job.put("processing/input/data/a.csv", seasons().encode())
    done = job.run("prepare", "--target", "late", "--time", "when", "--code-prepare", "features:prepare")
    assert done.returncode == 0, done.stderr
    baseline = job.ml / "processing/output/baseline"
    assert (baseline / "code/features.py").is_file()
    assert "doubled" in json.loads((baseline / "statistics.json").read_text())["features"]


@pytest.mark.parametrize("layout", ["csv", "label-first"])
def test_models_that_are_not_ours_have_a_baseline_too(job: Job, layout: str) -> None:
    job.put("processing/input/data/a.csv", seasons().encode())
    done = job.run("prepare", "--target", "late", "--time", "when", "--layout", layout)
    assert done.returncode == 0, done.stderr
    assert (job.ml / "processing/output/baseline/sample.parquet").is_file()


@settings(max_examples=60, deadline=None)
@given(
    days=st.just(0.0) | st.floats(0.01, 2000),
    rows=st.integers(1, 12_000),
    power=st.floats(0.3, 3),
    dated=st.booleans(),
    holes=st.integers(0, 3),
)
def test_blocks_are_spans_of_time_with_enough_rows(
    days: float, rows: int, power: float, dated: bool, holes: int
) -> None:
    places = (days * np.linspace(0, 1, rows) ** power).tolist()
    known = [START + timedelta(days=place) for place in places] if dated else places
    holes = min(holes, rows)
    dtype = pl.Datetime("us") if dated else pl.Float64
    moments = pl.Series("when", [None] * holes + known[holes:], dtype=dtype)
    found = blocks(moments)
    if found is None:
        # Either the rows are too few, or they crowd in a few spans.
        assert rows < ROWS * MOST or power > 1.2 or power < 0.8 or days == 0
        return
    assert len(found) == rows
    assert found.dtype == pl.Int32
    table = pl.DataFrame({"when": moments, "block": found})
    assert table.filter(pl.col("when").is_null())["block"].null_count() == holes
    blocked = (
        table.drop_nulls("block")
        .group_by("block")
        .agg(pl.len(), first=pl.col("when").min(), last=pl.col("when").max())
        .sort("block")
    )
    assert blocked["block"].to_list() == list(range(blocked.height))
    assert FEWEST <= blocked.height <= MOST
    assert blocked["len"].min() >= ROWS  # type: ignore[operator]
    # One after the other, none inside another.
    assert blocked["first"].is_sorted()
    assert (blocked["last"].head(blocked.height - 1) <= blocked["first"].tail(blocked.height - 1)).all()


def test_blocks_are_weeks_where_there_are_enough_of_them() -> None:
    moments = pl.Series([START + timedelta(hours=hour / 4) for hour in range(4 * 24 * 70)])
    found = blocks(moments)
    assert found is not None
    assert found.max() == 9
    assert found.value_counts()["count"].to_list() == [4 * 24 * 7] * 10
