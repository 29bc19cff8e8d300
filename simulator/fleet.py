"""What is simulated: servers, their fleet, what watches it, and what befalls it."""

from collections.abc import Sequence
from dataclasses import dataclass

from simulator.policies import Policy, Scheduled


@dataclass(frozen=True)
class Server:
    """One instance: it answers at most `calls_per_minute`, each in `p50_ms` while nothing waits.

    A call that would wait longer than `queue_ms` is refused at once (back-pressure, 503). A new instance
    takes calls `start_seconds` after the decision; AWS names no figure, minutes are usual. While it starts
    and for `stop_seconds` after an instance was removed, the endpoint is `Updating` and cannot be scaled.
    """

    calls_per_minute: float
    p50_ms: float = 5.0
    vcpus: int = 2
    start_seconds: float = 240.0
    stop_seconds: float = 60.0
    queue_ms: float = 1_000.0
    usd_per_hour: float = 0.0

    def __post_init__(self) -> None:
        if not self.calls_per_minute > 0:
            raise ValueError(f"calls_per_minute is {self.calls_per_minute}, and it must be greater than 0")


@dataclass(frozen=True)
class Monitoring:
    """How metrics become alarms.

    A datapoint is there `delay_seconds` after its period has ended. `aligned` periods begin on whole minutes
    (or whole 10 seconds), others end whenever an alarm is looked at, which is every `every_seconds`.
    """

    delay_seconds: float
    aligned: bool
    every_seconds: float


AWS = Monitoring(delay_seconds=60.0, aligned=True, every_seconds=10.0)
"""A metric of a minute is complete about a minute after it; alarms of 10-second metrics are evaluated every
10 seconds: docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html"""

EMBEDDED = Monitoring(delay_seconds=0.0, aligned=False, every_seconds=5.0)
"""The embedded AWS has datapoints within a second, and looks at the last 60 seconds whenever they began."""


@dataclass(frozen=True)
class Outage:
    """One zone is gone from `begin` until `end`, in seconds from the start."""

    begin: float
    end: float


@dataclass(frozen=True)
class Fleet:
    """Instances of one kind behind an endpoint, spread evenly over `zones`, with their scaling policies.

    Without policies the size is fixed. `late_ms`: a call that takes longer counts as late. Instances of a
    zone that is out are replaced in the others `Server.start_seconds` after it went, as SageMaker does
    (docs.aws.amazon.com/sagemaker/latest/dg/deployment-best-practices.html).
    """

    server: Server
    minimum: int
    maximum: int
    policies: Sequence[Policy] = ()
    initial: int | None = None
    scheduled: Sequence[Scheduled] = ()
    outages: Sequence[Outage] = ()
    zones: int = 2
    late_ms: float = 1_000.0
    monitoring: Monitoring = AWS

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError(f"minimum {self.minimum} and maximum {self.maximum} are no limits of a fleet")
        if self.zones < 1:
            raise ValueError("a fleet is in one zone at least")
