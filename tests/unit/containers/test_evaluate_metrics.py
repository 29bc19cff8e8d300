"""The metrics against scikit-learn, and the weighted ones against rows that are really repeated."""

import numpy as np
import pytest
import sklearn.metrics as reference
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluate.metrics import NAMES, Rows, measure, metrics
from tabular.schema import Problem

PROBLEMS: list[Problem] = ["binary", "multiclass", "regression", "forecast"]


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


def test_macro_f1_leaves_out_a_class_that_is_neither_there_nor_predicted() -> None:
    truth, scores = np.array([0, 1, 0, 1]), np.eye(3)[[0, 1, 1, 1]]
    expected = reference.f1_score(truth, scores.argmax(1), average="macro")
    assert metrics("multiclass", truth, scores)["f1_macro"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 4)), min_size=2, max_size=50))
def test_ranking_metrics_are_those_of_scikit_learn_for_each_query(rows: list[tuple[int, int, int]]) -> None:
    query, relevance, score = (np.array(column) for column in zip(*rows, strict=True))
    _, query = np.unique(query, return_inverse=True)
    ours = metrics("ranking", relevance.astype(float), score.astype(float), groups=query)
    gains, precisions = [], []
    for number in range(query.max() + 1):
        mine = query == number
        hit = relevance[mine] > 0
        one = mine.sum() == 1
        # scikit-learn refuses a query of one row, whose order is perfect if there is anything to find.
        gains.append(float(hit[0]) if one else reference.ndcg_score([relevance[mine]], [score[mine]]))
        precisions.append(reference.average_precision_score(hit, score[mine]) if hit.any() else 0.0)
    assert ours["ndcg"] == pytest.approx(np.mean(gains))
    assert ours["map"] == pytest.approx(np.mean(precisions))


def test_forecast_metrics_by_hand() -> None:
    truth, guess = np.array([10.0, 20.0, 1.0, 3.0]), np.array([12.0, 19.0, 2.0, 3.0])
    ours = metrics("forecast", truth, guess, scale=np.array([10.0, 10.0, 2.0, 2.0]))
    assert ours["wape"] == pytest.approx(4 / 34)
    assert ours["mase"] == pytest.approx((0.2 + 0.1 + 0.5 + 0) / 4)
    assert ours["mae"] == pytest.approx(1.0)
    assert ours["rmse"] == pytest.approx(np.sqrt(6 / 4))


@settings(max_examples=40)
@given(st.data())
def test_a_weight_is_the_number_of_times_that_a_row_counts(data: st.DataObject) -> None:
    size = data.draw(st.integers(8, 40))
    chance = np.random.default_rng(data.draw(st.integers(0, 1000)))
    weights = chance.poisson(1, size)
    problem = data.draw(st.sampled_from(PROBLEMS))
    truth: np.ndarray
    if problem == "binary":
        truth, predicted = np.arange(size) % 2, chance.integers(0, 6, size) / 6
        weights[:2] = 1
    elif problem == "multiclass":
        truth, predicted = chance.integers(0, 3, size), chance.dirichlet(np.ones(3), size)
    else:
        truth, predicted = chance.normal(5, 1, size), chance.normal(5, 1, size)
    weights[2:4] += 1
    rows = Rows(problem, truth, predicted, scale=np.full(size, 2.0))
    weighted = measure(rows, weights[None, :].astype(float), NAMES[problem])
    again = np.repeat(np.arange(size), weights)
    repeated = metrics(problem, truth[again], predicted[again], scale=np.full(len(again), 2.0))
    assert {name: value[0] for name, value in weighted.items()} == pytest.approx(repeated)


def test_a_metric_that_needs_both_classes_is_not_a_number_without_them() -> None:
    found = metrics("binary", np.ones(4), np.linspace(0, 1, 4))
    assert np.isnan(found["auc"])
    assert found["accuracy"] == 0.5


def test_without_the_scale_of_the_series_there_is_no_mase() -> None:
    assert set(metrics("forecast", np.ones(3), np.ones(3))) == {"wape", "rmse", "mae"}
