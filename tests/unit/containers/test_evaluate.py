"""Metrics, the verdict, and the whole job with and without a champion."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given
from hypothesis import strategies as st

from evaluate.gate import Gate, judge
from evaluate.metrics import metrics
from tests.unit.containers.image_jobs import Job, pack, table, train

AUC = ("--metric", "auc", "--at-least", "0.7", "--beats-champion", "--margin", "0.0")


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60))
def test_binary_metrics_are_those_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    truth = np.array([True, False, *(row[0] for row in rows)])
    score = np.array([0.5, 0.5, *(row[1] / 20 for row in rows)], dtype=np.float32)
    ours = metrics("binary", truth, score)
    assert ours["auc"] == pytest.approx(reference.roc_auc_score(truth, score))
    assert ours["average_precision"] == pytest.approx(reference.average_precision_score(truth, score))
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(truth, score >= 0.5))
    assert ours["f1"] == pytest.approx(reference.f1_score(truth, score >= 0.5, zero_division=0.0))
    assert ours["log_loss"] == pytest.approx(reference.log_loss(truth, score), rel=1e-4)
    assert ours["brier"] == pytest.approx(reference.brier_score_loss(truth, score))


def test_multiclass_and_regression_metrics_are_those_of_scikit_learn() -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, 4, 200)
    scores = chance.dirichlet(np.ones(4), 200)
    ours = metrics("multiclass", truth, scores)
    assert ours["accuracy"] == pytest.approx(reference.accuracy_score(truth, scores.argmax(1)))
    assert ours["f1_macro"] == pytest.approx(reference.f1_score(truth, scores.argmax(1), average="macro"))
    assert ours["log_loss"] == pytest.approx(reference.log_loss(truth, scores))
    value, guess = chance.normal(size=200), chance.normal(size=200)
    theirs = metrics("regression", value, guess)
    assert theirs["rmse"] == pytest.approx(reference.root_mean_squared_error(value, guess))
    assert theirs["mae"] == pytest.approx(reference.mean_absolute_error(value, guess))
    assert theirs["r2"] == pytest.approx(reference.r2_score(value, guess))


@pytest.mark.parametrize(
    ("gate", "value", "champion", "passed", "reason"),
    [
        (Gate("auc", 0.7, True), 0.71, None, True, "auc 0.7100 is at least 0.7 (none yet)"),
        (Gate("auc", 0.7, True), 0.69, None, False, "auc 0.6900 is not at least 0.7 (none yet)"),
        (Gate("auc", 0.7, True), 0.72, 0.71, True, "and beats the champion's 0.7100"),
        (Gate("auc", 0.7, True), 0.71, 0.71, True, "and equals the champion's 0.7100"),
        (
            Gate("auc", 0.7, True),
            0.71,
            0.72,
            False,
            "is at least 0.7 but does not beat the champion's 0.7200",
        ),
        (Gate("auc", 0.7, True), 0.60, 0.59, False, "is not at least 0.7 but beats the champion's 0.5900"),
        (Gate("auc", 0.7, True, 0.02), 0.73, 0.72, False, "does not beat the champion's 0.7200 by 0.02"),
        (Gate("auc", 0.7, False), 0.71, 0.90, True, "auc 0.7100 is at least 0.7"),
        (Gate("log_loss", 0.5, True), 0.40, 0.45, True, "log_loss 0.4000 is at most 0.5 and beats"),
        (Gate("log_loss", 0.5, True), 0.60, None, False, "log_loss 0.6000 is not at most 0.5"),
        (Gate("auc", 0.7, True), float("nan"), None, False, "is not at least 0.7"),
    ],
)
def test_verdict(gate: Gate, value: float, champion: float | None, passed: bool, reason: str) -> None:
    verdict = judge(gate, value, champion, "none yet")
    assert verdict.passed == passed
    assert reason in verdict.reason


def prepared(trained: Job, job: Job) -> Job:
    """The inputs of an evaluation without a champion."""
    pack(trained.ml / "model", job.ml / "processing/input/model/model.tar.gz")
    shutil.copytree(trained.ml / "processing/output/holdout", job.ml / "processing/input/holdout")
    job.put("processing/input/champion/NO_CHAMPION", b"none")
    return job


def result(job: Job) -> tuple[dict[str, object], str]:
    """metrics.json and the report."""
    output = job.ml / "processing/output/evaluation"
    document: dict[str, object] = json.loads((output / "metrics.json").read_text())
    return document, (output / "report.html").read_text()


def test_without_a_champion(trained: Job, job: Job) -> None:
    done = prepared(trained, job).run("evaluate", *AUC)
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    assert document["champion"] is None
    assert document["gate"]["passed"] == 1.0  # type: ignore[index]
    assert document["gate"]["champion_value"] is None  # type: ignore[index]
    assert document["metrics"]["auc"] == document["gate"]["value"]  # type: ignore[index]
    assert "Passed" in report


def test_the_report_loads_nothing_and_shows_the_figures(trained: Job, job: Job) -> None:
    prepared(trained, job).run("evaluate", *AUC)
    document, report = result(job)
    assert not re.search(r"(src|href)\s*=|url\(|@import|https?://", report)
    assert f"{document['gate']['value']:.4f}" in report  # type: ignore[index]
    assert report.count("<svg") >= 6


def test_against_a_champion(trained: Job, job: Job) -> None:
    prepared(trained, job)
    pack(trained.ml / "model", job.ml / "processing/input/champion/model.tar.gz")
    done = job.run("evaluate", *AUC[:-1], "0.01")
    assert done.returncode == 0, done.stderr
    document, report = result(job)
    assert document["champion"]["metrics"] == document["metrics"]  # type: ignore[index]
    assert document["gate"]["passed"] == 0.0  # type: ignore[index]
    assert "does not beat the champion's" in document["gate"]["reason"]  # type: ignore[index]
    assert "Rejected" in report


def test_a_champion_that_cannot_be_compared_does_not_stop_its_successor(trained: Job, job: Job) -> None:
    prepared(trained, job)
    job.put("processing/input/champion/model.tar.gz", b"broken")
    assert job.run("evaluate", *AUC).returncode == 0
    document, _ = result(job)
    assert document["gate"]["passed"] == 1.0  # type: ignore[index]
    assert "the champion cannot be compared" in document["gate"]["reason"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--metric", "rmse", "--at-most", "3"), "a binary model has no metric 'rmse'"),
        (("--metric", "auc", "--at-most", "0.7"), "auc is better when it is higher: use --at-least"),
    ],
)
def test_a_metric_that_does_not_fit(
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
    ("problem", "target", "metric"),
    [
        ("multiclass", "carrier", ("accuracy", "--at-least", "0")),
        ("regression", "humid", ("r2", "--at-least", "-9")),
    ],
)
def test_the_other_problems(
    job: Job, tmp_path: Path, problem: str, target: str, metric: tuple[str, str, str]
) -> None:
    lines = [line for line in table(600).splitlines() if ",," not in line]
    job.put("processing/input/data/a.csv", "\n".join(lines).encode())
    prepare = job.run("prepare", "--target", target, "--problem", problem, "--time", "when")
    assert prepare.returncode == 0, prepare.stderr
    train(job, target=target, problem=problem, rounds="10")
    evaluation = Job(tmp_path / "evaluation")
    (evaluation.ml / "processing").mkdir(parents=True)
    done = prepared(job, evaluation).run("evaluate", "--metric", *metric)
    assert done.returncode == 0, done.stderr
    document, report = result(evaluation)
    assert metric[0] in document["metrics"]  # type: ignore[operator]
    assert "</html>" in report
