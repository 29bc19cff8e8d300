"""Triggers, windows, deployment and receivers: what others read from a declaration of them."""

import dataclasses
import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from declaration import (
    MLP,
    Algorithm,
    Data,
    DeclarationError,
    Endpoint,
    Every,
    Everything,
    Last,
    LightGBM,
    OnApproval,
    OnDrift,
    OnGate,
    OnNewData,
    OnQuality,
    Project,
    WarmStart,
    Webhook,
    XGBoost,
)
from declaration.algorithms.learner import Learner
from declaration.sizes import bytes_in
from declaration.triggers import Kind, Least
from declaration.window import LearnFrom, span

SIZES = {"B": 1, "kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
SERVED = Endpoint(calls_per_minute=60)


def project(**fields: Any) -> Project:
    return Project("p", **{"data": Data("y", time="t"), "endpoint": SERVED, **fields})


# New data


@given(st.integers(0, 10**6), st.sampled_from(sorted(SIZES)), st.sampled_from(["", " ", "  "]))
def test_a_number_and_a_unit_are_a_size(count: int, unit: str, gap: str) -> None:
    assert bytes_in(f"{count}{gap}{unit}") == count * SIZES[unit]


@given(st.text())
def test_any_text_is_a_size_in_range_or_refused_with_its_field(text: str) -> None:
    try:
        least = OnNewData(at_least=text).least.bytes
    except DeclarationError as refused:
        assert str(refused).startswith("OnNewData, at_least: ")
        assert "\n" not in str(refused)
    else:
        assert least is not None
        assert 1_000 <= least <= 10**14


def test_what_is_enough_is_known_in_bytes_rows_files_and_seconds() -> None:
    trigger = OnNewData(at_least="50 MB", rows=10_000, files=3, or_after="7 days")
    assert trigger.least == Least(50_000_000, 10_000, 3, 604_800)
    assert json.loads(json.dumps(dataclasses.asdict(trigger.least))) == {
        "bytes": 50_000_000,
        "rows": 10_000,
        "files": 3,
        "or_after": 604_800,
    }


def test_without_thresholds_whatever_arrives_is_enough() -> None:
    assert OnNewData().least == project(retrain=[]).least == Least(None, None, None, None)


@pytest.mark.parametrize(
    ("word", "written"), [("hour", "rate(1 hour)"), ("day", "rate(1 day)"), ("week", "rate(7 days)")]
)
def test_a_schedule_has_words(word: str, written: str) -> None:
    assert Every(word).schedule_expression == written


# Cooldowns


def test_every_kind_of_request_has_its_cooldown() -> None:
    declared = project(
        retrain=[
            OnNewData(cooldown="1 h"),
            Every("1 day", cooldown="2 h"),
            Every("cron(0 6 * * ? *)", cooldown="2 h"),
            OnDrift(cooldown="3 h"),
            OnQuality(at_least=0.6, cooldown="4 h"),
        ]
    )
    assert dict(declared.cooldowns) == {
        "data": 3600,
        "schedule": 7200,
        "drift": 10_800,
        "quality": 14_400,
        "manual": 0,
        "replay": 3600,
    }


def test_kinds_that_are_not_declared_wait_for_nothing() -> None:
    assert dict(project().cooldowns) == dict.fromkeys(get_args(Kind), 0)


# What is learnt from


@given(st.integers(1, 100), st.sampled_from(["year", "years"]))
def test_years_are_months(count: int, unit: str) -> None:
    assert span(f"{count} {unit}") == f"{12 * count} months"


@given(st.integers(1, 5_000), st.sampled_from(["week", "weeks"]))
def test_weeks_are_days(count: int, unit: str) -> None:
    assert span(f"{count}{unit}") == f"{7 * count} days"


@given(st.text())
def test_any_text_is_a_period_or_refused_with_its_field(text: str) -> None:
    try:
        told = Last(text).span
    except DeclarationError as refused:
        assert str(refused).startswith("Last, period: ")
        assert "\n" not in str(refused)
    else:
        # A job reads what it is told by the same rule.
        assert span(told) == told


def test_every_way_to_learn_says_what_a_job_is_told() -> None:
    ways: list[LearnFrom] = [
        Everything(),
        Last("1 year"),
        Last("90 days", by="upload"),
        WarmStart(),
        WarmStart(last="1 month"),
    ]
    assert [(way.span, way.by, way.warm) for way in ways] == [
        (None, "time", False),
        ("12 months", "time", False),
        ("90 days", "upload", False),
        (None, "time", True),
        ("1 months", "time", True),
    ]


def test_a_window_by_upload_needs_no_time() -> None:
    window = Last("90 days", by="upload")
    assert project(data=Data("y"), learn_from=window).learn_from == window


@pytest.mark.parametrize("train", [kind() for kind in get_args(Algorithm) if issubclass(kind, Learner)])
def test_a_warm_start_is_taken_for_exactly_the_models_that_resume(train: Algorithm) -> None:
    assert isinstance(train, Learner)
    data = Data("y", time="t", problem="forecast" if train.program == "forecast" else "binary")
    if train.resumes:
        assert Project("p", data=data, train=train, learn_from=WarmStart()).learn_from.warm
    else:
        with pytest.raises(DeclarationError, match=r"only a model of XGBoost\(\), LightGBM\(\) or MLP\(\)"):
            Project("p", data=data, train=train, learn_from=WarmStart())


def test_the_models_that_resume_are_those_of_the_message() -> None:
    assert XGBoost.resumes
    assert LightGBM.resumes
    assert MLP.resumes


# Deployment and receivers


def test_a_person_approves_unless_the_gate_does() -> None:
    assert project().deploy == OnApproval()
    assert (OnApproval().status, OnApproval().people) == ("PendingManualApproval", 1)
    assert (OnGate().status, OnGate().people, OnGate().recorded) == ("Approved", 0, False)


@pytest.mark.parametrize(
    ("deploy", "recorded", "link_seconds"),
    [
        (OnApproval(), False, None),
        (OnApproval(people=2), True, None),
        (OnApproval(link_valid="3 days"), True, 259_200),
        (OnApproval(people=2, link_valid="1 h"), True, 3600),
    ],
)
def test_who_approves_is_recorded_for_two_people_and_for_links(
    deploy: OnApproval, recorded: bool, link_seconds: int | None
) -> None:
    declared = project(deploy=deploy, notify="team@example.com").deploy
    assert (declared.recorded, declared.link_seconds) == (recorded, link_seconds)


def test_people_and_chats_are_told() -> None:
    one = project(notify="a@b.org")
    several = project(notify=["a@b.org", Webhook("flights-chat"), "c@d.org"])
    assert (one.emails, one.webhooks) == (("a@b.org",), ())
    assert (several.emails, several.webhooks) == (("a@b.org", "c@d.org"), ("flights-chat",))
    assert project(notify=Webhook("team/chat")).webhooks == ("team/chat",)
    assert project().receivers == project(notify=[]).receivers == ()


def test_a_project_with_every_word_is_frozen_and_hashable() -> None:
    def declared() -> Project:
        return project(
            retrain=[OnNewData(at_least="1 GB"), OnDrift(features=["a"]), OnQuality(at_least=0.6)],
            learn_from=Last("12 months"),
            deploy=OnApproval(people=2, link_valid="3 days"),
            notify=["a@b.org", Webhook("chat")],
        )

    assert len({declared(), declared()}) == 1
    with pytest.raises(TypeError):
        declared().cooldowns["data"] = 1  # type: ignore[index]
