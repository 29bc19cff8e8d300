"""What a project's stacks deploy of functions, queues, rules and tables: histories run what is declared.

A rule that is missing, a right name in the wrong variable or a queue without dead letters is then a fault of
the history, and not of a copy of the templates that somebody forgot to change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.histories.aws.sqs import Queue
from tests.histories.intrinsics import queue_url


@dataclass(frozen=True)
class WiredFunction:
    """A function: where its code is, what it reads from its environment, and the queue that wakes it."""

    name: str
    module: str
    handler: str
    environment: Mapping[str, str]
    queue: str = ""
    batch: int = 1


@dataclass(frozen=True)
class WiredQueue:
    """A queue: seconds out of sight, and after how many receives a message is dead."""

    name: str
    visibility: int
    most: int | None
    dead: str | None


@dataclass(frozen=True)
class WiredRule:
    """A rule with a pattern or a schedule; each target is a queue, with a constant input or none."""

    name: str
    pattern: Mapping[str, Any] | None
    schedule: str | None
    targets: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True)
class Wiring:
    """All of one project, by name; of a pipeline the defaults of its parameters.

    `subscribed` are the queues that get what is published on a topic, by its ARN; `thresholds` are those of
    alarms, by the names of their metrics.
    """

    project: str
    functions: Mapping[str, WiredFunction]
    wired_queues: tuple[WiredQueue, ...]
    rules: tuple[WiredRule, ...]
    tables: Mapping[str, str]
    subscribed: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, float]
    buckets: tuple[str, ...]
    pipelines: Mapping[str, Mapping[str, str]]

    @property
    def serving(self) -> str:
        """The stack that serves."""
        return f"{self.project}-serving"

    @property
    def compares(self) -> bool:
        """Whether new models run as shadows first."""
        promote = self.functions.get(f"{self.project}-promote")
        return bool(promote and promote.environment.get("SHADOW"))

    def bucket(self, part: str) -> str:
        """The bucket whose logical id begins so: Incoming, Artifacts, Captured."""
        (found,) = (
            name for name in self.buckets if name.startswith(f"{self.project}-storage-{part.lower()}")
        )
        return found

    def rule(self, suffix: str) -> WiredRule | None:
        """The rule of this name, None where the project has none."""
        return next((rule for rule in self.rules if rule.name == f"{self.project}-{suffix}"), None)

    def function(self, suffix: str) -> WiredFunction:
        """The function `<project>-<suffix>`."""
        return self.functions[f"{self.project}-{suffix}"]

    def queues(self) -> Sequence[Queue]:
        """The queues, empty."""
        return [
            Queue(queue.name, queue_url(queue.name), queue.visibility, queue.most, queue.dead)
            for queue in self.wired_queues
        ]
