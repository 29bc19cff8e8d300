"""Traffic on an endpoint, put on it by the generator of `sageloop loadtest`."""

from collections.abc import Sequence
from dataclasses import dataclass

import boto3

from cli.loadtest import fleet, generator
from cli.loadtest.load import Load
from cli.loadtest.rows import Bodies
from cli.loadtest.samples import Outcome, Seen
from cli.loadtest.target import runtime

# Instances come within tenths of a second, which are seconds of the fast AWS.
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class Traffic:
    """A load with a name; its seconds are those of this machine."""

    name: str
    load: Load


@dataclass(frozen=True)
class Sent:
    """What became of the calls, the instances meanwhile, and when the first call was due (Unix seconds)."""

    outcome: Outcome
    seen: Sequence[Seen]
    begun: float

    @property
    def most(self) -> int:
        """The most instances at a time."""
        return max((each.instances for each in self.seen), default=0)

    @property
    def counts(self) -> list[tuple[float, int]]:
        """The instances by the seconds since the first call, while the load lasted."""
        since = ((each.moment - self.begun, each.instances) for each in self.seen)
        return [(moment, count) for moment, count in since if 0 <= moment <= self.outcome.seconds]


def send(
    caller: boto3.Session, root: boto3.Session, endpoint: str, bodies: Sequence[bytes], load: Load
) -> Sent:
    """Call the endpoint as `caller`, and watch it as `root`; CommandError if the generator fails."""
    target = runtime(caller, endpoint)
    with fleet.watched(root, endpoint, every=_LOOK_SECONDS) as seen:
        ran = generator.run(caller, target, Bodies("text/csv", bodies), load)
    outcome = ran.samples.outcome(
        load.calls_per_minute, load.seconds, seen, generator_bound=ran.generator_bound
    )
    return Sent(outcome, seen, ran.samples.begun(load.corners[0][1]))
