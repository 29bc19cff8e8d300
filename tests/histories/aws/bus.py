"""EventBridge's default bus in memory: events that match a rule go to the queues of its targets."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

ACCOUNT, REGION = "000000000000", "us-east-1"
Event = dict[str, Any]


class Rule(Protocol):
    """A rule: its pattern, None for a schedule; `targets` are queues, each with a constant input or none."""

    @property
    def name(self) -> str: ...

    @property
    def pattern(self) -> Mapping[str, Any] | None: ...

    @property
    def targets(self) -> Sequence[tuple[str, str | None]]: ...


class Bus:
    """Sends every event to the queues of the rules that match it, by `put(queue, body)`."""

    def __init__(
        self, rules: Sequence[Rule], clock: Callable[[], float], put: Callable[[str, str], object]
    ) -> None:
        self._rules, self._clock, self._put = rules, clock, put
        self._told = 0
        self.events: list[Event] = []

    def put_events(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> dict[str, Any]:
        """Events of our own.

        https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
        """
        answers = []
        for entry in Entries:
            detail = json.loads(entry["Detail"])
            told = self.tell(entry["Source"], entry["DetailType"], detail, entry.get("Resources", ()))
            answers.append({"EventId": told["id"]})
        return {"FailedEntryCount": 0, "Entries": answers}

    def tell(self, source: str, kind: str, detail: Mapping[str, Any], resources: Sequence[str] = ()) -> Event:
        """An event happened."""
        event = self.event(source, kind, detail, resources)
        self.events.append(event)
        self.deliver(event)
        return event

    def deliver(self, event: Event) -> None:
        """Send an event to the queues of all rules that match, as happens at least once."""
        body = json.dumps(event)
        for rule in self._rules:
            if rule.pattern is not None and matches(rule.pattern, event):
                for queue, constant in rule.targets:
                    self._put(queue, body if constant is None else constant)

    def tick(self, rule: Rule) -> None:
        """The time of a schedule has come."""
        event = self.event(
            "aws.events", "Scheduled Event", {}, [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule.name}"]
        )
        for queue, constant in rule.targets:
            self._put(queue, json.dumps(event) if constant is None else constant)

    def event(self, source: str, kind: str, detail: Mapping[str, Any], resources: Sequence[str]) -> Event:
        """An event as EventBridge writes it.

        https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
        """
        self._told += 1
        at = datetime.fromtimestamp(self._clock(), UTC)
        return {
            "version": "0",
            "id": f"00000000-0000-0000-0000-{self._told:012}",
            "detail-type": kind,
            "source": source,
            "account": ACCOUNT,
            "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "region": REGION,
            "resources": [*resources],
            "detail": dict(detail),
        }


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Whether an event has what a pattern asks for, with the matchers that our rules use.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
    """
    for name, wanted in pattern.items():
        found = event.get(name)
        if isinstance(wanted, Mapping):
            if not isinstance(found, Mapping) or not matches(wanted, found):
                return False
        elif not any(_fits(one, found, name in event) for one in wanted):
            return False
    return True


def _fits(wanted: Any, found: Any, there: bool) -> bool:
    if isinstance(found, list):
        return any(_fits(wanted, member, there) for member in found)
    match wanted:
        case {"prefix": str(prefix)}:
            return isinstance(found, str) and found.startswith(prefix)
        case {"suffix": str(suffix)}:
            return isinstance(found, str) and found.endswith(suffix)
        case {"anything-but": [*others]}:
            return there and found not in others
        case {"anything-but": {"prefix": str(prefix)}}:
            return isinstance(found, str) and not found.startswith(prefix)
        case {"anything-but": other}:
            return there and found != other
        case {"exists": bool(exists)}:
            return there == exists
        case dict():
            raise AssertionError(f"no rule used this matcher so far: {wanted}")
        case _:
            return bool(there and found == wanted)
