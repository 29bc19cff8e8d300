"""What comes in masses, what nobody can read, and what has to wait for days."""

import json
import random
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.histories.aws.client import Turn
from tests.histories.aws.points import Refused
from tests.histories.projects import QUIET
from tests.histories.rest import deliver_all, problems, settle
from tests.histories.seams import installed
from tests.histories.wiring import Wiring
from tests.histories.world import OBJECT_CREATED, World

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
# SQS takes no empty message, and no control characters.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
TEXT = st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff")
UNREADABLE = st.text(TEXT, min_size=1, max_size=60) | JSON.map(json.dumps)


def test_a_storm_in_any_order_and_in_part_twice_is_one_execution(world: World) -> None:
    dice = random.Random(3)  # noqa: S311 (no secret)
    for number in range(1_000):
        world.upload(f"{number:04}.csv", b"%d" % number)
    queue = world.account.sqs.queues[world.queue]
    bodies = [message.body for message in queue.messages]
    for body in dice.sample(bodies, 200):
        world.send(json.loads(body))
    dice.shuffle(queue.messages)
    settle(world)
    (start,) = world.training.starts
    assert start.execution.calls == 1
    assert len(start.contents) == 1_000
    # Long after the run, when it is remembered no more which events had come.
    for body in dice.sample(bodies, 100):
        world.send(json.loads(body))
    settle(world)
    assert len(world.training.starts) == 1
    assert not list(problems(world))


def test_events_may_come_in_any_order(wirings: Mapping[str, Wiring]) -> None:
    events = 200

    @settings(max_examples=20, deadline=None)
    @given(order=st.permutations(range(events)))
    def played(order: Sequence[int]) -> None:
        world = World(wirings["flights"])
        for number in range(events):
            # Every other one overwrites the object before.
            world.upload(f"{number // 2}.csv", b"%d" % number)
        messages = world.account.sqs.queues[world.queue].messages
        messages[:] = [messages[place] for place in order]
        settle(world)
        (start,) = world.training.starts
        assert len(start.contents) == events / 2
        assert not list(problems(world))

    with installed(sorted({function.module for function in wirings["flights"].functions.values()})):
        played()
        Turn.account = None


def test_an_event_during_a_run_is_exactly_one_more(world: World) -> None:
    world.upload("a.csv", b"1")
    while not world.training.starts:
        world.advance(60)
        deliver_all(world)
    for number in range(5):
        world.advance(60)
        world.upload(f"during-{number}.csv", b"22")
        deliver_all(world)
    assert len(world.training.starts) == 1
    settle(world)
    assert len(world.training.starts) == 2
    assert not list(problems(world))


def test_one_event_a_thousand_times_is_one_execution(world: World) -> None:
    world.upload("a.csv", b"1")
    (message,) = world.account.sqs.queues[world.queue].messages
    for _ in range(999):
        world.send(json.loads(message.body))
    settle(world)
    assert len(world.training.starts) == 1


@pytest.mark.parametrize("function", ["retrain", "monitor", "promote", "tell"])
def test_what_nobody_can_read_is_a_dead_letter_after_one_delivery(world: World, function: str) -> None:
    @settings(max_examples=500, deadline=None)
    @given(body=UNREADABLE)
    def sent(body: str) -> None:
        before = len(world.dead_letters())
        world.send_unreadable(function, body)
        world.upload("a.csv", b"1")
        assert world.functions.wake(function)
        assert not world.functions.failures
        dead = world.dead_letters()
        # A JSON text may happen to be a sweep or so; nothing else is taken for one of ours.
        assert len(dead) == before + 1
        assert dead[-1].body == body
        assert dead[-1].attributes["REASON"]["StringValue"]

    sent()
    assert not [message for message in world.dead_letters() if OBJECT_CREATED in message.body]


def test_a_start_that_is_refused_a_hundred_times_is_made_soon_after_it_may(world: World) -> None:
    refused = 0

    def refuse(**_: Any) -> dict[str, Any]:
        nonlocal refused
        refused += 1
        raise Refused("ThrottlingException", "Rate exceeded")

    start = world.account.pipelines.start_pipeline_execution
    world.account.pipelines.start_pipeline_execution = refuse  # type: ignore[method-assign]
    world.upload("a.csv", b"1")
    for _ in range(1_000):
        world.advance(30)
        deliver_all(world)
        if refused >= 100:
            break
    assert refused >= 100
    world.account.pipelines.start_pipeline_execution = start  # type: ignore[method-assign]
    freed = world.account.now
    while not world.training.starts:
        world.advance(10)
        deliver_all(world)
    assert world.account.now - freed <= 120
    settle(world)
    assert len(world.training.starts) == 1
    assert not world.dead_letters()


def test_a_full_quota_for_a_day_is_measured_and_starts_by_itself(world: World) -> None:
    world.account.pipelines.full = True
    world.upload("a.csv", b"1")
    for _ in range(24 * 12):
        world.advance(300)
        deliver_all(world)
    assert not world.training.starts
    waited = [
        datum["Value"] for datum in world.account.cloudwatch.put if datum["MetricName"] == "PendingSeconds"
    ]
    assert waited[-1] > 23 * 3_600
    assert sorted(waited) == waited
    # The alarm begins to ring once, and goes on.
    threshold = world.wiring.thresholds["PendingSeconds"]
    rings = [value > threshold for value in waited]
    assert sum(now and not before for before, now in pairwise(rings)) == 1
    assert not world.dead_letters()
    world.account.pipelines.full = False
    settle(world)
    assert len(world.training.starts) == 1
    assert world.last_start_after <= QUIET
    world.account.now += 300
    world.sweep()
    deliver_all(world)
    assert world.account.cloudwatch.put[-1]["Value"] == 0
