"""How predictions are served: the load is stated, the capacity is derived."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Literal

from pydantic import Field

from declaration.capacity import Capacity, instances_for
from declaration.errors import Problem
from declaration.instances import InstanceType, burstable, usable, vcpus
from declaration.rollout import Canary, Rollout
from declaration.value import declared

# What one vCPU is trusted with where no load test says better: our server needs 30 to 300 µs of CPU a call
# (XGBoost, 200 trees of depth 6), which is far above this on a laptop; on SageMaker it is not measured.
CALLS_PER_VCPU = 30_000

Load = Annotated[int, Field(ge=1, le=100_000_000, examples=["3_000"])]
CallsPerInstance = Annotated[int, Field(ge=2, le=10_000_000)]
InstanceCount = Annotated[int, Field(ge=1, le=1_000)]


@declared
class Endpoint:
    """A real-time endpoint behind an IAM-authorised API, scaled with its load.

    `calls_per_minute` is the load to carry; `calls_per_instance` the calls a minute that one instance carries
    at its peak, from a load test (default: 30,000 per vCPU). `max_instances` is by default twice the need.
    `capture_percent` of the calls are recorded for monitoring.
    """

    _: KW_ONLY
    calls_per_minute: Load
    instance: Annotated[str, InstanceType("endpoint")] = "ml.c5.large"
    calls_per_instance: Annotated[CallsPerInstance | None, Field(examples=["30_000"])] = None
    min_instances: InstanceCount = 2
    max_instances: Annotated[InstanceCount | None, Field(examples=["4"])] = None
    rollout: Annotated[Rollout, Field(examples=["Canary()"])] = Canary()
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100

    @property
    def capacity(self) -> Capacity:
        """The instances and the scaling target that follow from the load."""
        per_instance = self.calls_per_instance or CALLS_PER_VCPU * vcpus(self.instance)
        needed = instances_for(self.calls_per_minute, per_instance)
        maximum = self.max_instances or 2 * max(self.min_instances, needed)
        return Capacity(self.instance, self.calls_per_minute, per_instance, self.min_instances, maximum)

    def problems(self) -> Iterator[Problem]:
        """Bounds that contradict each other or the load, and autoscaling where SageMaker has none."""
        capacity = self.capacity
        if capacity.maximum < capacity.minimum:
            rule = f"it must be at least min_instances, which is {capacity.minimum}"
            yield Problem(
                "Endpoint, max_instances", str(capacity.maximum), rule, "raise it or lower min_instances"
            )
        elif capacity.maximum < capacity.needed:
            load = f"{capacity.calls_per_minute:,} calls a minute"
            rule = f"{load} need {capacity.needed:,} instances of {capacity.instance}"
            fix = f"write max_instances={capacity.needed} or more, or choose a larger instance"
            yield Problem("Endpoint, max_instances", str(capacity.maximum), rule, fix)
        if burstable(self.instance) and capacity.autoscaled:
            rule = "SageMaker does not autoscale burstable types, only fleets of a fixed size may use them"
            same_size = closest_unburstable(self.instance)
            fix = f"write instance={same_size!r}, or make max_instances equal min_instances"
            yield Problem("Endpoint, instance", repr(self.instance), rule, fix)


def closest_unburstable(instance: str) -> str:
    """The compute type of the same size, or the smallest one."""
    same_size = f"ml.c5.{instance.rsplit('.', 1)[1]}"
    return same_size if same_size in usable("endpoint") else "ml.c5.large"


@declared
class Serverless:
    """A serverless endpoint: no instances and nothing to pay at rest, but at most 200 calls at a time.

    `latency_ms` is how long one call takes; with the load it says how many calls run at once.
    https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """

    _: KW_ONLY
    calls_per_minute: Load
    latency_ms: Annotated[int, Field(ge=1, le=60_000, examples=["50"])]
    memory_mb: Literal[1024, 2048, 3072, 4096, 5120, 6144] = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 200

    @property
    def concurrent_calls(self) -> float:
        """The calls in flight at the stated load (Little's law)."""
        return self.calls_per_minute / 60 * self.latency_ms / 1000

    def explain(self) -> str:
        """The arithmetic of the load."""
        per_second = self.calls_per_minute / 60
        return (
            f"{per_second:,.1f} calls/s x {self.latency_ms / 1000:g} s = "
            f"{self.concurrent_calls:,.1f} at once, of {self.max_concurrency}"
        )

    def problems(self) -> Iterator[Problem]:
        """A load that the allowed concurrency cannot carry."""
        if self.concurrent_calls > self.max_concurrency:
            rule = f"{self.explain()} is more than it can carry (SageMaker allows at most 200 at once)"
            fits = self.max_concurrency * 60_000 // self.latency_ms
            fix = f"use Endpoint(calls_per_minute={self.calls_per_minute}), or state {fits:,} calls or fewer"
            yield Problem("Serverless, calls_per_minute", f"{self.calls_per_minute:,}", rule, fix)
