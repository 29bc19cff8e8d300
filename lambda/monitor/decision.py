"""What to do next about a project's traffic: a pure function of its state, the time and what serves."""

from dataclasses import dataclass
from typing import Literal

from monitor.model import Model
from monitor.state import Running, State

ExecutionStatus = Literal[
    "Executing", "Stopping", "Stopped", "Failed", "Succeeded", "CompletedWithFailures", "Gone"
]

# The longest that SQS delays a message.
LONGEST_DELAY = 900
# What was written within these seconds may not be there yet for everybody, or by another clock.
SETTLED = 20


@dataclass(frozen=True)
class Rhythm:
    """A look every so many seconds, and `quiet` seconds after the last labels came."""

    every: int
    quiet: int


@dataclass(frozen=True)
class Nothing:
    """The next event of the schedule, or one that must come, will cause the next look."""


@dataclass(frozen=True)
class LookAgain:
    """Send a message to ourselves that arrives at the epoch second `at`."""

    at: int


@dataclass(frozen=True)
class Plan:
    """Read what was captured after `start` until `end`, both epoch seconds.

    `regular` looks come after so long a time without one that no call at all is worth telling.
    """

    model: Model
    start: int
    end: int
    regular: bool


@dataclass(frozen=True)
class Start:
    """Start the execution that was written down, or find out that it was started already."""

    running: Running


@dataclass(frozen=True)
class Finish:
    """Tell what the execution has found, and write down that it is over."""

    running: Running
    succeeded: bool


Decision = Nothing | LookAgain | Plan | Start | Finish


def decide(
    state: State, now: int, model: Model | None, execution: ExecutionStatus | None, rhythm: Rhythm
) -> Decision:
    """The one next thing to do; `execution` is the status of `state.running`, None when there is none.

    `model` is what serves, None when nothing does that could be looked at.
    """
    if state.running is not None:
        if state.running.arn is None:
            return Start(state.running)
        if execution in ("Executing", "Stopping"):
            # Its end is an event; this look only covers for an event that got lost.
            return look_again(state, now, now + LONGEST_DELAY)
        return Finish(state.running, succeeded=execution == "Succeeded")
    if model is None:
        return Nothing()
    since = max(state.looked_until, model.deployed_at)
    end = now - SETTLED
    regular = end >= since + rhythm.every
    due = [state.labels_at + rhythm.quiet] if state.labels_at else []
    # What was captured before somebody asked has to be in the look.
    due += [state.asked_at + SETTLED] if state.asked else []
    if not regular and now < min(due, default=now + 1):
        return look_again(state, now, min(due)) if due else Nothing()
    start = state.covered_until or model.deployed_at
    first = max(state.looked_until, start) + 1
    if end < first:
        return look_again(state, now, first + SETTLED)
    return Plan(model, start, end, regular)


def look_again(state: State, now: int, at: int) -> LookAgain | Nothing:
    """A look at `at` or earlier, unless one is already on its way."""
    at = min(at, now + LONGEST_DELAY)
    return Nothing() if now < state.look_at <= at else LookAgain(at)
