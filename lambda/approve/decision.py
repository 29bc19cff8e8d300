"""What becomes of a version when a person approves or rejects it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from approve.evidence import Records
from approve.registry import Package, Registry

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE, INCOMPLETE, COMPLETE = "sageloop", "Approval Incomplete", "Approval Complete"
Wish = Literal["approve", "reject"]


class NotTold(Exception):
    """EventBridge did not take the event: decide once more."""


@dataclass(frozen=True)
class Outcome:
    """The status of a version after a decision, who has approved it, and how many more have to."""

    version: int
    status: str
    approvers: list[str] = field(default_factory=list)
    needed: int = 0


class Approvals:
    """Decides on the versions of one project, of which `people` different persons have to approve each."""

    def __init__(
        self, project: str, people: int, *, records: Records, registry: Registry, events: "EventBridgeClient"
    ) -> None:
        self._project, self._people = project, people
        self._records, self._registry, self._events = records, registry, events

    def decide(self, package: Package, who: str, wish: Wish, reason: str = "") -> Outcome:
        """Take a person's decision; raises Contended or NotTold, and is finished when it is taken once more.

        One person is enough to reject. What is approved is written down before the registry says so, because
        promotion looks there when the registry's event comes. Where somebody approved the version past this
        API before, the registry does not change and has no event to send: so an event of ours says it, too.
        """
        why = f": {reason}" if reason.strip() else ""
        if wish == "reject":
            self._records.reject(package.version)
            self._registry.decide(package, "Rejected", f"Rejected by {who}{why}")
            return Outcome(package.version, "Rejected", [], self._people)
        names = self._records.approve(package.version, who).names
        needed = max(0, self._people - len(names))
        if needed:
            self._tell_incomplete(package.version, names)
            return Outcome(package.version, package.approval, names, needed)
        self._registry.decide(package, "Approved", f"Approved by {' and '.join(names)}{why}")
        if self._people > 1:
            self._tell(COMPLETE, {"version": package.version, "approvers": names})
        return Outcome(package.version, "Approved", names, 0)

    def _tell_incomplete(self, version: int, names: list[str]) -> None:
        reason = f"{self._people} different people have to approve it, and so far only {names[-1]} has"
        self._tell(INCOMPLETE, {"version": version, "approvers": names, "reason": reason})

    def _tell(self, kind: str, detail: Mapping[str, Any]) -> None:
        entry = json.dumps({"project": self._project, **detail})
        answer = self._events.put_events(Entries=[{"Source": SOURCE, "DetailType": kind, "Detail": entry}])
        if answer["FailedEntryCount"]:
            raise NotTold(answer["Entries"][0].get("ErrorMessage", ""))
