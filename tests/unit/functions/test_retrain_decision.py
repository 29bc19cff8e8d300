"""The decision about one pipeline, as a table."""

from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from retrain.decision import Finish, Intend, LookAgain, Nothing, Pace, Start, decide
from retrain.messages import Request
from retrain.state import REMEMBERED_REQUESTS, Running, State

PACE = Pace(quiet=300, cooldown=3600)
NOW = 1_000_000
RUNNING = Running("t" * 64, None, "why", "arn:execution")


def requested(at: int, state: State | None = None, *, id_: str = "a", urgent: bool = False) -> State:
    return (state or State()).received([Request(id_, f"s3://b/{id_}", urgent)], (), at)


def test_nothing_requested_nothing_done() -> None:
    assert decide(State(), NOW, None, PACE) == Nothing()


def test_a_request_waits_for_quiet_and_one_look_is_enough() -> None:
    state = requested(NOW)
    assert decide(state, NOW, None, PACE) == LookAgain(NOW + 300)
    assert decide(replace(state, look_at=NOW + 300), NOW, None, PACE) == Nothing()
    assert decide(state, NOW + 299, None, PACE) == LookAgain(NOW + 300)
    assert decide(state, NOW + 300, None, PACE) == Intend()


def test_a_later_look_on_its_way_does_not_replace_an_earlier_one() -> None:
    state = replace(requested(NOW), look_at=NOW + 900)
    assert decide(state, NOW, None, PACE) == LookAgain(NOW + 300)


def test_data_that_trickles_in_postpones_only_so_long() -> None:
    state, at = State(), NOW
    while decide(state, at, None, PACE) != Intend():
        at += 200
        state = requested(at, state, id_=str(at))
    assert at - NOW <= 12 * 300 + 400


def test_the_cooldown_delays_and_a_person_passes_it() -> None:
    state = requested(NOW, State(last_start_at=NOW - 10))
    assert decide(state, NOW + 301, None, PACE) == LookAgain(NOW + 301 + 900)
    assert decide(state, NOW + 3590, None, PACE) == Intend()
    assert decide(requested(NOW, state, id_="b", urgent=True), NOW, None, PACE) == Intend()


def test_an_intent_is_started_before_anything_else() -> None:
    intent = replace(RUNNING, arn=None)
    assert decide(State(running=intent), NOW, None, PACE) == Start(intent)


def test_a_running_execution_is_left_alone_and_a_finished_one_written_off() -> None:
    state = requested(NOW, State(running=RUNNING), urgent=True)
    assert decide(state, NOW, "Executing", PACE) == LookAgain(NOW + 900)
    assert decide(replace(state, covered=state.requested), NOW, "Stopping", PACE) == Nothing()
    for status in ("Succeeded", "Failed", "Stopped", "CompletedWithFailures", "Gone"):
        assert decide(state, NOW, status, PACE) == Finish()


def test_an_intent_covers_what_was_requested_and_names_it() -> None:
    state = State()
    for number in range(8):
        state = requested(NOW, state, id_=str(number))
    intended = state.intended("flights-training", "s3://champion", NOW + 5)
    assert not intended.pending
    assert intended.last_start_at == NOW + 5
    assert intended.running == Running(
        intended.running.token if intended.running else "",
        "s3://champion",
        "Requested by s3://b/0, s3://b/1, s3://b/2, s3://b/3, s3://b/4, 3 more",
    )
    again = requested(NOW, intended, id_="new").intended("flights-training", None, NOW)
    assert again.running
    assert intended.running
    assert again.running.token != intended.running.token
    assert 32 <= len(again.running.token) <= 128


@given(st.lists(st.text(max_size=3), max_size=30), st.randoms())
def test_duplicates_and_order_never_matter(ids: list[str], random: Random) -> None:
    requests = [Request(id_, "r") for id_ in ids]
    shuffled = [*requests, *requests]
    random.shuffle(shuffled)
    state = State().received(shuffled, (), NOW)
    assert state.requested == len(set(ids))
    assert state.received(requests, (), NOW + 1) == state


@given(st.text())
def test_a_description_is_one_printable_line(key: str) -> None:
    running = State().received([Request("a", key)], (), NOW).intended("p", None, NOW).running
    assert running
    assert running.description.isprintable()
    assert len(running.description) <= 3072


def test_the_state_stays_small() -> None:
    state = State().received([Request(str(n), "r" * 1000) for n in range(10_000)], (), NOW)
    assert state.requested == 10_000
    assert len(state.seen) == REMEMBERED_REQUESTS
    assert sum(map(len, state.reasons)) <= 1500
