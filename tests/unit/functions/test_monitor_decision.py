"""When a look is due, and what comes before everything else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decision import (
    LONGEST_DELAY,
    SETTLED,
    ExecutionStatus,
    Finish,
    LookAgain,
    Nothing,
    Plan,
    Rhythm,
    Start,
    decide,
)
from monitor.model import Model
from monitor.state import Running, State

DEPLOYED = 1_000_000
DAY = 86_400
RHYTHM = Rhythm(every=DAY, quiet=30)
MODEL = Model("arn:model-package/flights/3", 3, DEPLOYED, "s3://a/baseline/", "s3://a/evaluation/")
RUNNING = Running("token", "20261101T000000Z", DEPLOYED + 50, "s3://a/monitoring/w", "s3://b/", "s3://q/")


def test_a_model_is_looked_at_after_a_period() -> None:
    due = DEPLOYED + DAY + SETTLED
    assert decide(State(), due - 1, MODEL, None, RHYTHM) == Nothing()
    assert decide(State(), due, MODEL, None, RHYTHM) == Plan(MODEL, DEPLOYED, DEPLOYED + DAY, regular=True)


def test_the_next_look_goes_on_where_the_last_one_ended() -> None:
    state = State(covered_until=DEPLOYED + DAY, looked_until=DEPLOYED + DAY)
    now = DEPLOYED + 3 * DAY
    assert decide(state, now, MODEL, None, RHYTHM) == Plan(MODEL, DEPLOYED + DAY, now - SETTLED, regular=True)


def test_calls_that_were_too_few_are_read_again() -> None:
    state = State(covered_until=DEPLOYED + 10, looked_until=DEPLOYED + DAY)
    decided = decide(state, DEPLOYED + 2 * DAY + SETTLED, MODEL, None, RHYTHM)
    assert decided == Plan(MODEL, DEPLOYED + 10, DEPLOYED + 2 * DAY, regular=True)


def test_labels_cause_a_look_when_no_more_come() -> None:
    state = State(covered_until=DEPLOYED, looked_until=DEPLOYED, labels_at=DEPLOYED + 100)
    assert decide(state, DEPLOYED + 110, MODEL, None, RHYTHM) == LookAgain(DEPLOYED + 130)
    # One is on its way.
    waiting = replace(state, look_at=DEPLOYED + 130)
    assert decide(waiting, DEPLOYED + 110, MODEL, None, RHYTHM) == Nothing()
    assert decide(state, DEPLOYED + 130, MODEL, None, RHYTHM) == Plan(
        MODEL, DEPLOYED, DEPLOYED + 110, regular=False
    )


def test_who_asks_waits_until_the_calls_before_are_there() -> None:
    state = State(covered_until=DEPLOYED, looked_until=DEPLOYED, asked=("1",), asked_at=DEPLOYED + 300)
    assert decide(state, DEPLOYED + 300, MODEL, None, RHYTHM) == LookAgain(DEPLOYED + 300 + SETTLED)
    decided = decide(state, DEPLOYED + 300 + SETTLED, MODEL, None, RHYTHM)
    assert decided == Plan(MODEL, DEPLOYED, DEPLOYED + 300, regular=False)


def test_no_two_looks_end_at_the_same_time() -> None:
    state = State(covered_until=DEPLOYED, looked_until=DEPLOYED + 280, asked=("2",))
    assert decide(state, DEPLOYED + 300, MODEL, None, RHYTHM) == LookAgain(DEPLOYED + 301)
    decided = decide(state, DEPLOYED + 301, MODEL, None, RHYTHM)
    assert decided == Plan(MODEL, DEPLOYED, DEPLOYED + 281, regular=False)


def test_without_a_model_there_is_nothing_to_look_at() -> None:
    assert decide(State(asked=("1",)), DEPLOYED + 9 * DAY, None, None, RHYTHM) == Nothing()


def test_a_look_that_was_decided_on_is_started_whatever_serves_now() -> None:
    assert decide(State(running=RUNNING), DEPLOYED, None, None, RHYTHM) == Start(RUNNING)


@pytest.mark.parametrize(
    ("status", "decided"),
    [
        ("Executing", LookAgain(DEPLOYED + LONGEST_DELAY)),
        ("Stopping", LookAgain(DEPLOYED + LONGEST_DELAY)),
        ("Succeeded", Finish(replace(RUNNING, arn="arn"), succeeded=True)),
        ("Failed", Finish(replace(RUNNING, arn="arn"), succeeded=False)),
        ("Stopped", Finish(replace(RUNNING, arn="arn"), succeeded=False)),
        ("Gone", Finish(replace(RUNNING, arn="arn"), succeeded=False)),
    ],
)
def test_the_end_of_a_look(status: ExecutionStatus, decided: object) -> None:
    state = State(running=replace(RUNNING, arn="arn"))
    assert decide(state, DEPLOYED, None, status, RHYTHM) == decided


@given(
    now=st.integers(0, 10**10),
    covered=st.integers(0, 10**10),
    looked=st.integers(0, 10**10),
    labels=st.integers(0, 10**10),
    asked=st.booleans(),
    every=st.integers(60, 31 * DAY),
)
def test_every_look_reads_something_new_and_what_has_settled(
    now: int, covered: int, looked: int, labels: int, asked: bool, every: int
) -> None:
    state = State(
        covered_until=min(covered, looked),
        looked_until=looked,
        labels_at=labels,
        asked=("1",) if asked else (),
    )
    decided = decide(state, now, MODEL, None, Rhythm(every, 30))
    if isinstance(decided, Plan):
        assert decided.end == now - SETTLED
        assert decided.end > max(looked, decided.start)
        assert decided.start == (state.covered_until or DEPLOYED)
        assert decided.regular == (decided.end >= max(looked, DEPLOYED) + every)
    elif isinstance(decided, LookAgain):
        assert asked or labels
        assert decided.at <= now + LONGEST_DELAY
