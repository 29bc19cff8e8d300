"""What to do next about a pipeline: a pure function of its state, the time and what was looked at."""

from dataclasses import dataclass
from typing import Literal

from retrain.measured import Least, Measured
from retrain.pace import Pace
from retrain.state import BUNCHED, Running, State

ExecutionStatus = Literal[
    "Executing", "Stopping", "Stopped", "Failed", "Succeeded", "CompletedWithFailures", "Gone"
]
IN_FLIGHT: tuple[ExecutionStatus, ...] = ("Executing", "Stopping")

# The longest that SQS delays a message.
LONGEST_DELAY = 900
ANYTHING = Least()


@dataclass(frozen=True)
class Elsewhere:
    """An execution of the pipeline is in flight that somebody else has started."""

    arn: str


@dataclass(frozen=True)
class Nothing:
    """All is done, or an event that must come will cause the next look."""


@dataclass(frozen=True)
class LookAgain:
    """Send a message to ourselves that arrives at the epoch second `at`."""

    at: int


@dataclass(frozen=True)
class Measure:
    """Look whether anything else runs, and list the data; then decide again."""


@dataclass(frozen=True)
class Intend:
    """Write down that an execution is to start with what was measured, before it does.

    An `unconditional` one trains even if none of the new files can be used.
    """

    measured: Measured
    unconditional: bool = False


@dataclass(frozen=True)
class Cover:
    """Write down that the requests are dealt with, and tell why no execution starts for them."""

    why: str


@dataclass(frozen=True)
class Wait:
    """Write down that there is too little new data, and until which epoch second that holds (0: for ever)."""

    until: int
    why: str


@dataclass(frozen=True)
class Adopt:
    """Write down that an execution runs which somebody else has started."""

    arn: str


@dataclass(frozen=True)
class Start:
    """Start the execution that was written down, or find out that it was started already."""

    running: Running


@dataclass(frozen=True)
class Finish:
    """Write down that the execution is over."""


Decision = Nothing | LookAgain | Measure | Intend | Cover | Wait | Adopt | Start | Finish


def decide(
    state: State,
    now: int,
    execution: ExecutionStatus | None,
    pace: Pace,
    observed: Measured | Elsewhere | None = None,
    least: Least = ANYTHING,
) -> Decision:
    """The one next thing to do.

    `execution` is the status of `state.running`, None when there is none; `observed` is what Measure has
    found out in this turn.
    """
    if state.running is not None:
        if state.running.arn is None:
            return Start(state.running)
        if execution not in IN_FLIGHT:
            return Finish()
        # Its end is an event; this look only covers for an event that got lost.
        return look_again(state, now, now + LONGEST_DELAY) if state.pending else Nothing()
    if not state.pending:
        return Nothing()
    due = pace.due(state)
    if now < due:
        return look_again(state, now, due)
    if isinstance(observed, Elsewhere):
        return Adopt(observed.arn)
    if observed is not None:
        return _judge(state, now, observed, least)
    if state.held and not 0 < state.wait_until <= now:
        return look_again(state, now, state.wait_until) if state.wait_until else Nothing()
    return Measure()


def look_again(state: State, now: int, at: int) -> LookAgain | Nothing:
    """A look at `at` or earlier, unless one is already on its way."""
    at = min(at, now + LONGEST_DELAY)
    return Nothing() if now < state.look_at <= at else LookAgain(at)


def _judge(state: State, now: int, found: Measured, least: Least) -> Intend | Cover | Wait:
    """Whether what lies there is worth an execution; a person's request always is."""
    kinds = set(state.since)
    if "manual" in kinds:
        return Intend(found, unconditional=True)
    if not found.complete:
        return Intend(found)
    # Another program may make another model of the same rows; a late duplicate is still no reason.
    changed = state.definition not in ("", found.definition) and not kinds <= BUNCHED
    changed &= bool(found.objects)
    if not found.new_files and not changed:
        return Cover("data/ holds nothing that the last run was not given")
    if kinds == {"data"} and (why := least.lacking(found)):
        until = found.oldest_new + least.or_after if least.or_after is not None else 0
        return Intend(found) if 0 < until <= now else Wait(until, why)
    return Intend(found, unconditional=changed)
