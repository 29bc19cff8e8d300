"""The whole job: with and without a champion, of models that are not ours, and what the report shows."""

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.unit.containers.image_jobs import Job, pack, table, train

AUC = ("--gate", "auc>=0.7", "--beats-champion")


def prepared(trained: Job, job: Job) -> Job:
    """The inputs of an evaluation without a champion."""
    pack(trained.ml / "model", job.ml / "processing/input/model/model.tar.gz")
    shutil.copytree(trained.ml / "processing/output/holdout", job.ml / "processing/input/holdout")
    job.put("processing/input/champion/NO_CHAMPION", b"none")
    return job


def result(job: Job) -> tuple[dict[str, Any], str]:
    """metrics.json and the report."""
    output = job.ml / "processing/output/evaluation"
    document: dict[str, Any] = json.loads((output / "metrics.json").read_text())
    return document, (output / "report.html").read_text()


def test_without_a_champion(trained: Job, job: Job) -> None:
    done = prepared(trained, job).run("evaluate", *AUC)
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    assert document["champion"] is None
    assert document["gate"]["passed"] == 1.0
    assert document["gate"]["champion_value"] is None
    assert document["metrics"]["auc"] == document["gate"]["value"]
    assert "Passed" in report


def test_the_report_loads_nothing_and_shows_the_figures(trained: Job, job: Job) -> None:
    prepared(trained, job).run("evaluate", *AUC)
    document, report = result(job)
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", report)
    assert f"{document['gate']['value']:.4f}" in report
    assert report.count("<svg") >= 6


def test_against_a_champion(trained: Job, job: Job) -> None:
    prepared(trained, job)
    pack(trained.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    done = job.run("evaluate", *AUC, "--margin", "0.01")
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    assert document["champion"]["metrics"] == document["metrics"]
    assert document["gate"]["passed"] == 0.0
    assert "does not beat the champion's" in document["gate"]["reason"]
    assert "Rejected" in report


def test_a_champion_that_cannot_be_compared_does_not_stop_its_successor(trained: Job, job: Job) -> None:
    prepared(trained, job)
    job.put("processing/input/champion/model.tar.gz", b"broken")
    assert job.run("evaluate", *AUC).returncode == 0
    document, _ = result(job)
    assert document["gate"]["passed"] == 1.0
    assert "the champion cannot be compared" in document["gate"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--gate", "rmse<=3"), "a binary model has no metric 'rmse'; it has auc, average_precision"),
        (("--gate", "auc<=0.7"), "the metric auc is better when it is higher: use >="),
        (("--gate", "log_loss>=0.7"), "the metric log_loss is better when it is lower: use <="),
        (("--gate", "auc=0.7"), "--gate 'auc=0.7' is not of the form metric>=value or metric<=value"),
        (("--gate", "auc>=e"), "--gate 'auc>=e': 'e' is not a number"),
        ((*AUC, "--confidence", "9"), "--confidence is 9; it is from 0.5 up to, but not, 1"),
        ((*AUC, "--slice", "town"), "the hold-out has no column 'town'; it has when"),
        ((*AUC, "--fair", "parity:x<=1"), "--fair 'parity:x<=1' is not of the form criterion:column<=bound"),
        (
            ("--gate", "own:profit>=1"),
            "the code has no file own.py, which should hold the function profit",
        ),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    trained: Job, job: Job, arguments: tuple[str, ...], sentence: str
) -> None:
    assert prepared(trained, job).run("evaluate", *arguments).returncode == 1
    assert sentence in (job.ml / "output/message").read_text()


def test_names_from_the_data_cannot_break_the_report(job: Job, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    text = table(400).replace("carrier", evil).replace("B6", "<img onerror=x>")
    job.put("processing/input/data/a.csv", text.encode())
    assert job.run("prepare", "--target", "late", "--time", "when").returncode == 0
    train(job, rounds="5")
    target = Job(tmp_path / "evaluation")
    (target.ml / "processing").mkdir(parents=True)
    assert prepared(job, target).run("evaluate", *AUC).returncode == 0
    _, report = result(target)
    assert "&lt;script&gt;alert(1)" in report
    assert evil not in report
    assert "<img" not in report


@pytest.mark.parametrize(
    ("problem", "target", "gate"),
    [("multiclass", "carrier", "accuracy>=0"), ("regression", "humid", "r2>=-9")],
)
def test_the_other_problems(job: Job, tmp_path: Path, problem: str, target: str, gate: str) -> None:
    lines = [line for line in table(600).splitlines() if ",," not in line]
    job.put("processing/input/data/a.csv", "\n".join(lines).encode())
    prepare = job.run("prepare", "--target", target, "--problem", problem, "--time", "when")
    assert prepare.returncode == 0, prepare.stderr
    train(job, target=target, problem=problem, rounds="10")
    evaluation = Job(tmp_path / "evaluation")
    (evaluation.ml / "processing").mkdir(parents=True)
    done = prepared(job, evaluation).run("evaluate", "--gate", gate)
    assert done.returncode == 0, done.stderr
    document, report = result(evaluation)
    assert gate.partition(">")[0] in document["metrics"]
    scores = pl.read_parquet(evaluation.ml / "processing/output/evaluation/predictions.parquet")["score"]
    assert scores.dtype == (pl.List(pl.Float64) if problem == "multiclass" else pl.Float64)
    assert "</html>" in report


def test_several_gates_are_all_to_be_met(trained: Job, job: Job) -> None:
    gates = ("--gate", "auc>=0.7", "--gate", "accuracy>=0.999", "--gate", "brier<=0.001")
    assert prepared(trained, job).run("evaluate", *gates).returncode == 0
    document, _ = result(job)
    assert document["gate"]["passed"] == 0.0
    assert [gate["passed"] for gate in document["gates"]] == [True, False, False]
    reason = document["gate"]["reason"]
    assert "accuracy" in reason
    assert "is not at least 0.999; brier" in reason
    assert "auc" not in reason


def test_the_lead_over_a_champion_may_be_noise(trained: Job, job: Job, tmp_path: Path) -> None:
    """A champion that learnt with another seed from a sample of columns is about as good."""
    champion = Job(tmp_path / "champion")
    shutil.copytree(trained.ml / "processing/output", champion.ml / "processing/output")
    train(champion, subsample="0.8", seed="5")
    prepared(trained, job)
    pack(champion.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    done = job.run("evaluate", *AUC, "--confidence", "0.99", "--slice", "carrier", "--slice", "distance")
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    gate = document["gate"]
    assert gate["passed"] == 0.0
    assert gate["improvement_low"] < gate["improvement"]
    assert {each["column"] for each in document["slices"]} == {"carrier", "distance"}
    assert document["intervals"]["auc"]["confidence"] == 0.9
    assert ("How sure is the lead?" in report) == (gate["improvement"] != 0)


def test_a_metric_of_the_users_own(trained: Job, job: Job) -> None:
    code = b"""
import other

def profit(truth, predicted):
    return other.PRICE * (truth * (predicted > 0.5)).sum()
"""
    job.put("processing/input/code/features.py", code)
    job.put("processing/input/code/other.py", b"PRICE = 3\n")
    prepared(trained, job)
    pack(trained.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    arguments = (
        "--gate",
        "features:profit>=1e9",
        "--gate",
        "auc>=0.7",
        "--beats-champion",
        "--confidence",
        "0.8",
    )
    done = job.run("evaluate", *arguments)
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    profit = document["metrics"]["profit"]
    assert profit > 0
    assert profit % 3 == 0
    assert f"profit {profit:.4f} is not at least 1e+09" in document["gate"]["reason"]
    assert "features.py" in report


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            b"def profit(truth, predicted):\n    return 1 / 0\n",
            "own.py, profit, line 2: ZeroDivisionError: division by zero",
        ),
        (
            b"def profit(truth, predicted):\n    return 'much'\n",
            "own.py, profit returned str; a metric returns a number",
        ),
        (b"profit = 3\n", "own.py has no function 'profit'"),
        (b"import nothing_of_that_name\n", "own.py, line 1 cannot be imported: ModuleNotFoundError"),
    ],
)
def test_a_metric_of_the_users_own_that_fails(trained: Job, job: Job, code: bytes, sentence: str) -> None:
    job.put("processing/input/code/own.py", code)
    assert prepared(trained, job).run("evaluate", "--gate", "own:profit>=1").returncode == 1
    message = (job.ml / "output/message").read_text()
    assert sentence in message
    assert "internal error" not in message


def test_the_predictions_for_the_hold_out_are_kept(trained: Job, job: Job) -> None:
    done = prepared(trained, job).run("evaluate", *AUC)
    assert done.returncode == 0, done.stderr
    document, _ = result(job)
    found = pl.read_parquet(job.ml / "processing/output/evaluation/predictions.parquet")
    holdout = pl.read_parquet(job.ml / "processing/input/holdout/*.parquet")
    assert found["truth"].to_list() == holdout["late"].to_list()
    assert found["score"].dtype == pl.Float64
    assert found["score"].is_between(0, 1).all()
    # Too few rows for blocks of time.
    assert found.columns == ["score", "truth"]
    assert document["importance"].keys() == {"distance", "humid", "carrier", "weekend", "built"}
    assert sum(document["importance"].values()) == pytest.approx(1)


def test_predictions_of_a_model_that_is_not_ours(trained: Job, job: Job) -> None:
    """Without opening any model: the schema comes from prepare, the predictions from a batch transform."""
    inputs = job.ml / "processing/input"
    shutil.copytree(trained.ml / "processing/output/holdout", inputs / "holdout")
    shutil.copytree(trained.ml / "processing/output/schema", inputs / "schema")
    truth = pl.read_parquet(inputs / "holdout/*.parquet")["late"].to_list()
    chance = random.Random(0)  # noqa: S311
    for name, noise in (("predictions", 0.4), ("champion-predictions", 0.9)):
        lines = [f"{min(1, max(0, 0.3 + 0.4 * row + chance.gauss(0, noise)))}" for row in truth]
        job.put(f"processing/input/{name}/features.csv.out", "\n".join(lines).encode())
    done = job.run("evaluate", *AUC, "--confidence", "0.9", "--fair", "demographic_parity:carrier<=0.9")
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    assert document["gate"]["improvement_low"] > 0
    assert document["fairness"][0]["passed"] is True
    assert document["cost"] is None
    assert "A model of your own" in report
    assert document["importance"] is None
    job.put("processing/input/predictions/features.csv.out", b"0.5\n")
    assert job.run("evaluate", *AUC).returncode == 1
    assert "holds 1 predictions, but the hold-out has 240 rows" in (job.ml / "output/message").read_text()


def test_the_report_shows_trials_leakage_and_cost(job: Job, tmp_path: Path) -> None:
    lines = table(600).splitlines()
    told = ["told", *(f"{7 if line.endswith('1') else 1}.{row}" for row, line in enumerate(lines[1:]))]
    leaking = [",".join(both) for both in zip(lines, told, strict=True)]
    job.put("processing/input/data/a.csv", "\n".join(leaking).encode())
    assert job.run("prepare", "--target", "late", "--time", "when").returncode == 0
    train(job)
    evaluation = Job(tmp_path / "evaluation")
    (evaluation.ml / "processing").mkdir(parents=True)
    prepared(job, evaluation)
    for number in range(10):
        trial = {
            "hyperparameters": {"eta": f"{number + 1}e-2", "max_depth": str(3 + number % 4), "seed": "0"},
            "metrics": {"auc": 0.7 + 0.01 * number, "log_loss": 0.5},
            "curve": {}, "rounds": 10, "seconds": 30.0,
        }  # fmt: skip
        directory = tmp_path / f"trial{number}"
        directory.mkdir()
        (directory / "trial.json").write_text(json.dumps(trial))
        pack(directory, evaluation.ml / f"processing/input/trials/tune-{number:03}/output/model.tar.gz")
    evaluation.put("processing/input/trials/tune-999/output/model.tar.gz", b"broken")
    done = evaluation.run(
        "evaluate",
        "--gate",
        "auc>=0.7",
        "--seconds",
        "50",
        "--price",
        "36",
        "--project",
        "demo",
        "--image",
        "repo@sha256:12",
    )
    assert done.returncode == 0, done.stderr
    assert "tune-999/output/model.tar.gz cannot be read and is left out" in done.stdout
    document, report = result(evaluation)
    assert document["cost"]["tuning_seconds"] == 300
    assert document["cost"]["usd"] == pytest.approx((300 + 50) / 100)
    assert "told alone predicts late nearly perfectly (AUC 1.000)" in report
    assert "humid alone predicts" not in report
    for text in (
        "10 trials",
        "The best is trial 10",
        "Where the good trials lie",
        "by round",
        "Which way it moves",
    ):
        assert text in report
    assert re.search(r"eta</span>.*?\d+%", report)
