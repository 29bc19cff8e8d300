"""What the storm caused, and which promises that broke."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.table import Table

SAME = 1_000
MOST_START_CALLS = 3
A_STORM = 60.0
# A prefix of a bucket takes 3,500 puts a second, and EventBridge delivers 18,750 events a second in us-east-1
# and 1,100 in small regions: https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
# and https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html. SQS holds what comes too fast.
S3_CAN_SEND, EVENTBRIDGE_CAN_SEND = 3_500, 18_750


@dataclass
class Outcome:
    """What the storm and what came after it caused; times are in seconds."""

    objects: int
    repeated: int
    matched: int = 0
    sent: int = 0
    uploads: float = 0.0
    handled: float = 0.0
    executions: int = 0
    after_late: int = 0
    after_same: int = 0
    max_in_flight: int = 0
    start_calls: int = 0
    uncovered: int = 0
    unread: int = 0
    same_handled: float = 0.0
    failures: list[str] = field(default_factory=list)
    strange: int = 0

    @property
    def events(self) -> int:
        """Those that EventBridge sent, and those that came a second time."""
        return self.matched + self.sent

    @property
    def events_per_s(self) -> float:
        """The events of the storm, by the time from the first put to the last event's end."""
        return self.events / self.handled if self.handled else 0.0

    @property
    def same_per_s(self) -> float:
        """The one event that came often, by the time from its first message to the last one's end."""
        return SAME / self.same_handled if self.same_handled else 0.0

    def figures(self) -> dict[str, object]:
        """The members of the RESULT line."""
        return {
            "events": self.events,
            "executions": self.executions,
            "max_in_flight": self.max_in_flight,
            "start_calls": self.start_calls,
            "uncovered_objects": self.uncovered,
            "events_per_s": round(self.events_per_s, 1),
            "executions_after_late_events": self.after_late,
            "executions_after_same_event": self.after_same,
            "upload_s": round(self.uploads, 1),
            "same_event_per_s": round(self.same_per_s, 1),
        }

    def problems(self) -> list[str]:
        """One sentence for each promise that was broken."""
        found = [*self.failures]
        if not 1 <= self.executions <= 2:
            found.append(f"{self.executions} executions started for the storm.")
        if self.after_late:
            found.append(f"{self.after_late} executions started for events that came late a second time.")
        if self.after_same != 1:
            found.append(f"{self.after_same} executions started for one event that came {SAME:,} times.")
        if self.max_in_flight > 1:
            found.append(f"{self.max_in_flight} executions were in flight at once.")
        if self.start_calls > MOST_START_CALLS:
            found.append(f"StartPipelineExecution was called {self.start_calls} times.")
        if self.start_calls < self.executions:
            found.append(f"The log tells of {self.start_calls} calls for {self.executions} executions.")
        if self.matched < self.objects:
            found.append(f"EventBridge sent {self.matched:,} events of {self.objects:,} objects.")
        if self.sent < self.repeated:
            found.append(f"{self.sent:,} of {self.repeated:,} events came a second time.")
        if self.unread:
            found.append(f"{self.unread} rows of the objects were not read by the last execution.")
        if self.uncovered:
            found.append(f"{self.uncovered} objects are not in the last execution's list.")
        if self.strange:
            found.append(f"{self.strange} events have not the form of EventBridge's.")
        return found


def table(outcome: Outcome) -> Table:
    """The figures for people."""
    found = Table(title="A storm of object events")
    found.add_column("figure")
    found.add_column("value", justify="right")
    found.add_row("objects put", f"{outcome.objects:,} in {outcome.uploads:.1f} s")
    found.add_row("events that came", f"{outcome.events:,}")
    found.add_row("events handled a second", f"{outcome.events_per_s:,.0f}")
    found.add_row("the same event handled a second", f"{outcome.same_per_s:,.0f}")
    found.add_row("puts a second that a prefix of S3 takes", f"{S3_CAN_SEND:,}")
    found.add_row("events a second that EventBridge delivers", f"{EVENTBRIDGE_CAN_SEND:,}")
    found.add_row("executions for the storm", f"{outcome.executions}")
    found.add_row("executions for late repetitions", f"{outcome.after_late}")
    found.add_row("executions for one event sent often", f"{outcome.after_same}")
    found.add_row("most in flight", f"{outcome.max_in_flight}")
    found.add_row("calls of StartPipelineExecution for the storm", f"{outcome.start_calls}")
    found.add_row("objects that the last of them does not cover", f"{outcome.uncovered}")
    return found
