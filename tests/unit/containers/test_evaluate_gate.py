"""The verdict's sentence, slices, and fairness."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from evaluate.compare import Comparison
from evaluate.fairness import Fair, fairness
from evaluate.gate import Gate, judge
from evaluate.grouping import groups
from evaluate.metrics import Rows
from evaluate.slices import reasons, slices
from tabular.contract import DataError

AUC = Gate("auc", 0.7, True, beats_champion=True)
SURE = Gate("auc", 0.7, True, beats_champion=True, confidence=0.9)


def compared(value: float, champion: float | None = None, spread: float = 0.001) -> Comparison:
    """Replicates spread evenly around the two values, the champion's without any noise."""
    around = np.linspace(-spread, spread, 1001)
    return Comparison(value, value + around, champion, None if champion is None else np.full(1001, champion))


@pytest.mark.parametrize(
    ("gate", "value", "champion", "passed", "reason"),
    [
        (AUC, 0.71, None, True, "auc 0.7100 is at least 0.7 (none yet)"),
        (AUC, 0.69, None, False, "auc 0.6900 is not at least 0.7 (none yet)"),
        (AUC, 0.72, 0.71, True, "and beats the champion's 0.7100"),
        (AUC, 0.71, 0.71, True, "and equals the champion's 0.7100"),
        (AUC, 0.71, 0.72, False, "is at least 0.7 but does not beat the champion's 0.7200"),
        (AUC, 0.60, 0.59, False, "is not at least 0.7 but beats the champion's 0.5900"),
        (Gate("auc", 0.7, True, True, 0.02), 0.73, 0.72, False, "not beat the champion's 0.7200 by 0.02"),
        (Gate("auc", 0.7, True), 0.71, 0.90, True, "auc 0.7100 is at least 0.7"),
        (Gate("log_loss", 0.5, False, True), 0.40, 0.45, True, "log_loss 0.4000 is at most 0.5 and beats"),
        (Gate("log_loss", 0.5, False, True), 0.60, None, False, "log_loss 0.6000 is not at most 0.5"),
        (AUC, float("nan"), None, False, "is not at least 0.7"),
        (SURE, 0.7205, 0.7200, False, "could be as low as -0.0003, which is less than none at all"),
        (SURE, 0.7220, 0.7200, True, "beats the champion's 0.7200 by 0.0020 (90% sure: by at least 0.0012)"),
        (Gate("auc", 0.7, True, True, 0.002, 0.9), 0.7225, 0.7200, False, "less than the 0.002 asked for"),
        (Gate("features:profit", 9, True), 10, None, True, "profit 10.0000 is at least 9"),
    ],
)
def test_verdict(gate: Gate, value: float, champion: float | None, passed: bool, reason: str) -> None:
    verdict = judge(gate, compared(value, champion), "none yet")
    assert verdict.passed == passed
    assert reason in verdict.reason


def people(rows: int = 4000) -> tuple[pl.DataFrame, np.ndarray, np.ndarray, np.ndarray]:
    """A table with groups, the truth, and the predictions of a good and of an equally good model."""
    chance = np.random.default_rng(3)
    truth = chance.random(rows) < 0.4
    good, other = (1 / (1 + np.exp(-(2 * truth - 1 + chance.normal(0, 1, rows)))) for _ in range(2))
    table = pl.DataFrame(
        {
            "city": chance.choice(["Bern", "Basel", "Chur"], rows),
            "age": chance.integers(18, 90, rows),
            "late": truth,
        }
    ).with_columns(pl.when(pl.int_range(rows) < 12).then(pl.lit("Olten")).otherwise("city").alias("city"))
    return table, truth, good, other


def judged(
    table: pl.DataFrame, truth: np.ndarray, ours: np.ndarray, theirs: np.ndarray
) -> tuple[list[Any], list[str]]:
    rivals = Rows("binary", truth, ours), Rows("binary", truth, theirs)
    found = slices(table, ["city", "age"], rivals, SURE, {}, 0.02)
    return [(each.column, each.value, each.passed) for each in found], reasons(found, SURE, 0.02)


def test_slices_of_equally_good_models_pass_and_small_ones_are_not_judged() -> None:
    table, truth, good, other = people()
    found, sentences = judged(table, truth, good, other)
    assert sentences == []
    assert ("city", "Olten", None) in found
    assert [value for column, value, _ in found if column == "city"] == ["Basel", "Bern", "Chur", "Olten"]
    assert sum(column == "age" for column, _, _ in found) == 4


def test_a_slice_that_got_worse_is_named_with_its_values() -> None:
    table, truth, good, other = people()
    bad = np.where(table["city"] == "Chur", np.random.default_rng(0).random(len(truth)), good)
    found, sentences = judged(table, truth, bad, other)
    assert ("city", "Chur", False) in found
    assert ("city", "Bern", True) in found
    assert sentences[0].startswith("auc on city = Chur (")
    assert "worse than the champion's 0.9" in sentences[0]
    assert sentences[0].endswith("by more than 0.02")


def test_a_column_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match="the hold-out has no column 'town'; it has city"):
        groups(people()[0], "town")


def test_groups_hold_every_row_once() -> None:
    table = pl.DataFrame({"x": [None, *range(100)], "c": [None, *(f"v{row % 20:02}" for row in range(100))]})
    for column in table.columns:
        found = groups(table, column)
        assert sorted(np.concatenate([each.rows for each in found]).tolist()) == list(range(101))
        assert found[-1].value == "missing"
    assert groups(table, "x")[0].value == "0 to 25"
    assert groups(table, "c")[-2].value == "other"


# Two groups of ten rows. A: 4 positive, 3 of them found, 1 false alarm. B: 5 positive, 2 found, 3 alarms.
SEX = pl.DataFrame({"sex": ["A"] * 10 + ["B"] * 10})
TRUTH = np.array([1] * 4 + [0] * 6 + [1] * 5 + [0] * 5)
SCORE = np.array([0.9] * 3 + [0.1] + [0.8] + [0.2] * 5 + [0.7] * 2 + [0.3] * 3 + [0.5] * 3 + [0.4] * 2)


@pytest.mark.parametrize(
    ("criterion", "difference"),
    [
        ("demographic_parity", 5 / 10 - 4 / 10),
        ("equal_opportunity", 3 / 4 - 2 / 5),
        ("equalized_odds", max(3 / 4 - 2 / 5, 3 / 5 - 1 / 6)),
    ],
)
def test_fairness_by_hand(criterion: str, difference: float) -> None:
    found = fairness(SEX, Rows("binary", TRUTH, SCORE), Fair.parse(f"{criterion}:sex<=0.2"))
    assert found.difference == pytest.approx(difference)
    assert found.passed == (difference <= 0.2)
    assert f"{criterion} difference between groups of sex is {difference:.4f} (" in found.reason


def test_fairness_by_the_formulas_of_fairlearn() -> None:
    """MetricFrame.difference: the largest minus the smallest by group; equalized odds takes the worse."""
    table, truth, good, _ = people()
    chosen = good >= 0.5
    frame = pl.DataFrame({"city": table["city"], "chosen": chosen, "truth": truth})
    rate = pl.col("chosen").mean()
    selected = frame.group_by("city").agg(rate)["chosen"]
    found = frame.filter("truth").group_by("city").agg(rate)["chosen"]
    alarmed = frame.filter(~pl.col("truth")).group_by("city").agg(rate)["chosen"]
    expected = {
        "demographic_parity": np.ptp(selected.to_numpy()),
        "equal_opportunity": np.ptp(found.to_numpy()),
        "equalized_odds": max(np.ptp(found.to_numpy()), np.ptp(alarmed.to_numpy())),
    }
    for criterion, difference in expected.items():
        asked = Fair.parse(f"{criterion}:city<=1")
        assert fairness(table, Rows("binary", truth, good), asked).difference == pytest.approx(difference)


@pytest.mark.parametrize("text", ["parity:sex<=0.1", "demographic_parity<=0.1", "equalized_odds:sex<=much"])
def test_a_criterion_that_is_not_one(text: str) -> None:
    with pytest.raises(DataError, match="is not of the form criterion:column<=bound with one of"):
        Fair.parse(text)
