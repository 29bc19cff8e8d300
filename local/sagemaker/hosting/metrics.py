"""The endpoint metrics of AWS/SageMaker, summed up however many requests there are.

Names, units and dimensions: docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html. The
dimension EndpointConfigName tells fleets apart during a deployment
(…/latest/dg/deployment-guardrails-configuration.html).
"""

import math
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from local.host import Metric

NAMESPACE = "AWS/SageMaker"
_STEPS_PER_E = 1 / math.log(1.02)


class Sample(NamedTuple):
    """One request: who answered, among how many instances, with what, and how long it took (µs)."""

    endpoint: str
    config: str
    variant: str
    instances: int
    status: int
    model_latency: float
    overhead_latency: float


_Fleet = tuple[str, str, str]
"""Endpoint, configuration and variant."""


class _Value(NamedTuple):
    """A value of a metric, and how often it occurred."""

    name: str
    unit: str
    value: float
    times: int


@dataclass
class _Tally:
    """Requests to one variant of one fleet."""

    shares: Counter[int] = field(default_factory=Counter)
    """How many there were, by the number of instances at their time."""
    client_errors: int = 0
    server_errors: int = 0

    def values(self) -> Iterable[_Value]:
        """Each value that occurred."""
        total = self.shares.total()
        yield _Value("Invocations", "None", 1.0, total)
        for instances, count in self.shares.items():
            yield _Value("InvocationsPerInstance", "None", 1.0 / max(instances, 1), count)
        for kind, errors in (("4XX", self.client_errors), ("5XX", self.server_errors)):
            yield _Value(f"Invocation{kind}Errors", "None", 0.0, total - errors)
            yield _Value(f"Invocation{kind}Errors", "None", 1.0, errors)


@dataclass
class _Latencies:
    """How long requests took, in steps of 2 %, so that equal ones count together."""

    model: Counter[int] = field(default_factory=Counter)
    overhead: Counter[int] = field(default_factory=Counter)

    def values(self) -> Iterable[_Value]:
        """Each value that occurred."""
        for name, steps in (("ModelLatency", self.model), ("OverheadLatency", self.overhead)):
            for step, count in steps.items():
                yield _Value(name, "Microseconds", _microseconds(step), count)


class Meter:
    """Counts requests in the event loop, and hands the counts to the thread that puts them."""

    def __init__(self) -> None:
        self._tallies: dict[_Fleet, _Tally] = defaultdict(_Tally)
        self._latencies: dict[_Fleet, _Latencies] = defaultdict(_Latencies)
        self._lock = threading.Lock()

    def record(self, sample: Sample) -> None:
        """Count one request."""
        fleet = sample[:3]
        with self._lock:
            tally, latencies = self._tallies[fleet], self._latencies[fleet]
            tally.shares[sample.instances] += 1
            if sample.status >= 500:
                tally.server_errors += 1
            elif sample.status >= 400:
                tally.client_errors += 1
            latencies.model[_step(sample.model_latency)] += 1
            latencies.overhead[_step(sample.overhead_latency)] += 1

    def take(self, *, latencies: bool = True) -> list[Metric]:
        """Everything counted since the last call, as metrics.

        Latencies, of which there are many, can be left for a later call.
        """
        with self._lock:
            taken: list[tuple[_Fleet, _Tally | _Latencies]] = list(self._tallies.items())
            self._tallies.clear()
            if latencies:
                taken += self._latencies.items()
                self._latencies.clear()
        metrics = []
        for (endpoint, config, variant), counted in taken:
            whole = {"EndpointName": endpoint, "VariantName": variant}
            for value in counted.values():
                if value.times:
                    for dimensions in (whole, {**whole, "EndpointConfigName": config}):
                        count = float(value.times)
                        metrics.append(Metric(value.name, value.value, value.unit, dimensions, None, count))
        return metrics


def idle(endpoint: str, variant: str) -> list[Metric]:
    """The zeros of a variant without traffic, by which it can scale in.

    "If a variant's traffic becomes zero, SageMaker automatically scales in […] In this case, SageMaker emits
    metrics with a value of zero" (…/latest/dg/endpoint-auto-scaling-prerequisites.html).
    """
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    return [Metric(name, 0.0, "None", dimensions) for name in ("Invocations", "InvocationsPerInstance")]


def _step(microseconds: float) -> int:
    return -1 if microseconds < 1 else round(math.log(microseconds) * _STEPS_PER_E)


def _microseconds(step: int) -> float:
    return 0.0 if step < 0 else round(math.exp(step / _STEPS_PER_E), 1)
