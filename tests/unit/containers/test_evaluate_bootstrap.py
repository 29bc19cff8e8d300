"""Noise does not promote a model, and an improvement does."""

import numpy as np
import pytest

from evaluate.compare import compare
from evaluate.gate import Gate, judge
from evaluate.metrics import Rows
from evaluate.resampling import Resamples, interval

GATE = Gate("brier", 1.0, False, beats_champion=True, confidence=0.9)


def contest(seed: int, rows: int, gain: float) -> bool:
    """Whether a challenger that is as good as the champion, but for `gain`, is promoted."""
    chance = np.random.default_rng(seed)
    logit = chance.normal(size=rows)
    truth = chance.random(rows) < 1 / (1 + np.exp(-logit))
    champion, challenger = (
        1 / (1 + np.exp(-logit - chance.normal(0, noise, rows))) for noise in (1, 1 - gain)
    )
    both = [Rows("binary", truth, predicted) for predicted in (challenger, champion)]
    return judge(GATE, compare(both[0], both[1], ["brier"], {})["brier"]).passed


def test_of_equally_good_challengers_one_in_ten_is_promoted() -> None:
    promoted = np.mean([contest(seed, 400, 0.0) for seed in range(300)])
    # Three standard errors around one in ten.
    assert 0.048 < promoted < 0.152


def test_without_a_confidence_every_second_one_would_be() -> None:
    gate = Gate("auc", 0.0, True, beats_champion=True)
    chance = np.random.default_rng(0)
    passed = 0
    for _ in range(200):
        truth = chance.random(200) < 0.5
        both = [Rows("binary", truth, np.clip(truth * 0.2 + chance.random(200), 0, 1)) for _ in range(2)]
        passed += judge(gate, compare(both[0], both[1], ["auc"], {}, 200)["auc"]).passed
    assert 75 < passed < 125


def test_a_real_improvement_is_promoted() -> None:
    assert np.mean([contest(seed, 2000, 0.6) for seed in range(20)]) > 0.95


def test_the_interval_holds_the_true_value_as_often_as_it_says() -> None:
    held = 0
    for seed in range(300):
        sample = np.random.default_rng(seed).normal(3.0, 2.0, 150)
        rows = Rows("regression", sample, np.zeros(150))
        found = compare(rows, None, ["rmse"], {}, 400)["rmse"].interval(0.9)
        assert found is not None
        held += found.low <= np.sqrt(13.0) <= found.high
    assert 0.85 <= held / 300 <= 0.95


def test_the_area_under_the_curve_varies_as_delong_says() -> None:
    # DeLong et al., Comparing the areas under two or more correlated ROC curves (1988).
    chance = np.random.default_rng(1)
    truth = chance.random(1500) < 0.3
    models = [truth + chance.normal(0, 1.5, 1500) for _ in range(2)]
    parts = []
    for score in models:
        wins = (score[truth][:, None] > score[~truth][None, :]).astype(float)
        parts.append((wins.mean(axis=1), wins.mean(axis=0)))
    spread = sum(np.var(parts[0][side] - parts[1][side], ddof=1) / len(parts[0][side]) for side in (0, 1))
    both = [Rows("binary", truth, 1 / (1 + np.exp(-score))) for score in models]
    found = compare(both[0], both[1], ["auc"], {})["auc"]
    assert found.champion_replicates is not None
    assert np.std(found.replicates - found.champion_replicates) == pytest.approx(np.sqrt(spread), rel=0.08)


def test_the_same_rows_give_the_same_verdict() -> None:
    first, second = ([block.copy() for block in Resamples(50).blocks()] for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_a_row_counts_once_on_average_with_the_variance_of_chance() -> None:
    weights = np.concatenate(list(Resamples(1000).blocks()))
    assert weights.mean() == pytest.approx(1, abs=0.005)
    assert weights.var() == pytest.approx(1, abs=0.01)


def test_rows_of_a_query_are_drawn_together() -> None:
    chance = np.random.default_rng(0)
    query = np.repeat(np.arange(40), 10)
    relevance, score = chance.integers(0, 3, 400).astype(float), chance.normal(size=400)
    rows = Rows("ranking", relevance, score, query)
    found = compare(rows, None, ["ndcg"], {})["ndcg"]
    each = [compare(rows.among(query == number), None, ["ndcg"], {}, 1)["ndcg"].value for number in range(40)]
    assert found.value == pytest.approx(np.mean(each))
    assert np.std(found.replicates) == pytest.approx(np.std(each) / np.sqrt(40), rel=0.1)


def test_equal_models_are_equal_in_every_resample() -> None:
    truth = np.arange(100) % 2 == 0
    rows = Rows("binary", truth, np.linspace(0, 1, 100))
    verdict = judge(GATE, compare(rows, rows, ["brier"], {})["brier"])
    assert verdict.passed
    assert verdict.reason.endswith(f"equals the champion's {verdict.champion_value:.4f}")


def test_nothing_can_be_said_without_a_finite_replicate() -> None:
    assert interval(np.array([np.nan]), 0.9) is None
