"""Trainings that go on from the reigning model, and those that cannot."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tabular import artifact
from tabular.encoding import matrix
from tests.unit.containers.image_jobs import Job, pack, table

ARGUMENTS = ("--target", "late", "--problem", "binary", "--time", "when", "--warm")
SETTINGS: dict[str, dict[str, object]] = {
    "xgboost": {"rounds": 20, "eta": 0.3},
    "lightgbm": {"rounds": 20, "learning_rate": 0.3},
    "mlp": {"epochs": 60, "hidden_size": 16, "batch_size": 32},
}


def prepared(directory: Path, champion: Job | None = None, *, days: int = 1, other: str = "") -> Job:
    """A training set of so many files, in the order of the champion's columns if there is one."""
    job = Job(directory)
    (job.ml / "processing").mkdir(parents=True)
    for day in range(days):
        text = table(500, day, day=1 + day)
        job.put(
            f"processing/input/data/{day}.csv",
            (text.replace("UA", other) if day and other else text).encode(),
        )
    if champion:
        pack(champion.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    done = job.run("prepare", *ARGUMENTS)
    assert done.returncode == 0, done.stderr
    return job


def trained(job: Job, algorithm: str, champion: Job | None = None, **more: Any) -> tuple[Job, str]:
    """Train on what was prepared; with a champion the job has the channel for it."""
    for channel, file in (("train", "train.parquet"), ("schema", "schema.json")):
        content = (job.ml / "processing/output" / channel / file).read_bytes()
        job.put(f"input/data/{channel}/{file}", content)
    settings = {"target": "late", "algorithm": algorithm, **SETTINGS[algorithm], **more}
    texts = {name: str(value) for name, value in settings.items()}
    job.put("input/config/hyperparameters.json", json.dumps(texts).encode())
    if champion:
        pack(champion.ml / "model", job.ml / "input/data/champion/model.tar.gz")
    shutil.rmtree(job.ml / "model", ignore_errors=True)
    done = job.run("train")
    assert done.returncode == 0, done.stderr
    return job, done.stdout


@pytest.fixture(scope="module", params=SETTINGS)
def reigning(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Job]:
    """A model of one file."""
    algorithm = request.param
    job = prepared(tmp_path_factory.mktemp(algorithm) / "job")
    return algorithm, trained(job, algorithm)[0]


def trees(job: Job, algorithm: str) -> int:
    model = artifact.load(job.ml / "model").model
    booster = model.booster  # type: ignore[attr-defined]
    return int(booster.num_boosted_rounds() if algorithm == "xgboost" else booster.current_iteration())


def test_a_training_goes_on_from_the_reigning_model(reigning: tuple[str, Job], tmp_path: Path) -> None:
    algorithm, champion = reigning
    job, said = trained(prepared(tmp_path / "job", champion, days=2), algorithm, champion, warm_rounds=3)
    before, after = (artifact.load(each.ml / "model") for each in (champion, job))
    assert f"going on from the reigning model, sha256 {before.digest}" in said
    assert (after.origin.warm_start, after.origin.cold_start) == (before.digest, None)
    assert 1 <= after.origin.rounds <= 3
    if algorithm != "mlp":
        assert trees(job, algorithm) == trees(champion, algorithm) + after.origin.rounds
    # Three rounds from nothing would be worse.
    assert after.origin.metrics["auc"] > 0.75


def test_it_is_the_same_model_each_time(reigning: tuple[str, Job], tmp_path: Path) -> None:
    algorithm, champion = reigning
    job = prepared(tmp_path / "job", champion, days=2)
    found = []
    for _ in range(2):
        trained(job, algorithm, champion)
        found.append({path.name: path.read_bytes() for path in (job.ml / "model").iterdir()})
    assert found[0] == found[1]


def test_categories_that_came_since_are_learnt_behind_the_others(
    reigning: tuple[str, Job], tmp_path: Path
) -> None:
    algorithm, champion = reigning
    # In the order of the alphabet it would come first, and all places would change.
    job, said = trained(prepared(tmp_path / "job", champion, days=3, other="A0"), algorithm, champion)
    assert "going on" in said
    after = artifact.load(job.ml / "model")
    carrier = next(feature for feature in after.schema.features if feature.name == "carrier")
    assert carrier.categories == ("AA", "B6", "UA", "A0")
    rows = pl.read_parquet(job.ml / "processing/output/holdout/holdout.parquet")
    assert "A0" in rows["carrier"].to_list()
    assert np.isfinite(after.model.predict(matrix(rows, after.schema))).all()


def test_a_model_with_other_columns_is_no_start(reigning: tuple[str, Job], tmp_path: Path) -> None:
    algorithm, champion = reigning
    job = Job(tmp_path / "job")
    (job.ml / "processing").mkdir(parents=True)
    job.put("processing/input/data/0.csv", table(500).replace("humid", "wet").encode())
    assert job.run("prepare", *ARGUMENTS).returncode == 0
    job, said = trained(job, algorithm, champion)
    assert "training from nothing: the reigning model has other columns" in said
    origin = artifact.load(job.ml / "model").origin
    assert (origin.warm_start, origin.cold_start) == (None, "the reigning model has other columns")


def test_without_a_reigning_model_training_begins_from_nothing(tmp_path: Path) -> None:
    job = prepared(tmp_path / "job")
    job.put("input/data/champion/no-champion.txt", b"none")
    said = trained(job, "xgboost", warm_rounds=1)[1]
    assert "training from nothing: there is no reigning model yet" in said
    # The limit is for going on alone.
    assert artifact.load(job.ml / "model").origin.rounds > 1


@pytest.mark.parametrize(
    ("algorithm", "before", "after", "reason"),
    [
        ("lightgbm", {}, {}, "the reigning model is one of xgboost, and this training is one of lightgbm"),
        ("mlp", {"hidden_size": 16}, {"hidden_size": 8}, "hidden_size is no longer what the reigning model"),
    ],
)
def test_a_model_of_another_make_is_no_start(
    tmp_path: Path, algorithm: str, before: dict[str, Any], after: dict[str, Any], reason: str
) -> None:
    champion = trained(prepared(tmp_path / "one"), "mlp" if before else "xgboost", **before)[0]
    job = prepared(tmp_path / "two", champion, days=2)
    assert f"training from nothing: {reason}" in trained(job, algorithm, champion, **after)[1]


def test_a_damaged_model_is_no_start(tmp_path: Path) -> None:
    job = prepared(tmp_path / "job")
    job.put("input/data/champion/model.tar.gz", b"broken")
    assert "the reigning model cannot be loaded" in trained(job, "xgboost")[1]


def test_without_a_warm_start_the_order_is_that_of_the_alphabet(tmp_path: Path) -> None:
    champion = trained(prepared(tmp_path / "one"), "xgboost")[0]
    job = prepared(tmp_path / "two", champion, days=3, other="A0")
    assert job.run("prepare", *ARGUMENTS[:-1]).returncode == 0
    schema = json.loads((job.ml / "processing/output/schema/schema.json").read_text())
    (carrier,) = [feature for feature in schema["features"] if feature["name"] == "carrier"]
    assert carrier["categories"] == ["A0", "AA", "B6", "UA"]
