"""Two runs side by side."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from cli.outcome import LOWER_IS_BETTER
from tests.unit.cli.training_runs import PIPELINE, Runs

ROWS = (
    '<script>const rows = {"hits": [9, 6, 0], "alarms": [9, 2, 0], "positives": 9, "negatives": 9};</script>'
)
STEPS = ("Prepare", "Train", "Evaluate", "Gate", "Register")


@pytest.fixture
def runs(flights: boto3.Session, answers: Any) -> Runs:
    """Two runs of the same data; the second learnt with another depth and is better."""
    made = Runs(flights, answers)
    for id_, depth, auc in (("first0000001", "6", 0.72), ("second000001", "4", 0.75)):
        made.add(id_, *STEPS, max_depth=depth, eta="0.1")
        made.prepared(id_)
        made.trained(id_, max_depth=depth, eta="0.1")
        made.evaluated(id_, auc, low=auc - 0.01, high=auc + 0.01, report=ROWS)
    return made


def compared(sageloop: Any, *more: str) -> Any:
    result = sageloop("diff", "first", "second", "--json", *more)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_what_differs(sageloop: Any, runs: Runs) -> None:
    found = compared(sageloop)
    assert [pair["name"] for pair in found["hyperparameters"] if pair["differs"]] == ["max_depth"]
    assert [pair["name"] for pair in found["parameters"] if pair["differs"]] == ["max_depth"]
    assert found["same_holdout"]
    assert not any(pair["differs"] for pair in found["data"])
    metrics = {each["name"]: each for each in found["metrics"]}
    assert metrics["auc"]["difference"] == pytest.approx(0.03)
    assert (metrics["auc"]["better"], metrics["auc"]["apart"]) == ("second", True)
    assert [run["version"] for run in found["runs"]] == [1, 1]


def test_lower_losses_and_lower_costs_of_ones_own_are_better(sageloop: Any, runs: Runs) -> None:
    metrics = {each["name"]: each for each in compared(sageloop)["metrics"]}
    assert metrics["log_loss"]["better"] == "second"
    assert (metrics["cost"]["better"], metrics["cost"]["higher_is_better"]) == ("second", False)


def test_the_directions_are_those_of_the_evaluation() -> None:
    from declaration.metrics import METRICS
    from evaluate import metrics

    assert metrics.LOWER_IS_BETTER == LOWER_IS_BETTER
    assert {name for name, each in METRICS.items() if not each.higher_is_better} == LOWER_IS_BETTER


def test_a_person_sees_what_differs_and_how_much_does_not(sageloop: Any, runs: Runs) -> None:
    said = sageloop("diff", "first", "second").stdout
    assert "+0.0300" in said
    assert "the second" in said
    assert "and 1 that are the same" in said
    assert "Data: all 5 are the same" in said


def test_within_the_intervals_is_said(sageloop: Any, runs: Runs) -> None:
    runs.evaluated("second000001", 0.73, low=0.72, high=0.74)
    assert "the second, within the intervals" in sageloop("diff", "first", "second").stdout


def test_other_data_make_metrics_incomparable(sageloop: Any, runs: Runs) -> None:
    runs.prepared("second000001", digest="2" * 64)
    assert compared(sageloop)["same_holdout"] is False
    assert "judged on different rows" in sageloop("diff", "first", "second").stdout


def test_steps_that_were_not_repeated_are_found_where_they_ran(sageloop: Any, runs: Runs) -> None:
    source = f"{PIPELINE}/execution/first0000001"
    runs.add("third0000001", "Train", "Evaluate", source=source, max_depth="3", eta="0.1")
    runs.trained("third0000001", max_depth="3", eta="0.1")
    runs.evaluated("third0000001", 0.7, low=0.69, high=0.71)
    found = json.loads(sageloop("diff", "first", "third", "--json").stdout)
    assert found["same_holdout"]
    assert [each["better"] for each in found["metrics"] if each["name"] == "auc"] == ["first"]


def test_a_result_of_the_source_is_not_taken_for_one_s_own(sageloop: Any, runs: Runs) -> None:
    source = f"{PIPELINE}/execution/first0000001"
    runs.add("third0000001", "!Evaluate", source=source, status="Failed")
    runs.evaluated("third0000001", 0.7, low=0.69, high=0.71)
    found = json.loads(sageloop("diff", "first", "third", "--json").stdout)
    assert [each["second"] for each in found["metrics"] if each["name"] == "auc"] == [None]


def test_the_page_has_the_curves_of_both_and_needs_nothing_else(
    sageloop: Any, runs: Runs, tmp_path: Path
) -> None:
    page = tmp_path / "pages" / "diff.html"
    assert sageloop("diff", "first", "second", "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert "first0000001" in text
    assert text.count('<polyline class="line one"') == text.count('<polyline class="line two"') == 2
    assert "ROC" in text
    assert "http://" not in text and "https://" not in text


def test_the_page_does_without_curves_and_escapes_what_it_shows(
    sageloop: Any, runs: Runs, tmp_path: Path
) -> None:
    runs.evaluated("second000001", 0.73, low=0.72, high=0.74, report="<p>regression</p>")
    runs.trained("second000001", max_depth="<script>alert(1)</script>")
    page = tmp_path / "diff.html"
    assert sageloop("diff", "first", "second", "--html", str(page)).exit_code == 0
    text = page.read_text()
    assert "<polyline" not in text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("first", "first"), 1, "Both are run first0000001"),
        (("first", "nothing"), 1, "has no run nothing"),
        (("first", "second", "--html", "/proc/no/diff.html"), 1, "cannot be written"),
        (("first", "second", "--open"), 2, "--html"),
    ],
)
def test_wrong_calls(sageloop: Any, runs: Runs, arguments: tuple[str, ...], code: int, said: str) -> None:
    result = sageloop("diff", *arguments)
    assert (result.exit_code, said in " ".join(result.stderr.split())) == (code, True)
