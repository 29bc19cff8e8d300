"""What retraining tells: events for people and programs, and how long it has been kept waiting.

All is told before it is written down that it was done, so that a crash in between repeats it and never
swallows it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retrain.faults import Busy, patient
from retrain.quarantine import Rejected
from retrain.state import Running, State

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_events import EventBridgeClient

SOURCE = "sageloop"
SKIPPED, STARTED, ENDED = "Retrain Skipped", "Retrain Started", "Retrain Ended"
QUARANTINED = "Data Quarantined"
NAMED_OBJECTS = 20
NAMESPACE, WAITS = "Sageloop", "PendingSeconds"


class News:
    """Tells of one project; each method raises Busy when AWS does not take it."""

    def __init__(self, project: str, *, events: "EventBridgeClient", cloudwatch: "CloudWatchClient") -> None:
        self._project = project
        self._events = events
        self._cloudwatch = cloudwatch

    def skipped(self, state: State, why: str) -> None:
        """The pending requests start no execution."""
        reasons = [str(cause) for cause in state.causes]
        self._tell(SKIPPED, {"kinds": state.kinds, "reasons": reasons, "reason": why})

    def started(self, running: Running, arn: str) -> None:
        """An execution has started."""
        self._tell(STARTED, _execution(running, arn))

    def ended(self, running: Running, arn: str, status: str) -> None:
        """An execution of ours is over."""
        self._tell(ENDED, {**_execution(running, arn), "status": status})

    def quarantined(self, arn: str, rejected: Sequence[Rejected], kept: Mapping[str, str]) -> None:
        """An execution could not use some objects; `kept` says of some why they could not be moved."""
        named = [
            {"key": each.key, "reason": each.reason} | ({"stays": kept[each.key]} if each.key in kept else {})
            for each in rejected[:NAMED_OBJECTS]
        ]
        more = max(0, len(rejected) - NAMED_OBJECTS)
        self._tell(QUARANTINED, {"execution": arn, "objects": named, "more": more})

    def waiting(self, seconds: int) -> None:
        """For how long an execution has been due that does not start: the metric behind an alarm."""
        with patient():
            self._cloudwatch.put_metric_data(
                Namespace=NAMESPACE,
                MetricData=[
                    {
                        "MetricName": WAITS,
                        "Dimensions": [{"Name": "Project", "Value": self._project}],
                        "Value": float(seconds),
                        "Unit": "Seconds",
                    }
                ],
            )

    def _tell(self, kind: str, detail: Mapping[str, Any]) -> None:
        entry = json.dumps({"project": self._project, **detail})
        with patient():
            answer = self._events.put_events(
                Entries=[{"Source": SOURCE, "DetailType": kind, "Detail": entry}]
            )
        if answer["FailedEntryCount"]:
            said = answer["Entries"][0].get("ErrorMessage", "")
            raise Busy(f"EventBridge did not take {kind!r}: {said}")


def _execution(running: Running, arn: str) -> dict[str, Any]:
    return {
        "execution": arn,
        "kinds": running.kinds,
        "reasons": running.reasons,
        "inputs": running.inputs,
    }
