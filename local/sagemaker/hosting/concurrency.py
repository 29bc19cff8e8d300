"""How many requests are under way at a time: the metrics of high resolution that policies can track.

docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html: ConcurrentRequestsPerModel and
ConcurrentRequestsPerCopy, every ten seconds.
"""

from collections.abc import Callable, Mapping

from local.host import Metric
from local.sagemaker.hosting.live import LiveEndpoint

PERIOD_SECONDS = 10.0
Dimensions = Callable[[str, str], dict[str, str]]


class Concurrency:
    """Looks at every instance again and again, and tells the most that each had on average."""

    def __init__(self, name: str, live: Mapping[str, LiveEndpoint], dimensions: Dimensions) -> None:
        self._name = name
        self._live = live
        self._dimensions = dimensions
        self._most: dict[tuple[str, str], float] = {}

    def look(self) -> None:
        """Note how busy the instances are at the moment."""
        for name, live in list(self._live.items()):
            busy: dict[str, list[int]] = {}
            for slot in live.routing.slots:
                busy.setdefault(slot.variant.name, []).extend(one.outstanding for one in slot.instances)
            for variant, outstanding in busy.items():
                if outstanding:
                    each = sum(outstanding) / len(outstanding)
                    self._most[name, variant] = max(self._most.get((name, variant), 0.0), each)

    def take(self) -> list[Metric]:
        """The most since the last call, for each that had instances."""
        most, self._most = self._most, {}
        return [
            Metric(self._name, value, "Count", self._dimensions(name, variant))
            for (name, variant), value in most.items()
        ]
