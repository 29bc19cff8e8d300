"""The decision about one pipeline, as a table."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrain.decision import (
    Adopt,
    Cover,
    Elsewhere,
    Finish,
    Intend,
    LookAgain,
    Measure,
    Nothing,
    Start,
    Wait,
    decide,
)
from retrain.measured import Least, Measured, Object
from retrain.messages import Kind, Request
from retrain.pace import Pace
from retrain.state import NAMED_CAUSES, REMEMBERED_REQUESTS, Cause, Running, State

COOLDOWNS: Mapping[Kind, int] = {"data": 3600, "schedule": 600, "drift": 86_400, "replay": 3600}
PACE = Pace(quiet=300, cooldowns=COOLDOWNS, on_new_data=True)
NOW = 1_000_000
RUNNING = Running("t" * 64, None, "why", arn="arn:execution")
FILE = Object("data/a.csv", "e", 1_000, datetime.fromtimestamp(NOW, UTC))
SOMETHING = Measured(
    "s3://a/inputs/d/data.manifest", (FILE,), new_files=1, new_bytes=1_000, oldest_new=NOW, definition="1"
)
SAME = Measured("s3://a/inputs/d/data.manifest", (FILE,), definition="1")
KINDS: tuple[Kind, ...] = ("data", "schedule", "drift", "quality", "manual", "replay")


def requested(at: int, state: State | None = None, *, id_: str = "a", kind: Kind = "data") -> State:
    return (state or State(definition="1")).received([Request(id_, kind, f"s3://b/{id_}")], (), at)


def test_nothing_requested_nothing_done() -> None:
    assert decide(State(), NOW, None, PACE) == Nothing()


def test_a_request_waits_for_quiet_and_one_look_is_enough() -> None:
    state = requested(NOW)
    assert decide(state, NOW, None, PACE) == LookAgain(NOW + 300)
    assert decide(replace(state, look_at=NOW + 300), NOW, None, PACE) == Nothing()
    assert decide(state, NOW + 299, None, PACE) == LookAgain(NOW + 300)
    assert decide(state, NOW + 300, None, PACE) == Measure()
    assert decide(state, NOW + 300, None, PACE, SOMETHING) == Intend(SOMETHING)


def test_a_later_look_on_its_way_does_not_replace_an_earlier_one() -> None:
    state = replace(requested(NOW), look_at=NOW + 900)
    assert decide(state, NOW, None, PACE) == LookAgain(NOW + 300)


def test_data_that_trickles_in_postpones_only_so_long() -> None:
    state, at = State(), NOW
    while decide(state, at, None, PACE) != Measure():
        at += 200
        state = requested(at, state, id_=str(at))
    assert at - NOW <= 12 * 300 + 400


def test_each_kind_has_a_cooldown_of_its_own_and_a_person_has_none() -> None:
    started = State(last_start_at=NOW - 10)
    data = requested(NOW, started)
    assert decide(data, NOW + 301, None, PACE) == LookAgain(NOW + 301 + 900)
    assert decide(data, NOW + 3590, None, PACE) == Measure()
    scheduled = requested(NOW, started, kind="schedule")
    assert decide(scheduled, NOW, None, PACE) == LookAgain(NOW + 590)
    assert decide(scheduled, NOW + 590, None, PACE) == Measure(), "nothing to be quiet about"
    both = requested(NOW, data, id_="b", kind="schedule")
    assert decide(both, NOW + 590, None, PACE) == Measure(), "the earlier of the two"
    drift = requested(NOW, started, kind="drift")
    assert PACE.due(drift) == NOW - 10 + 86_400
    assert PACE.due(requested(NOW, started, kind="quality")) == NOW, "none is declared"
    assert decide(requested(NOW, drift, id_="c", kind="manual"), NOW, None, PACE) == Measure()


@pytest.mark.parametrize("kind", KINDS)
def test_without_new_data_only_a_person_trains(kind: Kind) -> None:
    decided = decide(requested(NOW, kind=kind), NOW + 300, None, PACE, SAME)
    if kind == "manual":
        assert decided == Intend(SAME, unconditional=True)
    else:
        assert isinstance(decided, Cover)
        assert "nothing" in decided.why


@pytest.mark.parametrize("kind", KINDS)
def test_another_pipeline_is_a_reason_but_not_for_a_late_duplicate(kind: Kind) -> None:
    other = replace(SAME, definition="2")
    decided = decide(requested(NOW, kind=kind), NOW + 300, None, PACE, other)
    assert isinstance(decided, Cover if kind in ("data", "replay") else Intend)
    if isinstance(decided, Intend):
        assert decided.unconditional, "none of the files is new, and that is right"
    empty = replace(other, objects=())
    if kind != "manual":
        assert isinstance(decide(requested(NOW, kind=kind), NOW + 300, None, PACE, empty), Cover)


def test_what_cannot_be_listed_is_always_trained_on() -> None:
    unlisted = Measured("s3://b/data/", complete=False)
    for kind in KINDS:
        decided = decide(requested(NOW, kind=kind), NOW + 300, None, PACE, unlisted, Least(files=5))
        assert isinstance(decided, Intend)


def test_too_little_data_wait_for_more_without_another_list() -> None:
    least, state = Least(files=2), requested(NOW)
    decided = decide(state, NOW + 300, None, PACE, SOMETHING, least)
    assert decided == Wait(0, "New data so far: 1 of 2 files")
    held = state.holding(NOW + 300, 0, decided.why)
    assert decide(held, NOW + 10**6, None, PACE) == Nothing()
    more = requested(NOW + 400, held, id_="b")
    assert not more.held
    assert decide(more, NOW + 700, None, PACE) == Measure()
    enough = replace(SOMETHING, new_files=2)
    assert decide(more, NOW + 700, None, PACE, enough, least) == Intend(enough)


def test_too_little_data_are_enough_after_a_while() -> None:
    least, state = Least(files=2, or_after=3600), requested(NOW)
    decided = decide(state, NOW + 300, None, PACE, SOMETHING, least)
    assert isinstance(decided, Wait)
    assert decided.until == NOW + 3600
    held = state.holding(NOW + 300, decided.until, decided.why)
    assert decide(held, NOW + 301, None, PACE) == LookAgain(NOW + 301 + 900)
    assert decide(held, NOW + 3600, None, PACE) == Measure()
    assert decide(held, NOW + 3600, None, PACE, SOMETHING, least) == Intend(SOMETHING)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "data"])
def test_only_data_alone_must_be_enough(kind: Kind) -> None:
    state = requested(NOW, requested(NOW), id_="b", kind=kind)
    decided = decide(state, NOW + 300, None, PACE, SOMETHING, Least(files=2))
    assert isinstance(decided, Intend)


def test_an_intent_is_started_before_anything_else() -> None:
    intent = replace(RUNNING, arn=None)
    assert decide(State(running=intent), NOW, None, PACE) == Start(intent)


def test_a_running_execution_is_left_alone_and_a_finished_one_written_off() -> None:
    state = requested(NOW, State(running=RUNNING), kind="manual")
    assert decide(state, NOW, "Executing", PACE) == LookAgain(NOW + 900)
    assert decide(state.passed_over(), NOW, "Stopping", PACE) == Nothing()
    for status in ("Succeeded", "Failed", "Stopped", "CompletedWithFailures", "Gone"):
        assert decide(state, NOW, status, PACE) == Finish()


def test_somebody_elses_execution_is_taken_for_a_running_one() -> None:
    state = requested(NOW, kind="manual")
    assert decide(state, NOW, None, PACE, Elsewhere("arn:other")) == Adopt("arn:other")


def test_overdue_is_what_is_due_and_does_not_run() -> None:
    state = requested(NOW)
    assert PACE.overdue(State(), NOW) == 0
    assert PACE.overdue(state, NOW + 300) == 0
    assert PACE.overdue(state, NOW + 310) == 10
    assert PACE.overdue(requested(NOW, kind="manual"), NOW + 7) == 7
    assert PACE.overdue(state.holding(NOW, 0, "too little"), NOW + 10**6) == 0
    intended = state.intended("p", NOW + 300, champion=None)
    assert PACE.overdue(intended, NOW + 350) == 50
    assert PACE.overdue(replace(state, running=RUNNING), NOW + 10**6) == 0


def test_an_intent_covers_what_was_requested_and_names_it() -> None:
    state = State()
    for number in range(10):
        state = requested(NOW, state, id_=str(number))
    intended = state.intended("flights-training", NOW + 5, champion="s3://champion", inputs="s3://m")
    assert not intended.pending
    assert (intended.last_start_at, intended.inputs) == (NOW + 5, "s3://m")
    assert intended.running == Running(
        intended.running.token if intended.running else "",
        "s3://champion",
        "Requested by s3://b/0, s3://b/1, s3://b/2, s3://b/3, s3://b/4, s3://b/5, s3://b/6, s3://b/7, 2 more",
        inputs="s3://m",
        kinds=("data",),
        reasons=tuple(f"s3://b/{number}" for number in range(8)),
    )
    again = requested(NOW, intended, id_="new").intended("flights-training", NOW, champion=None)
    assert again.running
    assert intended.running
    assert again.running.token != intended.running.token
    assert 32 <= len(again.running.token) <= 128


def test_a_table_that_begins_anew_asks_for_another_execution() -> None:
    first = requested(NOW).intended("p", NOW, champion=None).running
    anew = requested(NOW + 9).intended("p", NOW + 9, champion=None).running
    assert first
    assert anew
    assert first.token != anew.token


def test_every_kind_is_named_and_a_person_with_the_name() -> None:
    state = State()
    for number in range(20):
        state = requested(NOW, state, id_=str(number))
    state = state.received([Request("p", "manual", "new rules", "arn:ann")], (), NOW)
    state = requested(NOW, state, id_="s", kind="schedule")
    assert len(state.causes) == NAMED_CAUSES
    assert {cause.kind for cause in state.causes} == {"data", "manual", "schedule"}
    assert state.kinds == ("data", "manual", "schedule")
    assert str(Cause("manual", "new rules", "arn:ann")) == "new rules (arn:ann)"
    running = state.intended("p", NOW, champion=None).running
    assert running
    assert "new rules (arn:ann)" in running.description


@given(st.lists(st.text(max_size=3), max_size=30), st.randoms())
def test_duplicates_and_order_never_matter(ids: list[str], random: Random) -> None:
    requests = [Request(id_, "data", "r") for id_ in ids]
    shuffled = [*requests, *requests]
    random.shuffle(shuffled)
    state = State().received(shuffled, (), NOW)
    assert state.requested == len(set(ids))
    assert state.received(requests, (), NOW + 1) == state


@given(st.lists(st.builds(Request, st.text(), st.sampled_from(KINDS), st.text(), st.text()), max_size=30))
def test_a_description_is_one_printable_line(requests: list[Request]) -> None:
    running = State().received(requests, (), NOW).intended("p", NOW, champion=None).running
    assert running
    assert running.description.isprintable()
    assert len(running.description) <= 3072


def test_the_state_stays_small() -> None:
    long = [Request(str(n), KINDS[n % 6], "r" * 1000, "w" * 1000) for n in range(10_000)]
    state = State().received(long, (), NOW)
    assert state.requested == 10_000
    assert len(state.seen) == REMEMBERED_REQUESTS
    assert sum(len(str(cause)) for cause in state.causes) <= 3000
    running = state.intended("p", NOW, champion=None).running
    assert running
    assert len(running.description) <= 3072
