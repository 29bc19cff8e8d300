"""What happened, because of what, and how long it took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Moment:
    """One line of the timeline: `seconds` is how long it took, `at` when it ended."""

    event: str
    outcome: str
    seconds: float
    at: float


@dataclass
class Timeline:
    """Collects moments and prints each as it happens."""

    console: Console
    started: float = field(default_factory=time.monotonic)
    moments: list[Moment] = field(default_factory=list)

    def elapsed(self) -> float:
        """Seconds since the demo began."""
        return time.monotonic() - self.started

    def record(self, event: str, outcome: str, *, since: float) -> None:
        """Add a moment that began `since` (a value of `elapsed()`)."""
        now = self.elapsed()
        self.moments.append(Moment(event, outcome, now - since, now))
        self.console.print(
            f"[dim]{now:6.1f} s[/]  [bold]{event}[/] → {outcome} [dim]({now - since:.1f} s)[/]"
        )

    def table(self) -> Table:
        """The timeline as a table: event, what happened, seconds."""
        table = Table(title="The loop, caused by events", title_justify="left")
        table.add_column("event", style="bold")
        table.add_column("what happened")
        table.add_column("seconds", justify="right")
        for moment in self.moments:
            table.add_row(moment.event, moment.outcome, f"{moment.seconds:.1f}")
        return table
