"""OnDrift and OnQuality: how often is looked, how often in vain, and what answers are judged by."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declaration import (
    BuiltIn,
    Data,
    ElasticNet,
    Endpoint,
    Every,
    Forecast,
    Gate,
    OnDrift,
    OnNewData,
    OnQuality,
    Project,
)

SERVED = Endpoint(calls_per_minute=60)
BOUNDS = {
    "binary": Gate("auc", at_least=0.7),
    "multiclass": Gate("log_loss", at_most=0.5),
    "regression": Gate("mae", at_most=3),
    "ranking": Gate("ndcg", at_least=0.4),
    "forecast": Gate("wape", at_most=0.2),
}


def profit(truth: Any, predicted: Any) -> float:
    return float((truth * predicted).sum())


def project(**fields: Any) -> Project:
    return Project("p", **{"data": Data("y", time="t"), "endpoint": SERVED, **fields})


def test_nothing_is_watched_unless_it_is_declared() -> None:
    quiet = project(retrain=[OnNewData(), Every("1 day")])
    assert not quiet.watched
    assert (quiet.on_drift, quiet.on_quality, quiet.quality_bound) == (None, None, None)
    assert (quiet.look_seconds, quiet.looks_per_year, quiet.false_alarm_share) == (None, 0.0, 0.0)


@given(st.integers(1, 31 * 24 * 60), st.floats(1e-3, 2.0))
def test_the_false_alarms_of_a_year_are_those_of_its_looks(minutes: int, a_year: float) -> None:
    drift = OnDrift(every=timedelta(minutes=minutes), false_alarms_per_year=a_year)
    watched = project(retrain=[drift])
    assert watched.false_alarm_share * watched.looks_per_year == pytest.approx(a_year)
    assert 0 < watched.false_alarm_share <= 0.2


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"data": Data("y", problem="multiclass")},
        {"data": Data("y", problem="regression"), "train": ElasticNet()},
        {"data": Data("y", problem="ranking", group="g")},
        {"data": Data("y", problem="forecast", time="t"), "train": Forecast()},
        {"train": BuiltIn("linear-learner", {"predictor_type": "binary_classifier"})},
    ],
)
def test_every_problem_and_every_model_of_tables_can_be_watched(fields: dict[str, Any]) -> None:
    problem = fields["data"].problem if "data" in fields else "binary"
    watched = project(retrain=[OnDrift(), OnQuality()], gate=BOUNDS[problem], **fields)
    assert watched.watched
    assert watched.quality_bound is not None
    assert watched.quality_bound.threshold == watched.gates[0].threshold


def test_a_daily_look_may_err_once_a_year() -> None:
    watched = project(retrain=[OnDrift()])
    assert watched.look_seconds == 86_400
    assert watched.looks_per_year == 365
    assert watched.false_alarm_share == pytest.approx(1 / 365)


def test_quality_is_looked_at_as_often_as_drift() -> None:
    both = project(retrain=[OnQuality(at_least=0.6), OnDrift(every="7 days")])
    alone = project(retrain=[OnQuality(at_least=0.6, every="2 h")])
    same = project(retrain=[OnQuality(at_least=0.6, every="168 h"), OnDrift(every="7 days")])
    assert both.look_seconds == same.look_seconds == 7 * 86_400
    assert alone.look_seconds == 7200
    assert project(retrain=[OnQuality(at_least=0.6)]).look_seconds == 86_400


def test_quality_takes_metric_and_bound_from_the_first_gate() -> None:
    gates = [Gate("log_loss", at_most=0.5), Gate("auc", at_least=0.7)]
    bound = project(gate=gates, retrain=[OnQuality(confidence=0.9)]).quality_bound
    assert bound is not None
    assert (bound.expression, bound.confidence) == ("log_loss<=0.5", 0.9)


def test_a_named_metric_takes_the_bound_of_its_own_gate() -> None:
    gates = [Gate("log_loss", at_most=0.5), Gate("auc", at_least=0.7)]
    bound = project(gate=gates, retrain=[OnQuality("auc")]).quality_bound
    assert bound is not None
    assert bound.expression == "auc>=0.7"


def test_what_is_given_goes_before_the_gate() -> None:
    gates = [Gate("log_loss", at_most=0.5), Gate("auc", at_least=0.7)]
    lower = project(gate=gates, retrain=[OnQuality(at_most=0.6)]).quality_bound
    other = project(gate=gates, retrain=[OnQuality("brier", at_most=0.2)]).quality_bound
    assert lower is not None
    assert other is not None
    assert (lower.expression, other.expression) == ("log_loss<=0.6", "brier<=0.2")


def test_a_function_that_judges_answers_travels_with_those_of_the_gates() -> None:
    alone = project(retrain=[OnQuality(profit, at_least=100)])
    shared = project(gate=Gate(profit, at_least=200), retrain=[OnQuality()])
    assert alone.code is not None
    assert shared.code is not None
    assert alone.code.metrics == shared.code.metrics == ("test_watching:profit",)
    assert alone.quality_bound is not None
    assert shared.quality_bound is not None
    assert alone.quality_bound.expression == "test_watching:profit>=100.0"
    assert shared.quality_bound.expression == "test_watching:profit>=200.0"
