"""What is known of one pipeline's retraining, and how it changes: values only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Literal

from retrain.messages import Kind, Request

# Redeliveries come within minutes; one item of DynamoDB stays small (16 bytes each). What comes later than
# that is found to be nothing new by the list of objects.
REMEMBERED_REQUESTS = 256
# Together they fit into a PipelineExecutionDescription, which takes 3,072 characters; more than there are
# kinds, so that each kind can be named.
NAMED_CAUSES = 8
REASON_LENGTH = 220
WHO_LENGTH = 120
# Requests that come in bunches: what they are about is waited for until no more come.
BUNCHED: frozenset[Kind] = frozenset({"data", "replay"})


@dataclass(frozen=True)
class Cause:
    """Why an execution is asked for, and by whom, if by a person: each one short line."""

    kind: Kind
    reason: str
    who: str = ""

    @classmethod
    def of(cls, request: Request) -> "Cause":
        """The cause that a request gives; object names may hold any character, a description may not."""
        return cls(request.kind, readable(request.reason, REASON_LENGTH), readable(request.who, WHO_LENGTH))

    def __str__(self) -> str:
        return f"{self.reason} ({self.who})" if self.who else self.reason


@dataclass(frozen=True)
class Running:
    """An execution that was decided on; without `arn` it may or may not have been started.

    Without `token` it is somebody else's, which we let end first. `inputs` is what it reads: a manifest, the
    prefix of all data, or nothing that we know. `cause` is "other" where it must train even if none of the
    new files can be used. When it is over, `moved` of the objects that it refused have been dealt with;
    `kept` says of some why they could not be moved.
    """

    token: str
    champion: str | None = None
    description: str = ""
    inputs: str = ""
    kinds: tuple[Kind, ...] = ()
    reasons: tuple[str, ...] = ()
    cause: Literal["data", "other"] = "data"
    moved: int = 0
    kept: Mapping[str, str] = field(default_factory=dict)
    arn: str | None = None


@dataclass(frozen=True)
class State:
    """Requests are counted, never timed: pending means that more were made than an execution covers.

    Times are epoch seconds, 0 for never. `since` says of which kinds requests are pending, and for how long
    each; `last_request_at` is that of the last one of a bunch. `look_at` is when our outstanding delayed
    message arrives, `listed_at` when the data were last listed. `measured_at` is the value of `requested` for
    which they were found to be too few; `wait_until` then says when they are enough anyhow, 0 for never.
    `waits` says for people why a pending request does not start. `inputs` and `definition` are what the last
    execution was given: the list of its objects, and the digest of the pipeline. Once it is over, `inputs`
    lacks what it may have read otherwise than it was listed.
    """

    version: int = 0
    requested: int = 0
    covered: int = 0
    causes: tuple[Cause, ...] = ()
    since: Mapping[Kind, int] = field(default_factory=dict)
    last_request_at: int = 0
    last_start_at: int = 0
    look_at: int = 0
    listed_at: int = 0
    measured_at: int = 0
    wait_until: int = 0
    waits: str = ""
    seen: tuple[str, ...] = ()
    inputs: str = ""
    definition: str = ""
    running: Running | None = None

    @property
    def pending(self) -> bool:
        """True when a request is not covered by any execution yet."""
        return self.requested > self.covered

    @property
    def held(self) -> bool:
        """True when what is pending was found to be too little, and nothing has been requested since."""
        return self.pending and self.measured_at == self.requested

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of the pending requests."""
        return tuple(sorted(self.since))

    def received(self, requests: Sequence[Request], looks: Collection[int], now: int) -> "State":
        """The state after a batch of messages: a new request counts once, our outstanding look is used up."""
        state = replace(self, look_at=0) if self.look_at in looks else self
        known = set(state.seen)
        new = {request.id: request for request in requests if request.id not in known}
        if not new:
            return state
        kinds = {request.kind for request in new.values()}
        return replace(
            state,
            requested=state.requested + len(new),
            causes=_named(state.causes, new.values()),
            since={**dict.fromkeys(sorted(kinds), now), **state.since},
            last_request_at=now if kinds & BUNCHED else state.last_request_at,
            seen=(*state.seen, *new)[-REMEMBERED_REQUESTS:],
        )

    def intended(
        self,
        pipeline: str,
        now: int,
        *,
        champion: str | None,
        inputs: str = "",
        definition: str = "",
        unconditional: bool = False,
    ) -> "State":
        """The state with an execution decided on for all that was requested so far.

        The token, the parameters and the description are settled here, so that a second attempt after a
        crash is the same request to SageMaker and cannot start a second execution. The time is part of the
        token, because the count begins anew with a new table.
        """
        running = Running(
            token=sha256(f"{pipeline} {self.requested} {now}".encode()).hexdigest(),
            champion=champion,
            description=self._description(),
            inputs=inputs,
            kinds=self.kinds,
            reasons=tuple(map(str, self.causes)),
            cause="other" if unconditional else "data",
        )
        return replace(
            self.passed_over(),
            last_start_at=now,
            listed_at=now if inputs else self.listed_at,
            inputs=inputs,
            definition=definition,
            running=running,
        )

    def passed_over(self) -> "State":
        """The state without pending requests: all that they ask for is done, or is not to be done."""
        return replace(self, covered=self.requested, causes=(), since={}, wait_until=0, waits="")

    def holding(self, now: int, until: int, why: str) -> "State":
        """The state after the data were listed at `now` and found to be too few."""
        return replace(self, measured_at=self.requested, listed_at=now, wait_until=until, waits=why)

    def _description(self) -> str:
        unnamed = self.requested - self.covered - len(self.causes)
        more = [f"{unnamed} more"] if unnamed > 0 else []
        return "Requested by " + ", ".join([*map(str, self.causes), *more])


def readable(text: str, length: int) -> str:
    """The beginning of a text as one short line that every service takes."""
    return "".join(c if c.isprintable() else "?" for c in text[:length])


def _named(causes: Sequence[Cause], new: Collection[Request]) -> tuple[Cause, ...]:
    """The first causes, and at least one of each kind."""
    named = [*causes]
    for request in new:
        if len(named) >= NAMED_CAUSES:
            kinds = [cause.kind for cause in named]
            if request.kind in kinds:
                continue
            del named[max(place for place, kind in enumerate(kinds) if kinds.count(kind) > 1)]
        named.append(Cause.of(request))
    return tuple(named)
