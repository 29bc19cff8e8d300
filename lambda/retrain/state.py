"""What is known of one pipeline's retraining, and how it changes: values only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from retrain.messages import Request

# Redeliveries come within minutes; one item of DynamoDB stays small (16 bytes each).
REMEMBERED_REQUESTS = 256
NAMED_REASONS = 5
# PipelineExecutionDescription takes 3,072 characters.
REASON_LENGTH = 300


@dataclass(frozen=True)
class Running:
    """An execution that was decided on; without `arn` it may or may not have been started."""

    token: str
    champion: str | None
    description: str
    arn: str | None = None


@dataclass(frozen=True)
class State:
    """Requests are counted, never timed: pending means that more were made than an execution covers.

    Times are epoch seconds, 0 for never. `look_at` is when our outstanding delayed message arrives.
    """

    version: int = 0
    requested: int = 0
    covered: int = 0
    waiting_since: int = 0
    last_request_at: int = 0
    last_start_at: int = 0
    look_at: int = 0
    urgent: bool = False
    reasons: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    running: Running | None = None

    @property
    def pending(self) -> bool:
        """True when a request is not covered by any execution yet."""
        return self.requested > self.covered

    def received(self, requests: Sequence[Request], looks: Collection[int], now: int) -> "State":
        """The state after a batch of messages: a new request counts once, our outstanding look is used up."""
        state = replace(self, look_at=0) if self.look_at in looks else self
        known = set(state.seen)
        new = {request.id: request for request in requests if request.id not in known}
        if not new:
            return state
        return replace(
            state,
            requested=state.requested + len(new),
            waiting_since=state.waiting_since if state.pending else now,
            last_request_at=now,
            urgent=state.urgent or any(request.urgent for request in new.values()),
            reasons=(*state.reasons, *(_readable(r.reason) for r in new.values()))[:NAMED_REASONS],
            seen=(*state.seen, *new)[-REMEMBERED_REQUESTS:],
        )

    def intended(self, pipeline: str, champion: str | None, now: int) -> "State":
        """The state with an execution decided on for all that was requested so far.

        The token, the parameters and the description are settled here, so that a second attempt after a
        crash is the same request to SageMaker and cannot start a second execution.
        """
        token = sha256(f"{pipeline} {self.requested}".encode()).hexdigest()
        return replace(
            self,
            covered=self.requested,
            waiting_since=0,
            last_start_at=now,
            urgent=False,
            reasons=(),
            running=Running(token, champion, self._description()),
        )

    def _description(self) -> str:
        unnamed = self.requested - self.covered - len(self.reasons)
        more = [f"{unnamed} more"] if unnamed > 0 else []
        return "Requested by " + ", ".join([*self.reasons, *more])


def _readable(reason: str) -> str:
    """One short line: object names may hold any character, a description may not."""
    return "".join(c if c.isprintable() else "?" for c in reason[:REASON_LENGTH])
