"""Whatever crashes, races, repeats or comes late: one execution at a time, and none too few."""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from retrain.decision import ExecutionStatus, Pace
from retrain.executions import Busy
from retrain.messages import Look, Request, look_again, parse
from retrain.reconcile import Reconciler
from retrain.state import Running, State
from retrain.table import Conflict

QUIET, COOLDOWN = 300, 1000


class Crash(Exception):
    """The function's process died."""


@dataclass
class Execution:
    arn: str
    started_at: int
    uploaded: int
    status: ExecutionStatus = "Executing"


@dataclass
class Message:
    body: str
    visible_at: int


@dataclass
class World:
    """DynamoDB, SageMaker, SQS and the time; each call is a point where something may happen."""

    now: int = 1_000_000
    state: State = field(default_factory=State)
    queue: list[Message] = field(default_factory=list)
    executions: dict[str, Execution] = field(default_factory=dict)
    uploaded: int = 0
    busy: frozenset[str] = frozenset()
    start_calls: int = 0
    events: list[str] = field(default_factory=list)
    at_call: dict[int, str] = field(default_factory=dict)
    calls: int = 0
    skew: int = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call to AWS: the process may die before or after it, or another one may run in between."""
        event = self.at_call.pop(self.calls, None)
        self.calls += 1
        if event == "another":
            self.deliver(duplicate=True)
        if event == "crash before":
            raise Crash
        yield
        if event == "crash after":
            raise Crash

    def load(self) -> State:
        with self.call():
            return self.state

    def save(self, state: State) -> State:
        with self.call():
            if state.version != self.state.version:
                raise Conflict
            self.state = State(**{**vars(state), "version": state.version + 1})
            return self.state

    def champion(self) -> str | None:
        with self.call():
            if "champion" in self.busy:
                raise Busy("ThrottlingException")
            return ["s3://champion", None][self.calls % 2]

    def start(self, running: Running) -> str:
        with self.call():
            self.start_calls += 1
            if "start" in self.busy:
                raise Busy("ResourceLimitExceeded")
            new = Execution(f"arn:{running.token}", self.now, self.uploaded)
            return self.executions.setdefault(running.token, new).arn

    def status(self, arn: str) -> ExecutionStatus:
        with self.call():
            return next(e.status for e in self.executions.values() if e.arn == arn)

    def send(self, at: int, delay: int) -> None:
        assert 0 <= delay <= 900
        with self.call():
            self.queue.append(Message(look_again(at), self.now + delay))

    def deliver(self, *, duplicate: bool = False, batch: int = 10) -> None:
        """One invocation of the function; messages of an invocation that died stay in the queue."""
        visible = list(islice((m for m in self.queue if m.visible_at <= self.now), batch))
        if not visible:
            return
        messages = [parse(m.body) for m in visible]
        reconciler = Reconciler(
            "flights-training",
            Pace(QUIET, COOLDOWN),
            table=self,
            executions=self,
            looks=self,
            clock=lambda: self.now - self.skew,
        )
        try:
            reconciler.reconcile(
                [m for m in messages if isinstance(m, Request)],
                [m.at for m in messages if isinstance(m, Look) and m.at is not None],
            )
        except Crash:
            return
        if not duplicate:
            handled = {id(m) for m in visible}
            self.queue = [m for m in self.queue if id(m) not in handled]

    def upload(self) -> None:
        self.uploaded += 1
        detail = {
            "bucket": {"name": "incoming"},
            "object": {"key": f"data/{self.uploaded}.csv", "sequencer": "0"},
        }
        event = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        self.events.append(json.dumps(event))
        self.queue.append(Message(self.events[-1], self.now))

    def finish(self) -> None:
        kind = "SageMaker Model Building Pipeline Execution Status Change"
        for execution in self.executions.values():
            if execution.status == "Executing":
                execution.status = "Succeeded"
                self.queue.append(
                    Message(json.dumps({"source": "aws.sagemaker", "detail-type": kind}), self.now)
                )

    def settle(self) -> None:
        """No more trouble: deliver all that comes, let executions end, until nothing is under way."""
        self.at_call, self.busy = {}, frozenset()
        for _ in range(200):
            while any(m.visible_at <= self.now for m in self.queue):
                self.deliver()
            self.finish()
            if not self.queue:
                return
            self.now = max(self.now, min(m.visible_at for m in self.queue))
        raise AssertionError("it never comes to rest")


TROUBLE = st.dictionaries(
    st.integers(0, 12), st.sampled_from(["crash before", "crash after", "another"]), max_size=4
)


class Retraining(RuleBasedStateMachine):
    world: World

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @rule(
        uploads=st.integers(0, 2),
        seconds=st.sampled_from([0, 1, QUIET, COOLDOWN]),
        trouble=TROUBLE,
        skew=st.integers(0, 2),
        batch=st.integers(1, 10),
    )
    def deliver(self, uploads: int, seconds: int, trouble: dict[int, str], skew: int, batch: int) -> None:
        for _ in range(uploads):
            self.world.upload()
        self.world.now += seconds
        self.world.skew = skew
        self.world.at_call = {self.world.calls + offset: event for offset, event in trouble.items()}
        self.world.deliver(batch=batch)
        self.world.at_call = {}

    @rule(order=st.randoms())
    def reorder(self, order: random.Random) -> None:
        order.shuffle(self.world.queue)

    @precondition(lambda self: self.world.events)
    @rule(data=st.data())
    def deliver_an_event_twice(self, data: st.DataObject) -> None:
        body = data.draw(st.sampled_from(self.world.events))
        self.world.queue.append(Message(body, self.world.now))

    @rule()
    def finish(self) -> None:
        self.world.finish()

    @rule(busy=st.frozensets(st.sampled_from(["champion", "start"])))
    def throttle(self, busy: frozenset[str]) -> None:
        self.world.busy = busy

    @invariant()
    def one_execution_at_a_time(self) -> None:
        assert [e.status for e in self.world.executions.values()].count("Executing") <= 1

    @invariant()
    def at_most_one_start_for_each_window(self) -> None:
        assert len(self.world.executions) <= self.world.uploaded

    @invariant()
    def no_start_before_quiet_and_cooldown(self) -> None:
        # The time of the decision counts: a start that was busy or crashed is made later, never earlier.
        starts = sorted(e.started_at for e in self.world.executions.values())
        assert all(start >= 1_000_000 + QUIET for start in starts)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        world = self.world
        world.settle()
        assert not world.state.pending
        assert world.state.requested == world.uploaded
        assert max((e.uploaded for e in world.executions.values()), default=0) == world.uploaded


TestRetraining = Retraining.TestCase
TestRetraining.settings = settings(
    max_examples=200, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("trouble", ["crash before", "crash after", "another"])
@pytest.mark.parametrize("at", range(20))
def test_each_single_call_may_be_the_last(trouble: str, at: int) -> None:
    world = World(at_call={at: trouble})
    world.upload()
    world.deliver()
    world.now += QUIET
    for _ in range(4):
        world.deliver()
    world.settle()
    assert len(world.executions) == 1
    assert not world.state.pending


def test_a_storm_of_ten_thousand_objects_is_one_execution() -> None:
    world = World()
    for number in range(10_000):
        world.upload()
        if number % 200 == 0:
            world.now += 1
    world.settle()
    assert len(world.executions) == 1
    assert world.start_calls == 1
    assert world.state.requested == 10_000


def test_an_object_that_lands_during_a_run_makes_exactly_one_more() -> None:
    world = World()
    world.upload()
    world.deliver()
    world.now += QUIET
    world.deliver()
    for _ in range(5):
        world.upload()
        world.deliver()
    assert len(world.executions) == 1
    world.settle()
    assert [e.uploaded for e in world.executions.values()] == [1, 6]


def test_a_start_refused_a_hundred_times_is_made_soon_after_it_may() -> None:
    world = World(busy=frozenset({"start"}))
    world.upload()
    while world.start_calls < 100:
        world.deliver()
        world.now += 30
    world.busy, freed = frozenset(), world.now
    while not world.executions:
        world.now += 1
        world.deliver()
    assert world.now - freed <= 120
    world.settle()
    assert len(world.executions) == 1


def test_a_lost_event_of_the_end_delays_but_loses_nothing() -> None:
    world = World()
    world.upload()
    world.deliver()
    world.now += QUIET
    world.deliver()
    world.upload()
    world.deliver()
    next(iter(world.executions.values())).status = "Failed"  # and nobody tells us
    for _ in range(5):
        world.now += 900
        world.deliver()
    assert len(world.executions) == 2
