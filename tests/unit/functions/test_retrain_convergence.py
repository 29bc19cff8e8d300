"""Whatever crashes, races, repeats, gets lost or comes late: one execution at a time, and none too few."""

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from retrain import reconcile
from tests.unit.functions.retrain_world import BEGIN, COOLDOWN, QUIET, TROUBLE, Message, World

CALLS = ["champion", "start", "take", "keep", "in_flight", "status", "load", "save", "send", "tell", "move"]

# Names, empty for one of its own each, and whether the event gets lost.
UPLOADS = st.tuples(st.sampled_from(["", "", "same", "bad", "bad large"]), st.booleans())


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "pause", lambda _seconds: None)


class Retraining(RuleBasedStateMachine):
    world: World

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @rule(
        uploads=st.lists(UPLOADS, max_size=2),
        seconds=st.sampled_from([0, 1, QUIET, COOLDOWN]),
        trouble=st.dictionaries(st.integers(0, 20), st.sampled_from(TROUBLE), max_size=4),
        skew=st.integers(0, 120),
        batch=st.integers(1, 10),
    )
    def deliver(
        self, uploads: list[tuple[str, bool]], seconds: int, trouble: dict[int, str], skew: int, batch: int
    ) -> None:
        for key, lost in uploads:
            self.world.upload(key, lost=lost)
        self.world.now += seconds
        self.world.skew = skew
        self.world.at_call = {self.world.calls + offset: event for offset, event in trouble.items()}
        self.world.deliver(batch=batch)
        self.world.at_call = {}

    @precondition(lambda self: not self.world.busy)
    @rule(seconds=st.sampled_from([QUIET, COOLDOWN, reconcile.LIST_SECONDS]))
    def wait(self, seconds: int) -> None:
        self.world.pass_time(seconds)

    @rule(event=st.sampled_from([World.ask, World.schedule, World.sweep]))
    def event(self, event: Callable[[World], None]) -> None:
        event(self.world)

    @precondition(lambda self: not self.world.state.running)
    @rule()
    def run_by_hand(self) -> None:
        if not any(e.status == "Executing" for e in self.world.executions.values()):
            self.world.run_by_hand()

    @rule(order=st.randoms())
    def reorder(self, order: random.Random) -> None:
        order.shuffle(self.world.queue)

    @precondition(lambda self: self.world.events)
    @rule(data=st.data())
    def deliver_an_event_twice(self, data: st.DataObject) -> None:
        body = data.draw(st.sampled_from(self.world.events))
        self.world.queue.append(Message(body, self.world.now))

    @precondition(lambda self: self.world.queue)
    @rule(data=st.data())
    def lose_a_message(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.world.queue))
        if "Requested" not in message.body:  # SQS and EventBridge keep what people ask for
            self.world.queue.remove(message)

    @precondition(lambda self: self.world.executions)
    @rule()
    def finish(self) -> None:
        self.world.finish()

    @rule(busy=st.frozensets(st.sampled_from(CALLS), max_size=3))
    def throttle(self, busy: frozenset[str]) -> None:
        self.world.busy = busy

    @invariant()
    def one_execution_at_a_time(self) -> None:
        assert [e.status for e in self.world.executions.values()].count("Executing") <= 1

    @invariant()
    def no_execution_without_a_cause(self) -> None:
        assert len(self.world.ours) <= self.world.uploaded + self.world.asked
        given: frozenset[object] = frozenset()
        for execution in self.world.ours:
            assert execution.cause == "other" or execution.inputs - given
            given = execution.inputs

    @invariant()
    def no_start_before_it_is_quiet(self) -> None:
        # The time of the decision counts: a start that was busy or crashed is made later, never earlier.
        if not self.world.asked and not self.world.scheduled:
            assert all(e.started_at >= BEGIN + QUIET for e in self.world.ours)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.settle()
        assert not world.state.pending
        assert world.state.running is None
        read = frozenset[object]().union(*(e.inputs for e in world.ours))
        assert {each.content for each in world.objects.values()} <= read
        assert not [key for key in world.objects if "bad" in key and "large" not in key]
        assert max((e.asked for e in world.ours), default=0) == world.asked
        assert {arn for kind, arn in world.told if kind == "started"} == {e.arn for e in world.ours}


TestRetraining = Retraining.TestCase
TestRetraining.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
