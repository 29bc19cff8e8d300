"""What to do next about a pipeline: a pure function of its state, the time and its execution's status."""

from dataclasses import dataclass
from typing import Literal

from retrain.state import Running, State

ExecutionStatus = Literal[
    "Executing", "Stopping", "Stopped", "Failed", "Succeeded", "CompletedWithFailures", "Gone"
]

# The longest that SQS delays a message.
LONGEST_DELAY = 900
# Data that trickles in for ever would otherwise postpone training for ever.
QUIET_TIMES_AT_MOST = 12


@dataclass(frozen=True)
class Pace:
    """Start at least `quiet` seconds after the last request and `cooldown` seconds after the last start."""

    quiet: int
    cooldown: int

    def due(self, state: State) -> int:
        """The epoch second from which the pending requests may start an execution; a person does not wait."""
        if state.urgent:
            return 0
        quiet = min(
            state.last_request_at + self.quiet, state.waiting_since + QUIET_TIMES_AT_MOST * self.quiet
        )
        return max(quiet, state.last_start_at + self.cooldown)


@dataclass(frozen=True)
class Nothing:
    """All is done, or an event that must come will cause the next look."""


@dataclass(frozen=True)
class LookAgain:
    """Send a message to ourselves that arrives at the epoch second `at`."""

    at: int


@dataclass(frozen=True)
class Intend:
    """Write down that an execution is to start, before it does."""


@dataclass(frozen=True)
class Start:
    """Start the execution that was written down, or find out that it was started already."""

    running: Running


@dataclass(frozen=True)
class Finish:
    """Write down that the execution is over."""


Decision = Nothing | LookAgain | Intend | Start | Finish


def decide(state: State, now: int, execution: ExecutionStatus | None, pace: Pace) -> Decision:
    """The one next thing to do; `execution` is the status of `state.running`, None when there is none."""
    if state.running is not None:
        if state.running.arn is None:
            return Start(state.running)
        if execution not in ("Executing", "Stopping"):
            return Finish()
        # Its end is an event; this look only covers for an event that got lost.
        return look_again(state, now, now + LONGEST_DELAY) if state.pending else Nothing()
    if not state.pending:
        return Nothing()
    due = pace.due(state)
    return look_again(state, now, due) if now < due else Intend()


def look_again(state: State, now: int, at: int) -> LookAgain | Nothing:
    """A look at `at` or earlier, unless one is already on its way."""
    at = min(at, now + LONGEST_DELAY)
    return Nothing() if now < state.look_at <= at else LookAgain(at)
