"""A forecast through the jobs: prepare, train, evaluate."""

import json
import shutil
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from tests.unit.containers.image_jobs import Job, pack

DAYS, HELD = 120, 24
PREPARE = (
    "--target", "sold", "--problem", "forecast", "--time", "day", "--series", "shop", "--holdout", "0.2",
)  # fmt: skip


def table(days: int = DAYS, *, after: int = 0) -> str:
    """Two shops with a weekly pattern; from day `after` on, where it is given, other values."""
    lines = ["day,shop,sold"]
    for day in range(days):
        for shop, size in (("east", 1), ("west", 10)):
            value = size * (50 + 10 * (day % 7) + (day * 37 + size) % 11)
            changed = value * 3 if after and day >= after else value
            lines.append(f"{date(2024, 1, 1) + timedelta(days=day)},{shop},{changed}")
    return "\n".join(lines) + "\n"


def trained(job: Job, text: str) -> None:
    """Prepare and train on a table."""
    job.put("processing/input/data/a.csv", text.encode())
    done = job.run("prepare", *PREPARE)
    assert done.returncode == 0, done.stderr
    output = job.ml / "processing/output"
    for channel in ("train", "schema"):
        shutil.copytree(output / channel, job.ml / "input/data" / channel)
    settings = {
        "target": "sold",
        "problem": "forecast",
        "algorithm": "forecast",
        "horizon": "7",
        "rounds": "20",
    }
    job.put("input/config/hyperparameters.json", json.dumps(settings).encode())
    done = job.run("train")
    assert done.returncode == 0, done.stderr


def evaluated(challenger: Job, champion: Job | None = None) -> dict[str, float]:
    """The metrics of the challenger on its own hold-out."""
    inputs = challenger.ml / "processing/input"
    pack(challenger.ml / "model", inputs / "model/model.tar.gz")
    if champion:
        pack(champion.ml / "model", inputs / "champion/model.tar.gz")
    for name in ("holdout", "schema"):
        shutil.copytree(challenger.ml / "processing/output" / name, inputs / name, dirs_exist_ok=True)
    done = challenger.run("evaluate", "--gate", "mase<=9", "--beats-champion")
    assert done.returncode == 0, done.stderr
    found = json.loads((challenger.ml / "processing/output/evaluation/metrics.json").read_text())
    return found["champion"]["metrics"] if champion else found["metrics"]  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A forecast that has been learnt."""
    job = Job(tmp_path_factory.mktemp("ordinary"))
    (job.ml / "processing").mkdir()
    trained(job, table())
    return job


def test_the_last_moments_of_every_series_are_held_out_and_kept_for_use(ordinary: Job) -> None:
    output = ordinary.ml / "processing/output"
    holdout = pl.read_parquet(output / "holdout/holdout.parquet")
    assert holdout.height == 2 * HELD
    assert pl.read_parquet(output / "schema/recent.parquet").equals(holdout)
    known = np.load(ordinary.ml / "model/history.npz", allow_pickle=False)
    assert len(known["values"]) == 2 * DAYS


def test_mase_is_scaled_by_the_naive_error_of_the_training_rows(ordinary: Job) -> None:
    found = evaluated(ordinary)
    output = ordinary.ml / "processing/output"
    train = pl.read_parquet(output / "train/train.parquet").sort("shop", "day")
    naive = train.with_columns(error=(pl.col("sold") - pl.col("sold").shift(7).over("shop")).abs())
    scales = naive.group_by("shop").agg(pl.col("error").mean()).sort("shop")["error"].to_list()
    # Of the two, west has errors of ten times the size, so that mae is nearly all hers.
    low, high = found["mae"] / max(scales), found["mae"] / min(scales)
    assert low < found["mase"] < high


def test_held_out_values_change_no_forecast_of_them(ordinary: Job, job: Job) -> None:
    trained(job, table(after=DAYS - HELD))
    ours, theirs = (
        pl.read_parquet(each.ml / "processing/output/train/train.parquet") for each in (ordinary, job)
    )
    assert ours.equals(theirs)
    assert (ordinary.ml / "model/model.txt").read_bytes() == (job.ml / "model/model.txt").read_bytes()
    plain, tripled = evaluated(ordinary), evaluated(job)
    truth = pl.read_parquet(ordinary.ml / "processing/output/holdout/holdout.parquet")["sold"].mean()
    # The truth is three times as large, and the forecasts have not moved.
    assert isinstance(truth, float)
    assert tripled["mae"] == pytest.approx(2 * truth, rel=0.2)
    assert plain["mae"] < 0.2 * truth


def test_the_champion_forecasts_from_what_it_knew_before_the_hold_out(ordinary: Job, job: Job) -> None:
    # The same data: the champion's own hold-out is that of the challenger, and it must not use it.
    trained(job, table())
    assert evaluated(job, ordinary) == evaluated(job)
    page = (job.ml / "processing/output/evaluation/report.html").read_text()
    assert "Actual and forecast" in page
    assert "west, the largest of the series" in page
