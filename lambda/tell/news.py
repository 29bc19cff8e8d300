"""Which events people are told of, once each; and what the chats get of it."""

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

from tell.channels import NotPosted
from tell.facts import APPROVED, PENDING, Failure, Model
from tell.messages import (
    CLEAR,
    DRIFT,
    EXECUTION,
    INCOMPLETE,
    PACKAGE,
    QUALITY,
    QUARANTINED,
    SILENT,
    SKIPPED,
    Event,
    Message,
    Notice,
    Tick,
)
from tell.texts import KINDS, Text, Writer

DAY = 86_400
REMINDED_AFTER_DAYS = 3
# The steps at which a pipeline ends on purpose.
REFUSED, NOTHING_NEW = "Rejected", "NothingNew"
# Findings of looks, by their events.
FINDINGS = {DRIFT: "drift", QUALITY: "quality", SILENT: "silent"}


class KnownFacts(Protocol):
    """What is asked of SageMaker."""

    def model(self, arn: str) -> Model | None:
        """A model package as it is now; None when it is gone."""

    def newest(self, approval: str | None = None) -> Model | None:
        """The newest version, or the newest of those with this approval."""

    def failure(self, execution_arn: str) -> Failure:
        """Why an execution failed."""


class ToldBefore(Protocol):
    """What people have been told already."""

    def value(self, id_: str) -> str | None:
        """What is remembered under this name."""

    def remember(self, id_: str, told: str = "") -> None:
        """Keep `told` under this name."""


class Channel(Protocol):
    """Where people read."""

    def publish(self, text: Text) -> None:
        """Send a message."""


class Chat(Protocol):
    """A channel of a chat."""

    name: str

    def post(self, notice: Notice) -> None:
        """Write a notice; raises NotPosted."""


class News:
    """Tells people of one project; `link` makes the address by which a version can be approved."""

    def __init__(
        self,
        writer: Writer,
        *,
        facts: KnownFacts,
        memory: ToldBefore,
        topic: Channel,
        chats: Sequence[Chat] = (),
        link: Callable[[int], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer, self._facts, self._memory = writer, facts, memory
        self._topic, self._chats, self._link, self._clock = topic, chats, link, clock

    def take(self, message: Message) -> None:
        """Tell what a message is about, unless it has been told; raises NotPosted, or what AWS refuses."""
        match message:
            case Notice():
                self._notice(message)
            case Tick():
                self._remind()
            case Event(kind, detail):
                self._event(kind, detail)

    def _event(self, kind: str, detail: Mapping[str, Any]) -> None:
        if kind == PACKAGE:
            self._package(detail)
        elif kind == EXECUTION:
            self._execution(detail)
        elif kind == SKIPPED:
            kinds = [each for each in KINDS if each in detail.get("kinds", ())]
            if kinds:
                self._skipped(kinds, detail)
        elif kind == QUARANTINED:
            named = [each.get("key") for each in detail.get("objects", ())]
            self._once(_key(kind, detail.get("execution"), *named), lambda: self._writer.quarantined(detail))
        elif kind == INCOMPLETE:
            self._once(
                _key(kind, detail.get("version"), detail.get("reason")),
                lambda: self._writer.incomplete(detail),
            )
        elif kind == CLEAR:
            self._clear(detail)
        else:
            self._found(kind, detail)

    def _skipped(self, kinds: Sequence[str], detail: Mapping[str, Any]) -> None:
        """A training without anything new: told once for each version, though looks may ask every day."""
        newest = self._facts.newest()
        key = _key(SKIPPED, *kinds, newest.version if newest else 0)
        self._once(key, lambda: self._writer.skipped(detail, kinds))

    def _package(self, detail: Mapping[str, Any]) -> None:
        """A new model: it waits for a person, or for nobody."""
        if detail.get("ModelPackageStatus", "Completed") != "Completed":
            return
        approval, people = detail.get("ModelApprovalStatus"), self._writer.people
        if approval != (PENDING if people else APPROVED):
            return
        model = self._facts.model(str(detail["ModelPackageArn"]))
        if model is None or model.approval != approval:
            return
        key = _key(f"{PACKAGE} {approval}", model.version)
        if people:
            self._once(key, lambda: self._writer.waits(model, self._link(model.version)))
        else:
            self._once(key, lambda: self._writer.approved_by_its_gates(model))

    def _execution(self, detail: Mapping[str, Any]) -> None:
        """An execution that failed; what ended on purpose is told in other words, or by another event."""
        arn = str(detail["pipelineExecutionArn"])
        id_ = arn.rpartition("/")[2]
        failure = self._facts.failure(arn)
        if failure.step.startswith(REFUSED):
            self._once(_key(EXECUTION, arn), lambda: self._writer.refused(id_, failure))
        elif failure.step != NOTHING_NEW:
            self._once(_key(EXECUTION, arn), lambda: self._writer.failed(id_, failure))

    def _found(self, kind: str, detail: Mapping[str, Any]) -> None:
        """A finding of a look: told when it begins, and again only when it was over in between.

        Windows are named by their ends, so that their names have the order of time.
        """
        name, window = FINDINGS[kind], str(detail.get("window", ""))
        key = f"{name} {detail.get('version')}"
        told = self._memory.value(key)
        if told is not None and not told < self._cleared(detail) <= window:
            return
        if kind == SILENT:
            self._topic.publish(self._writer.silent(detail))
        else:
            self._topic.publish(self._writer.found(name, detail, self._facts.newest(APPROVED)))
        self._memory.remember(key, window)

    def _clear(self, detail: Mapping[str, Any]) -> None:
        """All is well again: told where people know that it was not."""
        version, window, before = detail.get("version"), str(detail.get("window", "")), self._cleared(detail)
        told = [self._memory.value(f"{name} {version}") for name in FINDINGS.values()]
        if window <= before:
            return
        if any(each is not None and before <= each < window for each in told):
            self._topic.publish(self._writer.clear(detail))
        self._memory.remember(f"clear {version}", window)

    def _cleared(self, detail: Mapping[str, Any]) -> str:
        """The last window of this version in which all was well, empty for none."""
        return self._memory.value(f"clear {detail.get('version')}") or ""

    def _remind(self) -> None:
        """Once more of the newest model, if it waits for a person since days."""
        model = self._facts.newest() if self._writer.people else None
        if model is None or model.approval != PENDING:
            return
        days = int((self._clock() - model.created_at) / DAY)
        if days >= REMINDED_AFTER_DAYS:
            self._once(_key("reminder", model.version), lambda: self._writer.still_waits(model, days))

    def _notice(self, notice: Notice) -> None:
        """Write a notice into each chat; what one of them did not take is tried again with that one alone."""
        refused = []
        for chat in self._chats:
            key = _key("chat", chat.name, notice.id)
            if self._memory.value(key) is not None:
                continue
            try:
                chat.post(notice)
            except NotPosted as error:
                refused.append(str(error))
            else:
                self._memory.remember(key)
        if refused:
            raise NotPosted("; ".join(refused))

    def _once(self, key: str, written: Callable[[], Text]) -> None:
        if self._memory.value(key) is None:
            self._topic.publish(written())
            self._memory.remember(key)


def _key(kind: str, *about: object) -> str:
    """A name of at most 2,048 bytes, as DynamoDB takes for a key."""
    return f"{kind} {sha256(repr(about).encode(errors='surrogatepass')).hexdigest()[:32]}"
