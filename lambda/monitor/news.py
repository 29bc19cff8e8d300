"""What other functions are told of a look, as events: which make mails of it, or a training.

It is told before the look is written down as over, so that a crash in between repeats an event and never
swallows one; events of one look have the same window and the same id.
"""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from monitor.findings import Findings
from monitor.rules import Rules
from monitor.state import Last

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

SOURCE = "sageloop"
DRIFT = "Drift Found"
QUALITY = "Quality Below"
SILENT = "Traffic Silent"
CLEAR = "Monitoring Clear"
# What may be a reason to train.
FINDINGS = {DRIFT: "drift", QUALITY: "quality"}
WANTED = "Retrain Wanted"


class NotTold(Exception):
    """EventBridge did not take the event; the message that woke us will be delivered again."""


class News:
    """Tells events of one project."""

    def __init__(self, events: "EventBridgeClient", project: str) -> None:
        self._events, self._project = events, project

    def tell(self, kind: str, detail: dict[str, Any]) -> None:
        """Put one event; raises NotTold."""
        answer = self._events.put_events(
            Entries=[
                {
                    "Source": SOURCE,
                    "DetailType": kind,
                    "Detail": json.dumps({"project": self._project, **detail}),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            why = answer["Entries"][0].get("ErrorMessage", "")
            raise NotTold(f"EventBridge did not take {kind!r}: {why}")


def kinds(found: Findings, before: Last | None) -> Iterator[str]:
    """What people are told: every drift and loss, silence when it begins, and when all is well again."""
    if found.drifted:
        yield DRIFT
    if found.below:
        yield QUALITY
    if found.silent and not (before and before.silent):
        yield SILENT
    if before and not before.clear and not (found.drifted or found.below or found.silent):
        # Where too little came to judge, nothing is known to be well again.
        judged = (found.drifted is not None or not before.drifted) and (
            found.below is not None or not before.below
        )
        if judged:
            yield CLEAR


def wanted(found: Findings, rules: Rules) -> Iterator[tuple[str, str]]:
    """The kinds of findings for which the project wants a training, and why."""
    yield from ((kind, reason) for kind, reason in found.wants.items() if rules.retrains(kind))
