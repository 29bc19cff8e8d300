"""The metrics of asynchronous endpoints.

docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html: the backlog has the dimension
EndpointName, everything else EndpointName and VariantName; Invocations and OverheadLatency are not sent.
"""

from collections import deque

from local.host import Metric


class AsyncMeter:
    """Collects in any thread and hands out to the thread that puts."""

    def __init__(self) -> None:
        self._metrics: deque[Metric] = deque()

    def record(self, endpoint: str, variant: str, name: str, value: float, unit: str) -> None:
        """Note one value of a request."""
        self._metrics.append(Metric(name, value, unit, {"EndpointName": endpoint, "VariantName": variant}))

    def take(self) -> list[Metric]:
        """Everything noted since the last call."""
        return [self._metrics.popleft() for _ in range(len(self._metrics))]


def backlog(endpoint: str, size: int, age: float, instances: int) -> list[Metric]:
    """The state of a queue whose oldest request has waited for `age` seconds.

    Without an instance the size per instance is the size: so "your endpoint won't scale up again until the
    number of requests in the queue exceeds the target" (…/latest/dg/async-inference-autoscale.html).
    """
    dimensions = {"EndpointName": endpoint}
    return [
        Metric("ApproximateBacklogSize", size, "Count", dimensions),
        Metric("ApproximateBacklogSizePerInstance", size / max(instances, 1), "Count", dimensions),
        Metric("ApproximateAgeOfOldestRequest", age, "Seconds", dimensions),
        Metric("HasBacklogWithoutCapacity", float(size > 0 and not instances), "Count", dimensions),
    ]
