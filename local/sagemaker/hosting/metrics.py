"""The endpoint metrics of AWS/SageMaker, one put a second however many requests there are.

Names, units and dimensions: docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html. The
dimension EndpointConfigName tells fleets apart during a deployment
(…/latest/dg/deployment-guardrails-configuration.html).
"""

import math
from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple

from local.host import Metric

NAMESPACE = "AWS/SageMaker"
_STEP = math.log(1.02)


class Sample(NamedTuple):
    """One request: who answered, among how many instances, with what, and how long it took (µs)."""

    endpoint: str
    config: str
    variant: str
    instances: int
    status: int
    model_latency: float
    overhead_latency: float


class Meter:
    """Collects samples in the event loop and hands them out, summed up, to the thread that puts them."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self.record = self._samples.append

    def take(self) -> list[Metric]:
        """Everything recorded since the last call, as metrics."""
        samples = []
        while self._samples:
            samples.append(self._samples.popleft())
        return summarise(samples)


def summarise(samples: Iterable[Sample]) -> list[Metric]:
    """The metrics of these samples; latencies are rounded to 2 % so that equal ones count together."""
    counts: Counter[tuple[str, str, str, str, str, float]] = Counter()
    for sample in samples:
        fleet = (sample.endpoint, sample.variant, sample.config)
        counts[(*fleet, "Invocations", "None", 1.0)] += 1
        counts[(*fleet, "InvocationsPerInstance", "None", 1.0 / max(sample.instances, 1))] += 1
        counts[(*fleet, "Invocation4XXErrors", "None", float(400 <= sample.status < 500))] += 1
        counts[(*fleet, "Invocation5XXErrors", "None", float(sample.status >= 500))] += 1
        counts[(*fleet, "ModelLatency", "Microseconds", _rounded(sample.model_latency))] += 1
        counts[(*fleet, "OverheadLatency", "Microseconds", _rounded(sample.overhead_latency))] += 1
    metrics = []
    for (endpoint, variant, config, name, unit, value), count in counts.items():
        whole = {"EndpointName": endpoint, "VariantName": variant}
        for dimensions in (whole, {**whole, "EndpointConfigName": config}):
            metrics.append(Metric(name, value, unit, dimensions, None, float(count)))
    return metrics


def idle(endpoint: str, variant: str) -> list[Metric]:
    """The zeros of a variant without traffic, by which it can scale in.

    "If a variant's traffic becomes zero, SageMaker automatically scales in […] In this case, SageMaker emits
    metrics with a value of zero" (…/latest/dg/endpoint-auto-scaling-prerequisites.html).
    """
    dimensions = {"EndpointName": endpoint, "VariantName": variant}
    return [Metric(name, 0.0, "None", dimensions) for name in ("Invocations", "InvocationsPerInstance")]


def _rounded(microseconds: float) -> float:
    if microseconds < 1:
        return 0.0
    return round(math.exp(round(math.log(microseconds) / _STEP) * _STEP), 1)
