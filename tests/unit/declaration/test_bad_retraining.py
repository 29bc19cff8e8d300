"""Wrong triggers, windows, deployments and receivers, each refused with one sentence."""

# What mypy sees is a mistake here on purpose.
# mypy: disable-error-code="arg-type,list-item,call-arg"

from collections.abc import Callable
from typing import Any

import pytest

from declaration import (
    BuiltIn,
    Data,
    Endpoint,
    Every,
    Last,
    OnApproval,
    OnGate,
    OnNewData,
    Project,
    RandomForest,
    WarmStart,
    Webhook,
)
from tests.unit.declaration.refusals import Bad, refused_with

SERVED = Endpoint(calls_per_minute=60)
CHANNELS = {"train": "s3://bucket/words/"}


def project(**fields: Any) -> Project:
    return Project("f", **{"data": Data("y"), "endpoint": SERVED, **fields})


def watched(*triggers: object, **fields: Any) -> Project:
    return project(retrain=list(triggers), **fields)


def words() -> BuiltIn:
    return BuiltIn("blazingtext", {"mode": "batch_skipgram"}, channels=CHANNELS)


BAD: list[Bad] = [
    # OnNewData
    (lambda: OnNewData(at_least="50 mb"), "OnNewData, at_least", "'50 mb'", "kB, MB, GB", "mean '50 MB'?"),
    (lambda: OnNewData(at_least="50 MiB"), "at_least", "'50 MiB'", "a whole number and a unit", "'50 MB'?"),
    (lambda: OnNewData(at_least="1.5 GB"), "at_least", "'1.5 GB'", "a whole number", "at_least='50 MB'"),
    (lambda: OnNewData(at_least=50), "at_least", "50", 'such as "50 MB"', "at_least='50 MB'"),
    (lambda: OnNewData(at_least="10 B"), "at_least", "'10 B'", "from 1 kB to 100 TB", "nearest is '1 kB'"),
    (lambda: OnNewData(at_least="200 TB"), "at_least", "'200 TB'", "from 1 kB", "nearest is '100 TB'"),
    (lambda: OnNewData(rows=0), "OnNewData, rows", "0", "from 1 to", "rows=10_000"),
    (lambda: OnNewData(files="3"), "OnNewData, files", "'3'", "a whole number", "files=3"),
    (
        lambda: OnNewData(or_after="1 day"),
        "OnNewData, or_after",
        "'1 day'",
        "without at_least, rows or files nothing waits",
        "leave it out",
    ),
    (
        lambda: OnNewData(files=3, or_after="1 min"),
        "OnNewData, or_after",
        "'1 min'",
        "at least quiet_for, which is 5 min",
        "or_after='5 min' or more",
    ),
    (lambda: OnNewData(min_rows=3), "OnNewData, min_rows", "3", "no such field, it has at_least", "rows"),
    (
        lambda: project(train=words(), retrain=[OnNewData(rows=10)], endpoint=None),
        'Project "f", retrain[0].rows',
        "10",
        "nobody knows how much in them is new",
        "leave it out",
    ),
    # Every
    (lambda: Every("fortnight"), "Every, period", "'fortnight'", "days or weeks", "period='1 day'"),
    (lambda: Every("1 day", cooldown="40 days"), "Every, cooldown", "'40 days'", "to 30 days", "'30 days'"),
    (
        lambda: watched(Every("1 day", cooldown="1 h"), Every("week", cooldown="2 h")),
        'Project "f", retrain',
        "Every(",
        "they have one cooldown",
        "the same cooldown",
    ),
    (
        lambda: watched(Every("7 days"), Every("week", cooldown="2 h")),
        'Project "f", retrain',
        "Every(",
        "each schedule may stand once",
        "remove the repeated one",
    ),
    # What is learnt from
    (Last, "Last, period", "nothing", "from 1 day to 100 years", "period='12 months'"),
    (lambda: Last("12 monhts"), "Last, period", "'12 monhts'", "days, weeks, months", "mean '12 months'?"),
    (lambda: Last("a year"), "Last, period", "'a year'", "a whole number and a unit", "'12 months'"),
    (lambda: Last("0 days"), "Last, period", "'0 days'", "from 1 day", "nearest is '1 day'"),
    (lambda: Last("101 years"), "Last, period", "'101 years'", "to 100 years", "nearest is '100 years'"),
    (lambda: Last("1 year", by="row"), "Last, by", "'row'", "'time' or 'upload'", "by='time'"),
    (lambda: WarmStart(rounds=0), "WarmStart, rounds", "0", "from 1 to 100,000", "rounds=100"),
    (lambda: project(learn_from="12 months"), "learn_from", "'12 months'", "Last(...)", "Last('12 months')"),
    (
        lambda: project(learn_from=Last("12 months")),
        'Project "f", learn_from',
        "Last(period='12 months'",
        "the column that Data calls time",
        'by="upload"',
    ),
    (
        lambda: project(learn_from=WarmStart(last="3 months")),
        'Project "f", learn_from',
        "WarmStart(last='3 months'",
        "the column that Data calls time",
        "leave last out",
    ),
    (
        lambda: project(learn_from=WarmStart(), train=RandomForest()),
        'Project "f", learn_from',
        "WarmStart(...)",
        "only a model of XGBoost(), LightGBM() or MLP()",
        "learn_from=Last(...)",
    ),
    (
        lambda: project(learn_from=WarmStart(), tune=4),
        'Project "f", learn_from',
        "WarmStart(...)",
        "tuning compares trainings that begin from nothing",
        "leave tune",
    ),
    (
        lambda: project(learn_from=Last("1 year", by="upload"), train=words(), endpoint=None),
        'Project "f", learn_from',
        "Last(...)",
        "reads its own channels",
        "leave it out",
    ),
    # Deployment
    (lambda: OnApproval(people=3), "OnApproval, people", "3", "1 or 2", "people=1"),
    (lambda: OnApproval(link_valid="1 min"), "link_valid", "'1 min'", "from 1 h to 7 days", "is '1 h'"),
    (lambda: OnGate(people=2), "OnGate, people", "2", "no such field, it has none", "leave people out"),
    (lambda: OnGate(2), "OnGate, value 1", "2", "OnGate takes nothing", "leave it out"),
    (lambda: project(deploy="gate"), "deploy", "'gate'", "OnApproval(...) or OnGate(...)", "OnGate"),
    (
        lambda: project(deploy=OnApproval(link_valid="3 days")),
        'Project "f", deploy.link_valid',
        "'3 days'",
        "nobody gets one",
        "notify='team@example.com'",
    ),
    # Receivers
    (
        lambda: Webhook("https://hooks.example.com/T0/B1"),
        "Webhook, secret",
        "'https://",
        "the name of a secret",
        "store the address as a secret",
    ),
    (lambda: Webhook("my chat"), "Webhook, secret", "'my chat'", "letters, digits", "secret='flights-chat'"),
    (lambda: project(notify=["me"]), 'Project "f", notify[0]', "'me'", "an e-mail address", "notify='team@"),
    (lambda: project(notify=3), 'Project "f", notify', "3", "Webhook(...)", "notify='team@example.com'"),
    (
        lambda: project(notify=["a@b.org", "a@b.org"]),
        'Project "f", notify',
        "('a@b.org', 'a@b.org')",
        "each receiver may stand once",
        "remove",
    ),
]


@pytest.mark.parametrize(
    ("declare", "where", "given", "rule", "fix"), BAD, ids=[f"{i}-{bad[1]}" for i, bad in enumerate(BAD)]
)
def test_refused_with_field_value_rule_and_fix(
    declare: Callable[[], object], where: str, given: str, rule: str, fix: str
) -> None:
    refused_with(declare, where, given, rule, fix)
