"""The metrics of inference components, with the dimension InferenceComponentName.

docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html and
…/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from collections import deque

from local.host import Metric
from local.sagemaker.hosting.metrics import Meter

_NAMES = {"InvocationsPerInstance": "InvocationsPerCopy"}


class ComponentMeter(Meter):
    """A meter of requests to copies; the endpoint of its samples is the component."""

    def __init__(self) -> None:
        super().__init__()
        self._failures: deque[str] = deque()

    def without_capacity(self, component: str) -> None:
        """Count a request that found no copy: what an endpoint is scaled out from zero by."""
        self._failures.append(component)

    def take(self, *, latencies: bool = True) -> list[Metric]:
        """Everything counted since the last call, as metrics; latencies can be left for a later call."""
        metrics = []
        for metric in super().take(latencies=latencies):
            if "EndpointConfigName" not in metric.dimensions:
                name, component = _NAMES.get(metric.name, metric.name), metric.dimensions["EndpointName"]
                metrics.append(Metric(name, metric.value, metric.unit, _of(component), None, metric.count))
        failures = [self._failures.popleft() for _ in range(len(self._failures))]
        metrics += [Metric("NoCapacityInvocationFailures", 1.0, "Count", _of(name)) for name in failures]
        return metrics


def idle(component: str) -> list[Metric]:
    """The zeros of a component that has copies and no traffic, by which it can scale in."""
    return [Metric(name, 0.0, "None", _of(component)) for name in ("Invocations", "InvocationsPerCopy")]


def _of(component: str) -> dict[str, str]:
    return {"InferenceComponentName": component}
