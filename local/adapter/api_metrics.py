"""What API Gateway tells of the calls of a REST API, by API and by stage.

docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html; those of single
methods are sent only where they are asked for, which costs extra, and are left out here.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from local.host import Metric

NAMESPACE = "AWS/ApiGateway"


class Stage(NamedTuple):
    """A stage by the name of its API, which is what metrics know."""

    api: str
    name: str


@dataclass
class _Tally:
    """The calls of one stage; latencies in whole milliseconds, with how often each occurred."""

    client_errors: int = 0
    server_errors: int = 0
    latencies: Counter[int] = field(default_factory=Counter)
    integrations: Counter[int] = field(default_factory=Counter)


class ApiMeter:
    """Counts calls until they are taken; only on the event loop."""

    def __init__(self) -> None:
        self._tallies: dict[Stage, _Tally] = defaultdict(_Tally)

    def record(self, stage: Stage, status: int, latency: float, integration: float | None) -> None:
        """Count a call that took so many seconds, of which so many in its integration if it came that far."""
        tally = self._tallies[stage]
        tally.client_errors += 400 <= status < 500
        tally.server_errors += status >= 500
        tally.latencies[round(latency * 1000)] += 1
        if integration is not None:
            tally.integrations[round(integration * 1000)] += 1

    def take(self) -> list[Metric]:
        """Everything since the last time."""
        taken, self._tallies = self._tallies, defaultdict(_Tally)
        return [
            Metric(name, float(value), unit, dimensions, None, float(times))
            for stage, tally in taken.items()
            for name, unit, value, times in _values(tally)
            for dimensions in ({"ApiName": stage.api}, {"ApiName": stage.api, "Stage": stage.name})
        ]


def _values(tally: _Tally) -> list[tuple[str, str, int, int]]:
    """Each value that occurred, and how often: a call without an error is a zero of the errors' metrics."""
    total = tally.latencies.total()
    found = [("Count", "Count", 1, total)]
    for name, errors in (("4XXError", tally.client_errors), ("5XXError", tally.server_errors)):
        found += [(name, "Count", 0, total - errors), (name, "Count", 1, errors)]
    for name, latencies in (("Latency", tally.latencies), ("IntegrationLatency", tally.integrations)):
        found += [(name, "Milliseconds", value, times) for value, times in latencies.items()]
    return [value for value in found if value[3]]
