"""What the reconciler needs of AWS; each call may raise Busy."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from retrain.decision import ExecutionStatus
from retrain.measured import Measured
from retrain.quarantine import Rejected
from retrain.state import Running, State


class StateItem(Protocol):
    """Where the state is kept."""

    def load(self) -> State:
        """The state as last written."""

    def save(self, state: State) -> State:
        """Write over the version that `state` was made from; raises Conflict."""


class PipelineExecutions(Protocol):
    """What SageMaker does for us."""

    def champion(self) -> str | None:
        """The model that new ones are compared with."""

    def bytes_per_row(self) -> float | None:
        """How long a row of the champion's data was."""

    def in_flight(self) -> str | None:
        """The ARN of an execution that runs."""

    def definition(self) -> str:
        """What is the same as long as the pipeline is."""

    def start(self, running: Running) -> str:
        """The ARN of the execution of this token."""

    def status(self, arn: str) -> ExecutionStatus:
        """Where an execution stands."""


class DataInventory(Protocol):
    """What lies in data/."""

    def take(self, previous: str) -> Measured:
        """A list, beside the one of this manifest."""

    def keep(self, found: Measured) -> None:
        """Write the manifest of a list."""

    def known(self, manifest: str, refused: Collection[str]) -> str:
        """The manifest of what an execution that was given this one has surely read."""


class BadObjects(Protocol):
    """What executions could not use."""

    def rejected(self, execution: str) -> Sequence[Rejected]:
        """The objects that the execution with this id refused."""

    def move(self, rejected: Rejected, execution: str) -> str:
        """Take one away, or say why it stays."""


class DelayedLooks(Protocol):
    """How we wake ourselves."""

    def send(self, at: int, delay: int) -> None:
        """Have a look delivered in `delay` seconds."""


class Newsroom(Protocol):
    """Whom we tell what."""

    def skipped(self, state: State, why: str) -> None:
        """No execution starts for what is pending."""

    def started(self, running: Running, arn: str) -> None:
        """An execution has started."""

    def ended(self, running: Running, arn: str, status: str) -> None:
        """An execution is over."""

    def quarantined(self, arn: str, rejected: Sequence[Rejected], kept: Mapping[str, str]) -> None:
        """An execution could not use some objects."""

    def waiting(self, seconds: int) -> None:
        """For how long an execution has been due that does not start."""


@dataclass(frozen=True)
class Surroundings:
    """All of it; without an inventory nobody knows what the pipeline reads, so every request is a reason."""

    table: StateItem
    executions: PipelineExecutions
    looks: DelayedLooks
    news: Newsroom
    inventory: DataInventory | None = None
    quarantine: BadObjects | None = None
