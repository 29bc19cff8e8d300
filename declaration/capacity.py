"""From the load that a user states to the instances that carry it, with the arithmetic shown."""

import math
from dataclasses import dataclass

# Half of what an instance can do is what it is asked to do, so that a burst fits while more instances start.
# SageMakerVariantInvocationsPerInstance = (MAX_RPS * SAFETY_FACTOR) * 60, with 0.5 to start with:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
SAFETY = 0.5


@dataclass(frozen=True)
class Capacity:
    """How many instances serve a load. Loads are calls a minute, as the scaling metric counts them."""

    instance: str
    calls_per_minute: int
    calls_per_instance: int
    minimum: int
    maximum: int

    @property
    def target(self) -> float:
        """The target of SageMakerVariantInvocationsPerInstance, in calls a minute per instance."""
        return self.calls_per_instance * SAFETY

    @property
    def needed(self) -> int:
        """The instances that carry the stated load at the target."""
        return instances_for(self.calls_per_minute, self.calls_per_instance)

    @property
    def initial(self) -> int:
        """The instances that a new endpoint starts with."""
        return max(self.minimum, self.needed)

    @property
    def autoscaled(self) -> bool:
        """Whether the number of instances may change at all."""
        return self.maximum > self.minimum

    def explain(self) -> str:
        """The arithmetic, one step a line."""
        rps = self.calls_per_instance / 60
        scaling = (
            f"scales between {self.minimum:,} and {self.maximum:,}" if self.autoscaled else "does not scale"
        )
        return "\n".join(
            (
                f"load      {self.calls_per_minute:,} calls/min",
                f"instance  {self.instance} carries {self.calls_per_instance:,} calls/min at its peak",
                f"target    {rps:,.1f} calls/s x 60 x {SAFETY} = {self.target:,.0f} calls/min per instance",
                f"needed    {self.calls_per_minute:,} / {self.target:,.0f}, rounded up = {self.needed:,}",
                f"fleet     starts with {self.initial:,} and {scaling}",
            )
        )


def instances_for(calls_per_minute: int, calls_per_instance: int) -> int:
    """The instances that carry a load with every one of them at the target."""
    return math.ceil(calls_per_minute / (calls_per_instance * SAFETY))
