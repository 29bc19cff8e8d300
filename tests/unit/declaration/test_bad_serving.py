"""Wrong ways to serve, each refused with one sentence: field, value, what is allowed, likely fix."""

# What mypy sees is a mistake here on purpose.
# mypy: disable-error-code="arg-type,list-item"

from collections.abc import Callable
from typing import Any

import pytest

from declaration import (
    Async,
    Batch,
    Canary,
    Client,
    Data,
    Endpoint,
    Project,
    Rolling,
    Script,
    Serverless,
    Shadow,
)
from tests.unit.declaration.refusals import Bad, refused_with


def endpoint(**more: Any) -> Endpoint:
    return Endpoint(calls_per_minute=60, **more)


def predict(model: object, rows: object) -> object:
    return rows


def project(served: object, **more: Any) -> Project:
    return Project("f", data=Data("y"), endpoint=served, **more)


BAD: list[Bad] = [
    # Endpoint
    (lambda: endpoint(p99_ms=0), "Endpoint, p99_ms", "0", "from 1 to 60,000", "p99_ms=50"),
    (lambda: endpoint(p99_ms="50"), "Endpoint, p99_ms", "'50'", "a whole number", "p99_ms=50"),
    (lambda: endpoint(scale_on="calls/s"), "scale_on", "'calls/s'", "'calls' or 'concurrency'", "'calls'?"),
    (lambda: endpoint(monthly_budget=0), "monthly_budget", "0", "greater than 0", "monthly_budget=500"),
    (
        lambda: endpoint(monthly_budget=100),
        "Endpoint, monthly_budget",
        "100",
        "the floor alone costs 2 x 0.102 USD/h x 730 h = 148.92 USD a month",
        "monthly_budget=149",
    ),
    (
        lambda: endpoint(monthly_budget=500, instance="ml.c6i.large"),
        "Endpoint, monthly_budget",
        "500",
        "the table of prices has none of ml.c6i.large",
        "instance='ml.c5.large'",
    ),
    (
        lambda: Endpoint(calls_per_minute=100_000, calls_per_instance=60_000, monthly_budget=200),
        "Endpoint, monthly_budget",
        "200",
        "100,000 calls a minute need 4 x 0.102 USD/h (declared), 297.84 USD a month in all",
        "monthly_budget=298",
    ),
    (lambda: endpoint(busy=8), "Endpoint, busy", "8", "weekdays 8-18", "busy='weekdays 8-18'"),
    (
        lambda: endpoint(busy="8-18"),
        "Endpoint, busy",
        "'8-18'",
        "days, hours and perhaps a time zone",
        "busy=",
    ),
    (
        lambda: endpoint(busy="weekday 8-18"),
        "busy",
        "'weekday 8-18'",
        "weekdays, weekends",
        "'weekdays 8-18'?",
    ),
    (lambda: endpoint(busy="daily 18-8"), "Endpoint, busy", "'daily 18-8'", "the first before", "busy="),
    (lambda: endpoint(busy="daily 8-25"), "Endpoint, busy", "'daily 8-25'", "from 0 to 24", "busy="),
    (
        lambda: endpoint(busy="daily 8-18 Europe/Berln"),
        "Endpoint, busy",
        "'daily 8-18 Europe/Berln'",
        "one of the IANA database",
        "'daily 8-18 Europe/Berlin'?",
    ),
    (
        lambda: endpoint(busy="daily 8-18", max_instances=2),
        "Endpoint, busy",
        "'daily 8-18'",
        "no floor can be raised",
        "raise max_instances",
    ),
    (
        lambda: endpoint(scale_to_zero=True, rollout=Canary(percent=20)),
        "Endpoint, rollout",
        "Canary(...)",
        "only updates in batches",
        "write Rolling()",
    ),
    (
        lambda: endpoint(scale_to_zero=True, instance="ml.t2.medium", min_instances=1, max_instances=1),
        "Endpoint, instance",
        "'ml.t2.medium'",
        "does not autoscale burstable types",
        "instance='ml.c5.large'",
    ),
    (lambda: endpoint(predict=3), "Endpoint, predict", "3", "a function", "predict=answers.predict"),
    (
        lambda: endpoint(predict=lambda model: model),
        "Endpoint, predict",
        "<lambda>",
        "a lambda has no name",
        "write it with def",
    ),
    (
        lambda: project(endpoint(predict=predict), train=Script(__file__, framework="sklearn")),
        'Project "f", endpoint.predict',
        "predict",
        "served by its own image",
        "leave it out",
    ),
    # Rolling
    (lambda: Rolling(percent=60), "Rolling, percent", "60", "from 5 to 50", "percent=25"),
    (lambda: Rolling(wait="2 h"), "Rolling, wait", "'2 h'", "from 0 s to 1 h", "'1 h'"),
    # Shadow
    (lambda: Shadow(percent=101), "Shadow, percent", "101", "from 1 to 100", "percent=100"),
    (lambda: Shadow(agreement=80), "Shadow, agreement", "80", "from 0 to 1", "agreement=0.8"),
    (lambda: Shadow(difference=-0.1), "Shadow, difference", "-0.1", "from 0 up", "difference=0.05"),
    (lambda: Shadow(wait="8 days"), "Shadow, wait", "'8 days'", "from 0 s to 7 days", "'7 days'"),
    (
        lambda: Shadow(wait="2 h", within="1 h"),
        "Shadow, within",
        "'1 h'",
        "longer than wait, which is 2 h",
        "shorter wait",
    ),
    (
        lambda: endpoint(rollout=Shadow(), capture_percent=0),
        "Endpoint, capture_percent",
        "0",
        "Shadow compares captured answers, and none are captured",
        "capture_percent=100",
    ),
    (
        lambda: endpoint(rollout=Shadow(within="30 min", calls=500), capture_percent=20),
        "Endpoint, rollout",
        "Shadow(calls=500)",
        "at 60 calls a minute at most 360 are compared within that time",
        "Shadow(calls=360)",
    ),
    (
        lambda: endpoint(scale_to_zero=True, rollout=Shadow()),
        "Endpoint, rollout",
        "Shadow(...)",
        "only updates in batches",
        "write Rolling()",
    ),
    (
        lambda: Async(calls_per_minute=9, rollout=Shadow()),
        "Async, rollout",
        "Shadow(",
        "Canary(...), Linear(...), AllAtOnce(...) or Rolling(...)",
        "rollout=Canary()",
    ),
    # Serverless
    (
        lambda: Serverless(calls_per_minute=9, latency_ms=9, max_concurrency=4, warm=5),
        "Serverless, warm",
        "5",
        "at most max_concurrency, which is 4",
        "lower it",
    ),
    # Async
    (Async, "Async, calls_per_minute", "nothing", "from 1", "calls_per_minute=3_000"),
    (lambda: Async(calls_per_minute=9, seconds_per_call=0), "seconds_per_call", "0", "at most 3,600", "=2.0"),
    (
        lambda: Async(calls_per_minute=1_000, max_instances=2),
        "Async, max_instances",
        "2",
        "1,000 calls a minute need 5 instances, of which each answers 240",
        "max_instances=5",
    ),
    (
        lambda: Async(calls_per_minute=9, min_instances=3, max_instances=2),
        "Async, max_instances",
        "2",
        "at least min_instances, which is 3",
        "lower min_instances",
    ),
    (
        lambda: Async(calls_per_minute=9, answer_within="5 min"),
        "Async, answer_within",
        "5 min",
        "no instance needs up to 10 min",
        "min_instances=1",
    ),
    (
        lambda: Async(calls_per_minute=1, seconds_per_call=3_000, answer_within="20 min"),
        "Async, answer_within",
        "20 min",
        "one call alone takes 3000 s",
        "longer answer_within",
    ),
    (
        lambda: Async(calls_per_minute=1_000, monthly_budget=100),
        "Async, monthly_budget",
        "100",
        "keep 4.17 instances busy, which cost 0.102 USD/h x 730 h each, 310.25 USD a month",
        "monthly_budget=311",
    ),
    (
        lambda: Async(calls_per_minute=9, instance="ml.t2.medium"),
        "Async, instance",
        "'ml.t2.medium'",
        "does not autoscale burstable types",
        "instance='ml.c5.large'",
    ),
    # Clients
    (
        lambda: Endpoint(
            calls_per_minute=9, clients=[Client("a", calls_per_minute=6), Client("a", calls_per_minute=9)]
        ),
        "Endpoint, clients",
        "'a'",
        "a name of its own",
        "rename one",
    ),
    (lambda: Client("Shop", calls_per_minute=6), 'Client "Shop", name', "'Shop'", "lower-case", "'shop'"),
    (lambda: Client("a", calls_per_minute=0), 'Client "a", calls_per_minute', "0", "1", "=3_000"),
    # Batch
    (lambda: Batch(every="1 s"), "Batch, every", "'1 s'", "from 1 min to 366 days", "'1 min'"),
    (lambda: Batch(instance="m5.xlarge"), "Batch, instance", "'m5.xlarge'", "in batch", "'ml.m5.xlarge'?"),
    (lambda: Batch(instances=0), "Batch, instances", "0", "from 1 to 100", "instances=1"),
    (
        lambda: project("Batch()"),
        "endpoint",
        "'Batch()'",
        "Async(...) or Batch(...)",
        "did you mean Batch(...)?",
    ),
]


@pytest.mark.parametrize(
    ("declare", "where", "given", "rule", "fix"), BAD, ids=[f"{i}-{bad[1]}" for i, bad in enumerate(BAD)]
)
def test_refused_with_field_value_rule_and_fix(
    declare: Callable[[], object], where: str, given: str, rule: str, fix: str
) -> None:
    refused_with(declare, where, given, rule, fix)
