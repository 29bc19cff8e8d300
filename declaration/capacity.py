"""From the load that a user states to the instances that carry it, with the arithmetic shown."""

import math
from dataclasses import dataclass

from declaration.prices import HOURS_A_MONTH

# Half of what an instance can do is what it is asked to do, so that a burst fits while more instances start.
# SageMakerVariantInvocationsPerInstance = (MAX_RPS * SAFETY_FACTOR) * 60, with 0.5 to start with:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
SAFETY = 0.5
# Out at once, in only when the load has really gone; in seconds.
SCALE_OUT_COOLDOWN = 120
SCALE_IN_COOLDOWN = 300


@dataclass(frozen=True)
class Capacity:
    """How many instances serve a load. Loads are calls a minute, as the scaling metric counts them.

    `known_from` says where `calls_per_instance` comes from; `call_ms` is how long a call takes there, if that
    is known. `busy` is the floor while the declared busy hours last. `usd_per_hour` is one instance's price.
    `woken` is how many instances a fleet begins with that may have none, new or by the first call.
    """

    instance: str
    calls_per_minute: int
    calls_per_instance: int
    minimum: int
    maximum: int
    known_from: str = "declared"
    call_ms: float | None = None
    busy: int | None = None
    usd_per_hour: float | None = None
    woken: int = 1

    @property
    def target(self) -> float:
        """The target of SageMakerVariantInvocationsPerInstance, in calls a minute per instance."""
        return self.calls_per_instance * SAFETY

    @property
    def concurrency(self) -> float | None:
        """The calls that one instance has at once at the target (Little's law); None if a call's time is not.

        It is the target of SageMakerVariantConcurrentRequestsPerModelHighResolution.
        """
        return None if self.call_ms is None else self.target / 60 * self.call_ms / 1000

    @property
    def needed(self) -> int:
        """The instances that carry the stated load at the target."""
        return instances_for(self.calls_per_minute, self.calls_per_instance)

    @property
    def initial(self) -> int:
        """The instances that a new endpoint starts with."""
        return max(self.minimum, self.needed) if self.minimum else self.woken

    @property
    def autoscaled(self) -> bool:
        """Whether the number of instances may change at all."""
        return self.maximum > self.minimum

    def monthly_usd(self, instances: int, hours: float = HOURS_A_MONTH) -> float | None:
        """What so many instances cost in a month in which they run for `hours`; None without a price."""
        return None if self.usd_per_hour is None else instances * self.usd_per_hour * hours

    def summary(self) -> str:
        """The load, the fleet and its price on one line."""
        fleet = f"{self.minimum:,} to {self.maximum:,} x {self.instance}"
        cost = "" if self.usd_per_hour is None else f", {self.usd_per_hour:g} USD/h each"
        return f"{self.calls_per_minute:,} calls/min with {fleet}{cost} ({self.known_from})"

    def explain(self) -> str:
        """The arithmetic, one step a line."""
        rps = self.calls_per_instance / 60
        scaling = (
            f"scales between {self.minimum:,} and {self.maximum:,}" if self.autoscaled else "does not scale"
        )
        lines = [
            f"load      {self.calls_per_minute:,} calls/min",
            f"instance  {self.instance} carries {self.calls_per_instance:,} calls/min at its peak "
            f"({self.known_from})",
            f"target    {rps:,.1f} calls/s x 60 x {SAFETY} = {self.target:,.0f} calls/min per instance",
            f"needed    {self.calls_per_minute:,} / {self.target:,.0f}, rounded up = {self.needed:,}",
            f"fleet     starts with {self.initial:,} and {scaling}",
        ]
        if self.busy is not None:
            lines.append(f"busy      not below {self.busy:,} in the busy hours")
        if self.usd_per_hour is not None:
            least, most = self.monthly_usd(self.minimum), self.monthly_usd(self.maximum)
            lines.append(
                f"cost      {self.usd_per_hour:g} USD/h x {HOURS_A_MONTH} h x {self.minimum:,} to "
                f"{self.maximum:,} = {least:,.0f} to {most:,.0f} USD a month"
            )
        return "\n".join(lines)


def instances_for(calls_per_minute: int, calls_per_instance: int) -> int:
    """The instances that carry a load with every one of them at the target."""
    return math.ceil(calls_per_minute / (calls_per_instance * SAFETY))
