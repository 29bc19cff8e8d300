"""Brings a pipeline to where its requests want it, one step and one conditional write at a time.

Every step may be the last one before a crash. The order of the effects in a step makes that harmless: what
can be repeated (a delayed message, a list, an event, a start under a fixed token) comes before the write that
says that it was done.
"""

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from retrain.decision import (
    Adopt,
    Cover,
    Decision,
    Elsewhere,
    ExecutionStatus,
    Finish,
    Intend,
    LookAgain,
    Measure,
    Nothing,
    Start,
    Wait,
    decide,
    look_again,
)
from retrain.faults import Busy
from retrain.measured import Least, Measured
from retrain.messages import Request, found_by_list
from retrain.pace import Pace
from retrain.quarantine import Rejected
from retrain.state import Running, State, readable
from retrain.surroundings import Surroundings
from retrain.table import Conflict

BUSY_SECONDS = 60
TURNS = 100
# How often requests are tried to be counted while DynamoDB refuses, before SQS has to deliver them again.
PATIENCE = 20
# The function has 30 s, and one step may take 16 s of them where AWS does not answer.
LONGEST_SECONDS = 10.0
# Events get lost so rarely that a list an hour is enough.
LIST_SECONDS = 3600
MOVED_AT_ONCE = 25
NAMED_KEPT = 20
WAITS_LENGTH = 1000

pause = time.sleep


class Contended(Exception):
    """Too many others write the state at the same time; the message will be delivered again."""


class Reconciler:
    """Starts at most one execution of `pipeline` at a time, and one after every request that has reason."""

    def __init__(
        self,
        pipeline: str,
        pace: Pace,
        surroundings: Surroundings,
        *,
        least: Least | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.monotonic,
        report: Callable[..., object] = lambda *_args, **_fields: None,
    ) -> None:
        self._pipeline = pipeline
        self._pace = pace
        self._least = least or Least()
        self._aws = surroundings
        self._clock = clock
        self._timer = timer
        self._report = report

    def reconcile(self, requests: Sequence[Request], looks: Collection[int], *, sweep: bool = False) -> None:
        """Count the requests, then act until nothing is left to do; `looks` are our own that arrived.

        Raises Busy or Contended if the requests could not be counted, or the state not be brought to rest:
        then the messages have to come again. A `sweep` also looks for data of which no event came, and tells
        how long an execution has been due.
        """
        end = self._timer() + LONGEST_SECONDS
        self._counted(requests, looks, end)
        if sweep:
            self._attempt(self._find_lost)
        self._act(end)
        if sweep:
            self._attempt(self._tell_wait)

    def _counted(self, requests: Sequence[Request], looks: Collection[int], end: float) -> None:
        refusals = 0
        for _ in range(TURNS):
            try:
                state = self._aws.table.load()
                received = state.received(requests, looks, self._now())
                if received != state:
                    self._aws.table.save(received)
                return
            except Conflict:
                pause(random.uniform(0, 0.05))  # noqa: S311  jitter, no secret
            except Busy:
                refusals += 1
                if refusals == PATIENCE or self._timer() > end:
                    raise
                pause(random.uniform(0.1, 0.4))  # noqa: S311
        raise Contended(f"the state of {self._pipeline} changed under us {TURNS} times in a row")

    def _act(self, end: float) -> None:
        for _ in range(TURNS):
            if self._timer() > end:
                # What is left is for the next invocation.
                self._attempt(lambda: self._aws.looks.send(self._now() + 1, 1))
                return
            try:
                if not self._turn():
                    return
            except Conflict:
                pause(random.uniform(0, 0.05))  # noqa: S311
            except Busy as reason:
                # Not even the state can be read or written: the sweep will look.
                self._report("AWS is busy, the next sweep goes on", reason=str(reason))
                return
        raise Contended(f"the state of {self._pipeline} changed under us {TURNS} times in a row")

    def _turn(self) -> bool:
        """Take one step; True when there may be another one."""
        state, now = self._aws.table.load(), self._now()
        try:
            return self._step(state, now)
        except Busy as reason:
            self._report("AWS is busy, the step waits", reason=str(reason))
            waits = replace(state, waits=readable(str(reason), WAITS_LENGTH))
            self._look(state, waits, now, look_again(state, now, now + BUSY_SECONDS))
            return False

    def _step(self, state: State, now: int) -> bool:
        arn = state.running.arn if state.running else None
        execution = self._aws.executions.status(arn) if arn else None
        decided = decide(state, now, execution, self._pace)
        if isinstance(decided, Measure):
            observed = self._observe(state)
            decided = decide(state, now, None, self._pace, observed, self._least)
        return self._do(decided, state, now, execution)

    def _do(self, decided: Decision, state: State, now: int, execution: ExecutionStatus | None) -> bool:
        match decided:
            case Intend(found, unconditional):
                self._intend(state, now, found, unconditional=unconditional)
            case Cover(why):
                self._aws.news.skipped(state, why)
                self._aws.table.save(state.passed_over())
                self._report("No execution starts", reason=why)
            case Wait(until, why):
                self._aws.table.save(state.holding(now, until, why))
            case Adopt(arn):
                self._aws.table.save(replace(state, running=Running("", arn=arn)))
                self._report("Somebody else's execution runs", execution=arn)
            case Start(running):
                self._start(state, running)
            case Finish():
                self._finish(state, execution or "Gone")
            case LookAgain() | Nothing() as look:
                # What AWS said when it was asked the last time is not why we wait now.
                self._look(state, state if state.held else replace(state, waits=""), now, look)
                return False
        return True

    def _observe(self, state: State) -> Measured | Elsewhere:
        if arn := self._aws.executions.in_flight():
            return Elsewhere(arn)
        if self._aws.inventory is None:
            return Measured("", complete=False)
        found = replace(self._aws.inventory.take(state.inputs), definition=self._aws.executions.definition())
        if self._least.rows is None or (length := self._aws.executions.bytes_per_row()) is None:
            return found
        return replace(found, new_rows=found.new_bytes / length)

    def _intend(self, state: State, now: int, found: Measured, *, unconditional: bool) -> None:
        champion = self._aws.executions.champion()
        if self._aws.inventory:
            self._aws.inventory.keep(found)
        intended = state.intended(
            self._pipeline,
            now,
            champion=champion,
            inputs=found.uri,
            definition=found.definition,
            unconditional=unconditional,
        )
        self._aws.table.save(intended)

    def _start(self, state: State, running: Running) -> None:
        self._report("Calling StartPipelineExecution", token=running.token)
        arn = self._aws.executions.start(running)
        self._aws.news.started(running, arn)
        self._aws.table.save(replace(state, running=replace(running, arn=arn), waits=""))
        self._report("Execution started", execution=arn, reason=running.description)

    def _finish(self, state: State, status: ExecutionStatus) -> None:
        """Deal with the objects that the execution refused, some in each step, then write it off."""
        running = state.running
        if running is None or running.arn is None:
            return
        rejected: Sequence[Rejected] = ()
        if self._aws.quarantine:
            id_ = running.arn.rpartition("/")[2]
            rejected = self._aws.quarantine.rejected(id_)
            if batch := rejected[running.moved : running.moved + MOVED_AT_ONCE]:
                kept = dict(running.kept)
                for each in batch:
                    if why := self._aws.quarantine.move(each, id_):
                        kept[each.key] = readable(why, WAITS_LENGTH)
                named = dict(list(kept.items())[:NAMED_KEPT])
                moved = replace(running, moved=running.moved + len(batch), kept=named)
                self._aws.table.save(replace(state, running=moved))
                return
        inputs = state.inputs
        if self._aws.inventory and running.inputs:
            inputs = self._aws.inventory.known(running.inputs, {each.key for each in rejected})
        if rejected:
            self._aws.news.quarantined(running.arn, rejected, running.kept)
        if running.token:
            self._aws.news.ended(running, running.arn, status)
        self._aws.table.save(replace(state, running=None, inputs=inputs))
        self._report("Execution finished", execution=running.arn, status=status, refused=len(rejected))

    def _look(self, read: State, state: State, now: int, look: LookAgain | Nothing) -> None:
        """Send the look that is needed, and write what differs from the state that was read."""
        if isinstance(look, LookAgain):
            self._aws.looks.send(look.at, look.at - now)
            state = replace(state, look_at=look.at)
        if state != read:
            self._aws.table.save(state)

    def _find_lost(self) -> None:
        """List the data once an hour: objects whose event got lost, or that are enough by now."""
        state, now = self._aws.table.load(), self._now()
        if now - state.listed_at < LIST_SECONDS:
            return
        if state.held:
            self._aws.table.save(replace(state, measured_at=0))
            return
        # What ran before there were lists is not known, so nothing can be missing from it.
        unknown = state.last_start_at and not state.inputs
        if self._aws.inventory is None or not self._pace.on_new_data or state.pending or unknown:
            return
        found = self._aws.inventory.take(state.inputs)
        state = replace(state, listed_at=now)
        if found.complete and found.new_files:
            state = state.received([found_by_list(found.digest, now)], (), now)
            self._report("No event came of new data", files=found.new_files)
        self._aws.table.save(state)

    def _tell_wait(self) -> None:
        self._aws.news.waiting(self._pace.overdue(self._aws.table.load(), self._now()))

    def _attempt(self, what: Callable[[], None]) -> None:
        """Do what the next sweep does again, if it cannot be done now."""
        try:
            what()
        except (Busy, Conflict) as reason:
            self._report("Left to the next sweep", reason=str(reason))

    def _now(self) -> int:
        return int(self._clock())
