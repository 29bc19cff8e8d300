"""What every part of the embedded SageMaker works with."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from local.errors import ApiError
from local.host import Host
from local.sagemaker.containers import Images, Start
from local.sagemaker.jobs.slots import Slots
from local.sagemaker.store import Record, Store

NotFound = Callable[[str], ApiError]


@dataclass(frozen=True)
class Context:
    """The cloud around, the images, the way to start a container, and the state.

    Resources are kept in the store under the kind and the name that their ARN has:
    `arn:aws:sagemaker:REGION:ACCOUNT:KIND/NAME` is `store.get(KIND, NAME)`.
    """

    host: Host
    images: Images
    start: Start
    store: Store
    spot_interruption_seconds: float | None = None
    """After how many seconds of this machine every managed spot job is interrupted, once; None is never."""
    closing: threading.Event = field(default_factory=threading.Event)
    job_slots: Slots = field(default_factory=Slots)

    @property
    def speed(self) -> float:
        """How many times faster than on AWS its waits pass."""
        return self.host.speed

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a SageMaker resource."""
        return f"arn:aws:sagemaker:{self.host.region}:{self.host.account}:{kind}/{name}"

    def name(self, kind: str, name_or_arn: str) -> str:
        """The name out of an ARN of that kind, or the name itself."""
        return name_or_arn.removeprefix(self.arn(kind, ""))

    def find(self, kind: str, name_or_arn: str, missing: ApiError) -> Record:
        """The record of a resource, by name or ARN; raises `missing` if there is none."""
        record = self.store.get(kind, self.name(kind, name_or_arn))
        if record is None:
            raise missing
        return record

    def emit(self, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str]) -> None:
        """Send an aws.sagemaker event, at least once, if and when the current transaction is committed."""
        self.store.enqueue({"detail_type": detail_type, "detail": dict(detail), "resources": list(resources)})

    def sleep(self, seconds: float) -> bool:
        """Let that much of AWS's time pass; False if the service is closed meanwhile."""
        return not self.closing.wait(seconds / self.speed)

    def spawn(self, target: Callable[..., None], *args: Any, name: str | None = None) -> threading.Thread:
        """Run in a thread of its own that does not outlive the process."""
        thread = threading.Thread(target=target, args=args, name=name, daemon=True)
        thread.start()
        return thread


def now() -> float:
    """The time as AWS's JSON has it: Unix seconds, to the millisecond."""
    return round(time.time(), 3)
