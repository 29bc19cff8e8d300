"""Wrong OnDrift and OnQuality, each refused with one sentence."""

# What mypy sees is a mistake here on purpose.
# mypy: disable-error-code="arg-type,list-item,call-arg"

from collections.abc import Callable
from typing import Any

import pytest

from declaration import (
    Async,
    Batch,
    BuiltIn,
    Container,
    Data,
    Endpoint,
    Forecast,
    Gate,
    OnDrift,
    OnNewData,
    OnQuality,
    Project,
    Script,
    Serverless,
)
from tests.unit.declaration.refusals import Bad, refused_with

SERVED = Endpoint(calls_per_minute=60)
CHANNELS = {"train": "s3://bucket/words/"}


def predict(model: object, rows: object) -> object:
    return rows


def profit(truth: Any, predicted: Any) -> float:
    return float((truth * predicted).sum())


def accuracy(truth: Any, predicted: Any) -> float:
    return float((truth == predicted).mean())


def project(**fields: Any) -> Project:
    return Project("f", **{"data": Data("y"), "endpoint": SERVED, **fields})


def watched(*triggers: object, **fields: Any) -> Project:
    return project(retrain=list(triggers), **fields)


def clean(table: Any) -> Any:
    return table


def linear() -> BuiltIn:
    return BuiltIn("linear-learner", {"predictor_type": "binary_classifier"})


def words() -> BuiltIn:
    return BuiltIn("blazingtext", {"mode": "batch_skipgram"}, channels=CHANNELS)


BAD: list[Bad] = [
    # OnDrift
    (lambda: OnDrift(psi=0), "OnDrift, psi", "0", "greater than 0 and at most 10", "psi=0.1"),
    (lambda: OnDrift(rows=10), "OnDrift, rows", "10", "from 30", "rows=500"),
    (lambda: OnDrift(every="90 days"), "OnDrift, every", "'90 days'", "to 31 days", "nearest is '31 days'"),
    (lambda: OnDrift(every="90 s"), "OnDrift, every", "'90 s'", "in whole minutes", "every='1 day'"),
    (lambda: OnDrift(every="cron(0 6 * * ? *)"), "OnDrift, every", "'cron(", "a duration", "every='1 day'"),
    (lambda: OnDrift(features="distance"), "OnDrift, features", "'distance'", "a list", "['distance']"),
    (
        lambda: OnDrift(features=["a", "a"]),
        "OnDrift, features",
        "('a', 'a')",
        "each column may stand once",
        "remove",
    ),
    (
        lambda: OnDrift(every="30 days", false_alarms_per_year=6.0),
        "OnDrift, false_alarms_per_year",
        "6",
        "with a look every 30 days, 12 a year, more than every fifth",
        "false_alarms_per_year=2 or less",
    ),
    (
        lambda: watched(OnDrift(features=["y"])),
        'Project "f", retrain[0].features',
        "'y'",
        "the target is what is predicted",
        "leave it out",
    ),
    (
        lambda: watched(OnDrift(features=["a"]), data=Data("y", drop=["a"])),
        'Project "f", retrain[0].features',
        "'a'",
        "Data drops that column",
        "take 'a' out of drop",
    ),
    (
        lambda: watched(
            OnDrift(features=["t"]), data=Data("y", problem="forecast", time="t"), train=Forecast()
        ),
        'Project "f", retrain[0].features',
        "'t'",
        "no call of a forecast is like the training in it",
        "what is predicted is always compared",
    ),
    (
        lambda: watched(OnDrift(features=["a", "t"]), data=Data("y", time="t")),
        'Project "f", retrain[0].features',
        "'t'",
        "it only orders the rows, and no model sees it",
        "leave it out",
    ),
    (
        lambda: watched(OnDrift(features=["g"]), data=Data("y", problem="ranking", group="g")),
        'Project "f", retrain[0].features',
        "'g'",
        "it only groups the rows",
        "leave it out",
    ),
    (lambda: watched(OnDrift(), OnDrift(psi=0.2)), "retrain", "OnDrift(", "only one OnDrift", "keep one"),
    (
        lambda: watched(OnQuality(at_least=0.6), OnQuality(at_least=0.7)),
        "retrain",
        "OnQuality(",
        "only one OnQuality",
        "keep one",
    ),
    # What is watched has to be recorded
    (
        lambda: watched(OnNewData(), OnDrift(), endpoint=None),
        'Project "f", retrain[1]',
        "OnDrift(...)",
        "it reads recorded calls and nothing serves here",
        "endpoint=Endpoint(",
    ),
    (
        lambda: watched(OnDrift(), endpoint=Serverless(calls_per_minute=1, latency_ms=5)),
        "retrain[0]",
        "OnDrift(...)",
        "Serverless records none",
        "endpoint=Endpoint(",
    ),
    (
        lambda: watched(OnQuality(at_least=0.6), endpoint=Async(calls_per_minute=1)),
        "retrain[0]",
        "OnQuality(...)",
        "Async records none",
        "endpoint=Endpoint(",
    ),
    (
        lambda: watched(OnDrift(), endpoint=Batch()),
        "retrain[0]",
        "OnDrift(...)",
        "Batch records",
        "Endpoint(",
    ),
    (
        lambda: watched(OnDrift(), endpoint=Endpoint(calls_per_minute=60, scale_to_zero=True)),
        "retrain[0]",
        "OnDrift(...)",
        "scales to zero records none",
        "leave scale_to_zero out",
    ),
    (
        lambda: watched(OnDrift(), endpoint=Endpoint(calls_per_minute=60, capture_percent=0)),
        "retrain[0]",
        "OnDrift(...)",
        "capture_percent=0 records none",
        "capture_percent=100",
    ),
    (
        lambda: watched(OnDrift(), endpoint=Endpoint(calls_per_minute=60, predict=predict)),
        "retrain[0]",
        "OnDrift(...)",
        "the answers are made by endpoint.predict",
        "endpoint.predict out",
    ),
    (
        lambda: watched(OnDrift(), train=Script(__file__, framework="sklearn")),
        "retrain[0]",
        "OnDrift(...)",
        "calls of Script hold only its own server knows",
        "OnNewData and Every work",
    ),
    (
        lambda: watched(OnDrift(), train=words()),
        "retrain[0]",
        "OnDrift(...)",
        "calls of BuiltIn hold only its own server knows",
        "OnNewData and Every work",
    ),
    (
        lambda: watched(OnDrift(), train=linear(), data=Data("y", prepare=clean)),
        "retrain[0]",
        "OnDrift(...)",
        "calls of BuiltIn hold what clean has made already",
        "leave it or prepare out",
    ),
    # OnQuality
    (lambda: OnQuality("acu", at_least=0.7), "OnQuality, metric", "'acu'", "'auc'", "did you mean 'auc'?"),
    (lambda: OnQuality("auc", at_most=0.7), "OnQuality, at_most", "0.7", "at_least alone", "at_least=0.7"),
    (lambda: OnQuality("auc", at_least=70), "OnQuality, at_least", "70", "from 0 to 1", "mean 0.7?"),
    (lambda: OnQuality(at_least=0.6, at_most=0.7), "OnQuality, at_most", "at_most=0.7", "one bound", "leave"),
    (lambda: OnQuality(profit, at_least=1, at_most=2), "at_least", "at_most=2", "either", "OnQuality(profit"),
    (
        lambda: OnQuality(accuracy, at_least=1),
        "OnQuality, metric",
        "accuracy",
        "a metric already",
        "OnQualit",
    ),
    (lambda: OnQuality(confidence=1), "OnQuality, confidence", "1", "from 0.5 to 0.999", "confidence=0.95"),
    (lambda: OnQuality(labels_within="2 years"), "labels_within", "'2 years'", "or weeks", "'14 days'"),
    (
        lambda: watched(OnQuality("rmse", at_most=3)),
        'Project "f", retrain[0].metric',
        "'rmse'",
        "a binary problem is judged by auc",
        "choose one",
    ),
    (
        lambda: watched(OnQuality("brier"), gate=Gate("auc", at_least=0.7)),
        'Project "f", retrain[0].at_least',
        "nothing",
        "no gate has the metric 'brier'",
        "OnQuality('brier'",
    ),
    (
        lambda: watched(OnQuality(at_most=0.7), gate=Gate("auc", at_least=0.7)),
        'Project "f", retrain[0].at_most',
        "0.7",
        "auc is better when higher",
        "at_least=0.7",
    ),
    (
        lambda: watched(OnQuality(at_most=70), gate=Gate(profit, at_least=100)),
        'Project "f", retrain[0].at_most',
        "70",
        "profit is better when higher",
        "at_least=70",
    ),
    (
        lambda: watched(OnQuality(), data=Data("y", problem="multiclass")),
        'Project "f", retrain[0].at_least',
        "0",
        "no model is worse than that in f1_macro",
        "OnQuality(at_least=...)",
    ),
    (
        lambda: watched(
            OnQuality(),
            data=Data("y", problem="forecast", time="t"),
            train=Forecast(),
            gate=Gate("mase", at_most=1),
        ),
        'Project "f", retrain[0].metric',
        "'mase'",
        "which calls do not hold",
        "OnQuality('wape'",
    ),
    (
        lambda: watched(OnDrift(every="7 days"), OnQuality(at_least=0.6, every="1 day")),
        'Project "f", retrain, every',
        "'1 day'",
        "one job looks for both",
        "leave every out",
    ),
]


@pytest.mark.parametrize(
    ("declare", "where", "given", "rule", "fix"), BAD, ids=[f"{i}-{bad[1]}" for i, bad in enumerate(BAD)]
)
def test_refused_with_field_value_rule_and_fix(
    declare: Callable[[], object], where: str, given: str, rule: str, fix: str
) -> None:
    refused_with(declare, where, given, rule, fix)


def test_a_container_of_ones_own_is_not_watched(tmp_path: Any) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    refused_with(
        lambda: watched(OnDrift(), train=Container(str(tmp_path))),
        "retrain[0]",
        "OnDrift(...)",
        "calls of Container hold",
        "leave it out",
    )
