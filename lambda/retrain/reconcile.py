"""Brings a pipeline to where its requests want it, one step and one conditional write at a time.

Every step may be the last one before a crash. The order of the two effects in a step makes that harmless:
what can be repeated (a delayed message, a start under a fixed token) comes before the write that says that it
was done.
"""

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from retrain.decision import (
    ExecutionStatus,
    Finish,
    Intend,
    LookAgain,
    Nothing,
    Pace,
    Start,
    decide,
    look_again,
)
from retrain.executions import Busy
from retrain.messages import Request
from retrain.messages import look_again as look_again_message
from retrain.state import Running, State
from retrain.table import Conflict

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BUSY_SECONDS = 60
TURNS = 100


class Contended(Exception):
    """Too many others write the state at the same time; the message will be delivered again."""


class StateItem(Protocol):
    """Where the state is kept."""

    def load(self) -> State:
        """The state as last written."""

    def save(self, state: State) -> State:
        """Write over the version that `state` was made from; raises Conflict."""


class PipelineExecutions(Protocol):
    """What SageMaker does for us; each call may raise Busy."""

    def champion(self) -> str | None:
        """The model that new ones are compared with."""

    def start(self, running: Running) -> str:
        """The ARN of the execution of this token."""

    def status(self, arn: str) -> ExecutionStatus:
        """Where an execution stands."""


class DelayedLooks(Protocol):
    """How we wake ourselves."""

    def send(self, at: int, delay: int) -> None:
        """Have a look delivered in `delay` seconds."""


class Queue:
    """Our own queue, for the messages that make us look again."""

    def __init__(self, sqs: "SQSClient", url: str) -> None:
        self._sqs = sqs
        self._url = url

    def send(self, at: int, delay: int) -> None:
        """Have a look for the epoch second `at` delivered in `delay` seconds (at most 900)."""
        self._sqs.send_message(QueueUrl=self._url, MessageBody=look_again_message(at), DelaySeconds=delay)


class Reconciler:
    """Starts at most one execution of `pipeline` at a time, and one after every request."""

    def __init__(
        self,
        pipeline: str,
        pace: Pace,
        *,
        table: StateItem,
        executions: PipelineExecutions,
        looks: DelayedLooks,
        clock: Callable[[], float] = time.time,
        report: Callable[..., object] = lambda *_args, **_fields: None,
    ) -> None:
        self._pipeline = pipeline
        self._pace = pace
        self._table = table
        self._executions = executions
        self._looks = looks
        self._clock = clock
        self._report = report

    def reconcile(self, requests: Sequence[Request], looks: Collection[int]) -> None:
        """Count the requests, then act until nothing is left to do; `looks` are our own that arrived."""
        counted = False
        for _ in range(TURNS):
            try:
                state = self._table.load()
                if not counted:
                    state = self._count(state, requests, looks)
                    counted = True
                if not self._act(state, int(self._clock())):
                    return
            except Conflict:
                time.sleep(random.uniform(0, 0.05))  # noqa: S311  jitter, no secret
        raise Contended(f"the state of {self._pipeline} changed under us {TURNS} times in a row")

    def _count(self, state: State, requests: Sequence[Request], looks: Collection[int]) -> State:
        received = state.received(requests, looks, int(self._clock()))
        return state if received == state else self._table.save(received)

    def _act(self, state: State, now: int) -> bool:
        """Take one step; True when there may be another one."""
        try:
            return self._step(state, now)
        except Busy as reason:
            self._report("SageMaker is busy, the start waits", reason=str(reason))
            return self._look(state, now, look_again(state, now, now + BUSY_SECONDS))

    def _step(self, state: State, now: int) -> bool:
        arn = state.running.arn if state.running else None
        execution = self._executions.status(arn) if arn else None
        match decide(state, now, execution, self._pace):
            case Intend():
                self._table.save(state.intended(self._pipeline, self._executions.champion(), now))
            case Start(running):
                started = replace(running, arn=self._executions.start(running))
                self._table.save(replace(state, running=started))
                self._report("Execution started", execution=started.arn, reason=started.description)
            case Finish():
                self._table.save(replace(state, running=None))
                self._report("Execution finished", execution=arn, status=execution)
            case (LookAgain() | Nothing()) as look:
                return self._look(state, now, look)
        return True

    def _look(self, state: State, now: int, look: LookAgain | Nothing) -> bool:
        if isinstance(look, LookAgain):
            self._looks.send(look.at, look.at - now)
            self._table.save(replace(state, look_at=look.at))
        return False
