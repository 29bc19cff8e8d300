"""What is known of one project's looks, and how it changes: values only."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from monitor.messages import Asked, Labelled, Look, Message

# Redeliveries come within minutes.
REMEMBERED = 32
# Looks whose calls are read again: more than an hourly look makes in the time that labels may take.
MOST_UNJUDGED = 400


@dataclass(frozen=True)
class Running:
    """A look that was decided on; without `arn` its execution may or may not have been started.

    `window` is its name and `end` the epoch second up to which it reads; the others are S3 URIs of folders.
    """

    token: str
    window: str
    end: int
    folder: str
    baseline: str
    quality: str
    arn: str | None = None


@dataclass(frozen=True)
class Last:
    """What the last look came to; `failed` says why there is no finding, empty if there is one."""

    window: str
    version: int
    drifted: bool = False
    below: bool = False
    silent: bool = False
    failed: str = ""
    reason: str = ""

    @property
    def clear(self) -> bool:
        """Whether nothing was wrong with the traffic and the answers."""
        return not (self.drifted or self.below or self.silent)


@dataclass(frozen=True)
class State:
    """Times are epoch seconds, 0 for never.

    Calls that were captured until `covered_until` are judged; those after it will be, together with what has
    come since. `looked_until` is the end of the last look, which may have found too few to judge. `labels_at`
    is the upload of the newest labels that wait for a look, `labels_seen` that of the newest that had one.
    `asked` are wishes for a look that reads what was captured until `asked_at`.
    `unjudged` are the looks whose calls later ones read again. `look_at` is when our outstanding delayed
    message arrives.
    """

    version: int = 0
    covered_until: int = 0
    looked_until: int = 0
    labels_at: int = 0
    labels_seen: int = 0
    asked: tuple[str, ...] = ()
    asked_at: int = 0
    answered: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()
    look_at: int = 0
    running: Running | None = None
    last: Last | None = None

    def received(self, messages: Iterable[Message], now: int) -> "State":
        """The state after a batch of messages at that time: what it knows already changes nothing."""
        state = self
        for message in messages:
            match message:
                case Asked(id_) if id_ not in (*state.asked, *state.answered):
                    state = replace(state, asked=(*state.asked, id_)[-REMEMBERED:], asked_at=now)
                case Labelled(at) if at > max(state.labels_seen, state.labels_at):
                    state = replace(state, labels_at=at)
                case Look(at) if at is not None and at == state.look_at:
                    state = replace(state, look_at=0)
        return state

    def intended(self, running: Running) -> "State":
        """The state with a look decided on, which answers all that was asked so far.

        Labels whose upload was told before the look lists them are in its list, and so are all older ones.
        """
        return replace(self._answered(running.end), running=running)

    def finished(self, last: Last, end: int, *, covered: bool) -> "State":
        """The state after a look that ended; unless it `covered` its calls, the next one reads them again."""
        return replace(
            self,
            running=None,
            looked_until=end,
            covered_until=end if covered else self.covered_until,
            unjudged=self.unjudged if covered else (*self.unjudged, last.window)[-MOST_UNJUDGED:],
            last=last,
        )

    def passed(self, end: int) -> "State":
        """The state after a look that had nothing to read."""
        return replace(self._answered(end), looked_until=end, covered_until=end)

    def _answered(self, end: int) -> "State":
        state = replace(self, labels_at=0, labels_seen=max(self.labels_seen, self.labels_at))
        if end < self.asked_at:
            return state
        return replace(state, asked=(), answered=(*self.answered, *self.asked)[-REMEMBERED:])
