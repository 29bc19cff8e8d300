"""Wrong declarations, each refused with one sentence: field, value, what is allowed, likely fix."""

# What mypy sees is a mistake here on purpose.
# mypy: disable-error-code="arg-type,list-item,call-arg"

from collections.abc import Callable
from datetime import timedelta

import pytest

from declaration import (
    AllAtOnce,
    Canary,
    Data,
    DeclarationError,
    Endpoint,
    Every,
    Gate,
    Linear,
    OnNewData,
    Project,
    Serverless,
    Workbench,
    XGBoost,
)
from tests.unit.declaration.refusals import Bad, refused_with

LATE = Data("late")
CRON = "cron(0 6 * * ? *)"

# The declaration, then what its message must say: where, the value given, what is allowed, the fix.
BAD: list[Bad] = [
    # Data
    (Data, "Data, target", "nothing", "a column name", "target='late'"),
    (lambda: Data(target=""), "Data, target", "''", "1 to 256 characters", "copy the name"),
    (lambda: Data("x" * 257), "Data, target", "'xxx", "1 to 256 characters", "copy the name"),
    (lambda: Data("--late"), "Data, target", "'--late'", "does not start with '-'", "copy the name"),
    (lambda: Data("la\nte"), "Data, target", r"'la\nte'", "on one line", "copy the name"),
    (lambda: Data(target=3), "Data, target", "3", "a column name", "target='late'"),
    (lambda: Data("late", time="late"), "Data, time", "'late'", "cannot also be the time", "another column"),
    (lambda: Data("late", drop=["late"]), "Data, drop", "'late'", "any column but the target", "out of drop"),
    (lambda: Data("late", time="t", drop=["t"]), "Data, drop", "'t'", "but the time", "out of drop"),
    (lambda: Data("late", drop="id"), "Data, drop", "'id'", "a list", "drop=['id']"),
    (lambda: Data("late", drop=["a", 5]), "Data, drop[1]", "5", "a column name", "drop=['id']"),
    (
        lambda: Data("late", drop=[f"c{i}" for i in range(41)]),
        "Data, drop",
        "41 columns",
        "at most 40",
        "files",
    ),
    (
        lambda: Data("late", holdout=20),
        "Data, holdout",
        "20",
        "greater than 0 and at most 0.5",
        "holdout=0.2",
    ),
    (lambda: Data("late", holdout=0), "Data, holdout", "0", "greater than 0 and at most 0.5", "holdout=0.2"),
    (lambda: Data("late", problem="binray"), "Data, problem", "'binray'", "'multiclass'", "mean 'binary'?"),
    (lambda: Data("late", tim="x"), "Data, tim", "'x'", "no such field, it has target", "mean time?"),
    (lambda: Data("late", "day"), "Data, value 2", "'day'", "by name: target", "time='day'"),
    (lambda: Data("a", volume_gb=0), "Data, volume_gb", "0", "from 1 to 16,384", "volume_gb=30"),
    (lambda: Data("a", instance="ml.m5.lrage"), "Data, instance", "ml.m5.lrage", "ml.m5", "'ml.m5.large'?"),
    # Algorithms
    (lambda: XGBoost(500), "XGBoost, value 1", "500", "by name: rounds", "rounds=500"),
    (lambda: XGBoost(rounds="500"), "XGBoost, rounds", "'500'", "a whole number from 1", "rounds=500"),
    (lambda: XGBoost(rounds=2.5), "XGBoost, rounds", "2.5", "a whole number from 1", "rounds=500"),
    (lambda: XGBoost(max_depth=True), "XGBoost, max_depth", "True", "a whole number from 1", "max_depth=6"),
    (lambda: XGBoost(eta=0), "XGBoost, eta", "0", "greater than 0 and at most 1", "eta=0.1"),
    (lambda: XGBoost(rounds=10), "XGBoost, early_stopping", "20", "at most rounds, which is 10", "lower it"),
    (lambda: XGBoost(instance="m5.xlarge"), "XGBoost, instance", "'m5.xlarge'", "ml.m5", "'ml.m5.xlarge'?"),
    (lambda: XGBoost(instance="ml.m5d.xlarge"), "XGBoost, instance", "m5d", "ml.m5", "'ml.m5.xlarge'?"),
    (lambda: XGBoost(learning_rate=1), "XGBoost, learning_rate", "1", "no such field", "did you mean eta?"),
    # Gate
    (Gate, "Gate, metric", "nothing", "'auc', 'average_precision'", "metric='auc'"),
    (lambda: Gate("acu", at_least=0.7), "Gate, metric", "'acu'", "'average_precision'", "mean 'auc'?"),
    (lambda: Gate("AUC", at_least=0.7), "Gate, metric", "'AUC'", "'average_precision'", "mean 'auc'?"),
    (lambda: Gate("auc"), "Gate, at_least", "nothing", "from 0 to 1", 'Gate("auc", at_least=0.7)'),
    (lambda: Gate("auc", at_most=0.7), "Gate, at_most", "0.7", "takes at_least alone", "at_least=0.7"),
    (lambda: Gate("rmse", at_least=3), "Gate, at_least", "3", "better when lower", "at_most=3"),
    (lambda: Gate("auc", at_least=0.7, at_most=0.9), "Gate, at_most", "0.9", "at_least alone", "at_least="),
    (lambda: Gate("auc", at_least=70), "Gate, at_least", "70", "from 0 to 1", "did you mean 0.7?"),
    (lambda: Gate("r2", at_least=3), "Gate, at_least", "3", "of at most 1", "choose a number"),
    (lambda: Gate("log_loss", at_most=-1), "Gate, at_most", "-1", "from 0 up", "choose a number"),
    (lambda: Gate("auc", at_least="0.7"), "Gate, at_least", "'0.7'", "a number", "at_least=0.7"),
    (lambda: Gate("auc", at_least=float("nan")), "Gate, at_least", "nan", "a number", "at_least=0.7"),
    (lambda: Gate("auc", at_least=0.7, margin=-1), "Gate, margin", "-1", "from 0 up", "margin=0.0"),
    # Endpoint
    (Endpoint, "Endpoint, calls_per_minute", "nothing", "from 1", "calls_per_minute=3_000"),
    (lambda: Endpoint(calls_per_minute=0), "Endpoint, calls_per_minute", "0", "from 1 to", "=3_000"),
    (lambda: Endpoint(calls_per_minute=-5), "Endpoint, calls_per_minute", "-5", "from 1 to", "=3_000"),
    (lambda: Endpoint(calls_per_minute="many"), "Endpoint, calls_per_minute", "'many'", "from 1", "=3_000"),
    (
        lambda: Endpoint(calls_per_minute=9, instance="ml.t2.medium"),
        "Endpoint, instance",
        "'ml.t2.medium'",
        "does not autoscale burstable types",
        "instance='ml.c5.large'",
    ),
    (
        lambda: Endpoint(calls_per_minute=9, instance="ml.c7g.large"),
        "Endpoint, instance",
        "'ml.c7g.large'",
        "need x86-64 CPUs",
        "did you mean 'ml.c7i.large'?",
    ),
    (
        lambda: Project("f", data=LATE, endpoint=Endpoint(calls_per_minute=100_000, max_instances=2)),
        'Project "f", endpoint.max_instances',
        "2",
        "100,000 calls a minute need 4 instances of ml.c5.large",
        "max_instances=4",
    ),
    (
        lambda: Endpoint(calls_per_minute=1, min_instances=3, max_instances=2),
        "Endpoint, max_instances",
        "2",
        "at least min_instances, which is 3",
        "lower min_instances",
    ),
    (
        lambda: Endpoint(calls_per_minute=1, calls_per_instance=1),
        "Endpoint, calls_per_instance",
        "1",
        "a whole number from 2",
        "calls_per_instance=30_000",
    ),
    (
        lambda: Endpoint(calls_per_minute=1, min_instances=0),
        "Endpoint, min_instances",
        "0",
        "a whole number from 1 to 1,000",
        "min_instances=2",
    ),
    (
        lambda: Endpoint(calls_per_minute=1, capture_percent=101),
        "Endpoint, capture_percent",
        "101",
        "from 0 to 100",
        "capture_percent=100",
    ),
    (
        lambda: Endpoint(calls_per_minute=1, rollout="canary"),
        "Endpoint, rollout",
        "'canary'",
        "Canary(...), Linear(...), AllAtOnce(...), Rolling(...) or Shadow(...)",
        "did you mean Canary(...)?",
    ),
    (lambda: Canary(percent=60), "Canary, percent", "60", "from 1 to 50", "percent=10"),
    (lambda: Linear(percent=5), "Linear, percent", "5", "from 10 to 50", "percent=25"),
    (lambda: Canary(wait="5 mins"), "Canary, wait", "'5 mins'", "days or weeks", "did you mean '5 min'?"),
    (lambda: Canary(wait="2 h"), "Canary, wait", "'2 h'", "from 0 s to 1 h", "'1 h'"),
    (lambda: Canary(wait=5), "Canary, wait", "5", 'such as "5 min"', "wait='5 min'"),
    (lambda: AllAtOnce(wait="soon"), "AllAtOnce, wait", "'soon'", "h, days or weeks", "wait='5 min'"),
    (
        lambda: Serverless(calls_per_minute=100_000, latency_ms=150),
        "Serverless, calls_per_minute",
        "100,000",
        "250.0 at once, of 200",
        "state 80,000 calls or fewer",
    ),
    (
        lambda: Serverless(calls_per_minute=600, latency_ms=500, max_concurrency=4),
        "Serverless, calls_per_minute",
        "600",
        "5.0 at once, of 4",
        "state 480 calls or fewer",
    ),
    (
        lambda: Serverless(calls_per_minute=1, latency_ms=5, memory_mb=2000),
        "Serverless, memory_mb",
        "2000",
        "1024, 2048, 3072",
        "memory_mb=2048",
    ),
    (
        lambda: Serverless(calls_per_minute=1, latency_ms=5, max_concurrency=500),
        "Serverless, max_concurrency",
        "500",
        "from 1 to 200",
        "max_concurrency=200",
    ),
    # Retraining
    (lambda: OnNewData(quiet_for="2 days"), "OnNewData, quiet_for", "'2 days'", "to 1 day", "'1 day'"),
    (
        lambda: OnNewData(cooldown="-1 s"),
        "OnNewData, cooldown",
        "'-1 s'",
        "a whole number and",
        "cooldown='0 s'",
    ),
    (lambda: OnNewData(quiet_for="1.5 h"), "OnNewData, quiet_for", "'1.5 h'", "a whole number", "'5 min'"),
    (
        lambda: OnNewData(quiet_for=timedelta(milliseconds=1500)),
        "OnNewData, quiet_for",
        "1.5 s",
        "in whole seconds",
        "'5 min'",
    ),
    (Every, "Every, period", "nothing", "a duration from 1 min", "period='1 day'"),
    (lambda: Every("0 min"), "Every, period", "'0 min'", "from 1 min to 366 days", "'1 min'"),
    (lambda: Every("90 s"), "Every, period", "'90 s'", "in whole minutes", "period='1 day'"),
    (lambda: Every("daily"), "Every, period", "'daily'", "h, days or weeks", "period='1 day'"),
    (lambda: Every("cron(0 6 * * *)"), "Every, period", "'cron(0 6 * * *)'", "six fields", CRON),
    (lambda: Every("cron(0 6 * * * *)"), "Every, period", "* * * *", "exactly one of day of month", CRON),
    (lambda: Every("cron(0 6 ? * ? *)"), "Every, period", "? * ?", "exactly one of day of month", CRON),
    (
        lambda: Every("cron(61 6 * * ? *)"),
        "Every, period",
        "(61",
        "minutes is '61' and may hold *, 0-59",
        "cor",
    ),
    (
        lambda: Every("cron(0 6 ? * FUN *)"),
        "Every, period",
        "FUN",
        "day of week is 'FUN'",
        "correct that field",
    ),
    # Workbench
    (lambda: Workbench(instance="ml.t3.mediun"), "Workbench, instance", "mediun", "ml.t3", "'ml.t3.medium'?"),
    (lambda: Workbench(volume_gb=1), "Workbench, volume_gb", "1", "from 5 to 16,384", "volume_gb=20"),
    (lambda: Workbench(idle_stop="1 min"), "Workbench, idle_stop", "'1 min'", "from 10 min", "'10 min'"),
    # Project
    (lambda: Project(name="f"), 'Project "f", data', "nothing", "Data(...)", "data=Data(target='late')"),
    (lambda: Project(data=LATE), "Project, name", "nothing", "lower-case letters", "name='flights'"),
    (lambda: Project("My Flights", data=LATE), "name", "'My Flights'", "lower-case", "mean 'my-flights'?"),
    (lambda: Project("f-", data=LATE), "name", "'f-'", "last no hyphen", "mean 'f'?"),
    (lambda: Project("f" * 32, data=LATE), "name", "'fff", "1 to 31", "did you mean 'fff"),
    (lambda: Project("2013", data=LATE), "name", "'2013'", "first a letter", "name='flights'"),
    (
        lambda: Project("f", data={"target": "late"}),
        'Project "f", data',
        "{'target'",
        "Data(...)",
        "data=Data(",
    ),
    (lambda: Project("f", LATE), 'Project "f", value 2', "Data(", "by name: name, data", "data=Data("),
    (
        lambda: Project("f", data=LATE, train="lightgbm"),
        "train",
        "'lightgbm'",
        "XGBoost(...)",
        "LightGBM(...)?",
    ),
    (
        lambda: Project("flights", data=LATE, gate=Gate("rmse", at_most=3)),
        'Project "flights", gate.metric',
        "'rmse'",
        "a binary problem is judged by auc, average_precision, accuracy, f1, log_loss or brier",
        'problem="regression"',
    ),
    (
        lambda: Project("f", data=Data("x", problem="regression"), gate=Gate("auc", at_least=0.7)),
        'Project "f", gate.metric',
        "'auc'",
        "a regression problem is judged by rmse, mae or r2",
        'problem="binary"',
    ),
    (lambda: Project("f", data=LATE, gate="auc"), "gate", "'auc'", "Gate(...)", 'gate=Gate("auc", at_least'),
    (lambda: Project("f", data=LATE, endpoint=3000), "endpoint", "3000", "Serverless(...)", "=Endpoint("),
    (
        lambda: Project("f", data=LATE, retrain=OnNewData()),
        "retrain",
        "OnNewData(",
        "a list",
        "[OnNewData()]",
    ),
    (
        lambda: Project("f", data=LATE, retrain=["1 day"]),
        "retrain[0]",
        "'1 day'",
        "Every(...)",
        "[OnNewData()]",
    ),
    (
        lambda: Project("f", data=LATE, retrain=[OnNewData(), OnNewData(quiet_for="1 h")]),
        'Project "f", retrain',
        "OnNewData(",
        "only one OnNewData",
        "keep one",
    ),
    (
        lambda: Project("f", data=LATE, retrain=[Every("1 day"), Every("24 h")]),
        'Project "f", retrain',
        "Every(",
        "each schedule may stand once",
        "remove the repeated one",
    ),
    (
        lambda: Project("f", data=LATE, region="us-eats-1"),
        "region",
        "us-eats-1",
        "an AWS region",
        "'us-east-1'?",
    ),
    (lambda: Project("f", data=LATE, account="123"), "account", "'123'", "12 digits", "'123456789012'"),
    (
        lambda: Project("f", data=LATE, account=123456789012),
        "account",
        "123456789012",
        "as a text",
        "account='",
    ),
    (lambda: Project("f", data=LATE, notify="me"), "notify", "'me'", "an e-mail address", "notify='team@"),
    (lambda: Project("f", data=LATE, network="Our Net"), "network", "'Our Net'", "lower-case", "'our-net'?"),
    (lambda: Project("f", data=LATE, retain="yes"), "retain", "'yes'", "True or False", "retain=True"),
    (lambda: Project("f", data=LATE, endpiont=None), "endpiont", "None", "no such field", "mean endpoint?"),
]


@pytest.mark.parametrize(
    ("declare", "where", "given", "rule", "fix"), BAD, ids=[f"{i}-{bad[1]}" for i, bad in enumerate(BAD)]
)
def test_refused_with_field_value_rule_and_fix(
    declare: Callable[[], object], where: str, given: str, rule: str, fix: str
) -> None:
    refused_with(declare, where, given, rule, fix)


def test_at_least_fifty_bad_declarations_are_tried() -> None:
    assert len(BAD) >= 50


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(DeclarationError) as refused:
        Endpoint(calls_per_minute=0, instance="ml.c5.lagre", rollout="canary")
    told = [problem.where for problem in refused.value.problems]
    assert told == ["Endpoint, calls_per_minute", "Endpoint, instance", "Endpoint, rollout"]


def test_a_declaration_error_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="Gate, metric"):
        Gate("acu", at_least=0.7)
