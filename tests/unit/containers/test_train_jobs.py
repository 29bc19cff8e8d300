"""Training jobs of every kind, trials, and jobs that are killed."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from serve.model import Model
from tabular import artifact
from tests.unit.containers.image_jobs import IMAGE, Job, table


def handed(job: Job, prepared: Job, **hyperparameters: object) -> Job:
    """A training job on what another job prepared."""
    for channel, file in (("train", "train.parquet"), ("schema", "schema.json")):
        job.put(
            f"input/data/{channel}/{file}", (prepared.ml / "processing/output" / channel / file).read_bytes()
        )
    texts = {name: str(value) for name, value in {"target": "late", **hyperparameters}.items()}
    job.put("input/config/hyperparameters.json", json.dumps(texts).encode())
    return job


@pytest.mark.parametrize("algorithm", ["lightgbm", "linear", "forest", "mlp"])
def test_every_algorithm_trains_from_the_same_channels(trained: Job, job: Job, algorithm: str) -> None:
    done = handed(job, trained, algorithm=algorithm).run("train")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    model = artifact.load(job.ml / "model")
    assert model.origin.algorithm == algorithm
    assert model.origin.metrics["auc"] > 0.75
    assert artifact.algorithm(job.ml / "model") == algorithm
    served = Model(job.ml / "model")
    read = served.codec.read(b"500,0.8,B6,true,2000-05-01\n2500,0.1,AA,no,1999-05-01", "text/csv")
    rows, _ = served.encoded([read])
    together = served.predict(rows)
    assert together[0] > together[1]
    for place in (0, 1):
        assert served.predict(rows[place : place + 1]) == pytest.approx(together[place], rel=1e-6)


def test_a_trial_leaves_its_figures_alone(trained: Job, job: Job) -> None:
    handed(job, trained, refit="false", eta=0.3, rounds=40, _tuning_objective_metric="validation:auc")
    done = job.run("train")
    assert done.returncode == 0, done.stderr
    assert [file.name for file in (job.ml / "model").iterdir()] == ["trial.json"]
    trial = json.loads((job.ml / "model/trial.json").read_text())
    origin = artifact.load(trained.ml / "model").origin
    assert trial.keys() == {"hyperparameters", "metrics", "curve", "rounds", "seconds"}
    assert trial["metrics"] == origin.metrics
    assert trial["rounds"] == origin.rounds
    assert trial["hyperparameters"]["eta"] == "0.3"


LONG: dict[str, dict[str, float]] = {
    # So slow and with so much patience that a checkpoint is written before the end.
    "xgboost": {
        "eta": 0.01,
        "rounds": 1500,
        "early_stopping": 1500,
        "subsample": 0.7,
        "colsample_bytree": 0.7,
    },
    "mlp": {"epochs": 60, "early_stopping": 60, "hidden_size": 256, "hidden_layers": 3},
}


SHORT: dict[str, dict[str, float]] = {"xgboost": {"seed": 1, "rounds": 3}, "mlp": {"seed": 1, "epochs": 1}}


@pytest.mark.parametrize("algorithm", LONG)
def test_a_training_that_is_killed_ends_with_the_same_model(
    trained: Job, tmp_path: Path, algorithm: str
) -> None:
    settings: dict[str, object] = {"algorithm": algorithm, **LONG[algorithm]}
    whole = handed(Job(tmp_path / "whole"), trained, **settings)
    assert whole.run("train").returncode == 0
    killed = handed(Job(tmp_path / "killed"), trained, **settings)
    checkpoint = killed.ml / "checkpoints/checkpoint"
    checkpoint.parent.mkdir()
    process = subprocess.Popen(
        [str(IMAGE / "bin/train")], env=killed.environment(), stdout=subprocess.DEVNULL
    )
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    assert process.poll() is None, "the training ended before its first checkpoint"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed.ml / "model").exists()
    done = killed.run("train")
    assert done.returncode == 0, done.stderr
    assert "going on from the checkpoint after" in done.stdout
    file = "model.ubj" if algorithm == "xgboost" else "model.npz"
    assert (killed.ml / "model" / file).read_bytes() == (whole.ml / "model" / file).read_bytes()
    origins = [artifact.load(one.ml / "model").origin for one in (whole, killed)]
    assert origins[0].curve == origins[1].curve
    # With another seed the checkpoint is worth nothing.
    handed(killed, trained, **(settings | SHORT[algorithm]))
    assert "this one starts at the beginning" in killed.run("train").stdout


def test_a_ranking_from_files_to_a_model(job: Job) -> None:
    header, *rows = table(900).splitlines()
    lines = [f"{line[:-1]}{int(line[-1]) * (1 + row % 3)},q{row // 12}" for row, line in enumerate(rows)]
    job.put("processing/input/data/a.csv", "\n".join([f"{header},query", *lines]).encode())
    arguments = ("--target", "late", "--problem", "ranking", "--group", "query", "--drop", "when")
    done = job.run("prepare", *arguments)
    assert done.returncode == 0, done.stderr
    for algorithm in ("xgboost", "lightgbm"):
        done = handed(job, job, algorithm=algorithm, problem="ranking", rounds=30).run("train")
        assert done.returncode == 0, done.stderr
        assert artifact.load(job.ml / "model").origin.metrics["ndcg"] > 0.7
