"""How predictions are served at once: the load is stated, the capacity is derived."""

from collections.abc import Iterator
from dataclasses import KW_ONLY, replace
from typing import Annotated, Literal

from pydantic import Field

from declaration.capacity import Capacity, instances_for
from declaration.clients import Clients, repeated
from declaration.errors import Problem
from declaration.hours import BusyHours, Hours, hours
from declaration.instances import burstable, usable, vcpus
from declaration.load import CallsPerInstance, InstanceCount, Load, Predict, Serving
from declaration.measured import Measured
from declaration.prices import HOURS_A_MONTH, priced_to_serve
from declaration.rollout import Canary, Rolling, Rollout, Shadow
from declaration.value import declared

# What one vCPU is trusted with where no load test says better: our server needs 30 to 300 µs of CPU a call
# (XGBoost, 200 trees of depth 6), which is far above this on a laptop; on SageMaker it is not measured.
CALLS_PER_VCPU = 30_000
_DEFAULT_ROLLOUT = Canary()


@declared
class Endpoint:
    """A real-time endpoint behind an IAM-authorised API, scaled with its load.

    `calls_per_minute` is the load to carry, `p99_ms` how long 99 of 100 calls may take: more raises an alarm,
    and takes a new model back. `calls_per_instance` is what one instance carries at its peak; without it the
    project's load test says so, or else 30,000 a vCPU are trusted. `max_instances` is by default twice the
    need, less if `monthly_budget` (USD, for instances) does not pay for it. `scale_on` calls, or on calls at
    once where they differ much in length. In `busy` hours ("weekdays 8-18 Europe/Berlin", else UTC) there are
    never fewer instances than the load needs. With `scale_to_zero` there are none while nobody calls; the
    first call then fails, starts `min_instances` and has to be repeated for some minutes. `predict` is a
    function that makes the answers of the model and the rows. `capture_percent` of the calls are recorded for
    monitoring (none with `scale_to_zero`). Where `clients` are named, each needs its key.
    """

    _: KW_ONLY
    calls_per_minute: Load
    p99_ms: Annotated[int | None, Field(ge=1, le=60_000, examples=["50"])] = None
    instance: Serving = "ml.c5.large"
    calls_per_instance: Annotated[CallsPerInstance | None, Field(examples=["30_000"])] = None
    min_instances: InstanceCount = 2
    max_instances: Annotated[InstanceCount | None, Field(examples=["4"])] = None
    monthly_budget: Annotated[float | None, Field(gt=0, le=10_000_000, examples=["500"])] = None
    scale_on: Literal["calls", "concurrency"] = "calls"
    busy: Annotated[Annotated[str, BusyHours()] | None, Field(examples=["'weekdays 8-18'"])] = None
    scale_to_zero: bool = False
    rollout: Annotated[Rollout | Shadow, Field(examples=["Canary()"])] = _DEFAULT_ROLLOUT
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    predict: Predict = None
    clients: Clients = ()

    def __post_init__(self) -> None:
        # Of the rollouts, inference components know this one alone.
        if self.scale_to_zero and self.rollout is _DEFAULT_ROLLOUT:
            object.__setattr__(self, "rollout", Rolling())

    @property
    def busy_hours(self) -> Hours | None:
        """The hours in which the floor is raised."""
        return hours(self.busy) if self.busy else None

    @property
    def captures(self) -> bool:
        """Whether calls are recorded."""
        return self.capture_percent > 0 and not self.scale_to_zero

    @property
    def capacity(self) -> Capacity:
        """The instances and the scaling target that follow from the load, as if nothing had been measured."""
        return self.capacity_by(None)

    def capacity_by(self, measured: Measured | None) -> Capacity:
        """The same, by what a load test found out."""
        per_instance, known_from, call_ms = self._carried(measured)
        needed = instances_for(self.calls_per_minute, per_instance)
        priced = priced_to_serve(self.instance)
        capacity = Capacity(
            self.instance,
            self.calls_per_minute,
            per_instance,
            minimum=0 if self.scale_to_zero else self.min_instances,
            maximum=self.max_instances or 2 * max(self.min_instances, needed),
            known_from=known_from,
            call_ms=call_ms,
            busy=max(self.min_instances, needed) if self.busy else None,
            usd_per_hour=priced.usd if priced else None,
            woken=self.min_instances,
        )
        return capacity if self.max_instances else self._within_budget(capacity)

    def _carried(self, measured: Measured | None) -> tuple[int, str, float | None]:
        """The calls a minute of one instance at its peak, where that is known from, and a call's time."""
        if self.calls_per_instance:
            return self.calls_per_instance, "declared", self.p99_ms
        if measured is None:
            return CALLS_PER_VCPU * vcpus(self.instance), "trusted, not measured", self.p99_ms
        # Half of one call a minute is no target.
        carried = max(2, measured.carries(self.instance, vcpus(self.instance)))
        return carried, f"measured: {measured.described()}", measured.p50_ms

    def _within_budget(self, capacity: Capacity) -> Capacity:
        """The ceiling that the budget pays for all month, but not below the need."""
        if self.monthly_budget is None or not capacity.usd_per_hour:
            return capacity
        paid = int(self.monthly_budget / (capacity.usd_per_hour * HOURS_A_MONTH))
        least = max(self.min_instances, capacity.needed)
        return replace(capacity, maximum=max(least, min(capacity.maximum, paid)))

    def problems(self) -> Iterator[Problem]:
        """Bounds that contradict each other, what SageMaker does not have, and a floor over the budget."""
        yield from self._problems_of_bounds()
        yield from self._problems_of_zero()
        yield from self._problems_of_the_shadow()
        yield from self._problems_of_the_floor()
        yield from repeated("Endpoint", self.clients)
        if self.calls_per_instance:
            yield from self.load_problems("Endpoint, ", None)

    def load_problems(self, where: str, measured: Measured | None) -> Iterator[Problem]:
        """What cannot carry or pay for the load, by what a load test found out."""
        capacity = self.capacity_by(measured)
        load = f"{capacity.calls_per_minute:,} calls a minute"
        if max(capacity.minimum, self.min_instances) <= capacity.maximum < capacity.needed:
            each = f"one carries {capacity.target:,.0f} at the target, {capacity.known_from}"
            rule = f"{load} need {capacity.needed:,} instances of {capacity.instance} ({each})"
            fix = f"write max_instances={capacity.needed} or more, or choose a larger instance"
            yield Problem(f"{where}max_instances", str(capacity.maximum), rule, fix)
        if measured and self.p99_ms and not self.calls_per_instance and measured.p99_ms > self.p99_ms:
            load_test = f"the load test of {measured.date} had a p99 of {measured.p99_ms:g} ms"
            rule = f"at {measured.calls_per_minute:,} calls a minute {load_test}"
            fix = "repeat it with this p99, so that it finds a load with it, or write a larger p99_ms"
            yield Problem(f"{where}p99_ms", str(self.p99_ms), rule, fix)
        yield from self._problems_of_concurrency(where, capacity)
        yield from self._problems_of_the_budget(where, capacity)

    def _problems_of_bounds(self) -> Iterator[Problem]:
        if self.max_instances is not None and self.max_instances < self.min_instances:
            rule = f"it must be at least min_instances, which is {self.min_instances}"
            fix = "raise it or lower min_instances"
            yield Problem("Endpoint, max_instances", str(self.max_instances), rule, fix)
        if burstable(self.instance) and (self.scale_to_zero or self.max_instances != self.min_instances):
            rule = "SageMaker does not autoscale burstable types, only fleets of a fixed size may use them"
            same_size = closest_unburstable(self.instance)
            fix = f"write instance={same_size!r}, or make max_instances equal min_instances"
            yield Problem("Endpoint, instance", repr(self.instance), rule, fix)
        if self.busy and self.max_instances == self.min_instances:
            rule = f"min_instances and max_instances are both {self.min_instances}, so no floor can be raised"
            yield Problem("Endpoint, busy", repr(self.busy), rule, "leave it out or raise max_instances")

    def _problems_of_zero(self) -> Iterator[Problem]:
        if self.scale_to_zero and not isinstance(self.rollout, Rolling):
            rule = "what scales to zero is an inference component, which SageMaker only updates in batches"
            yield Problem("Endpoint, rollout", f"{type(self.rollout).__name__}(...)", rule, "write Rolling()")

    def _problems_of_the_shadow(self) -> Iterator[Problem]:
        if self.scale_to_zero or not isinstance(self.rollout, Shadow):
            return
        if not self.capture_percent:
            rule = "Shadow compares captured answers, and none are captured"
            yield Problem("Endpoint, capture_percent", "0", rule, "write capture_percent=100, or Canary()")
            return
        minutes = self.rollout.within_seconds / 60
        share = min(self.rollout.percent, self.capture_percent) / 100
        most = int(self.calls_per_minute * minutes * share)
        if most < self.rollout.calls:
            rule = (
                f"at {self.calls_per_minute:,} calls a minute at most {most:,} are compared within that time"
            )
            fix = f"write Shadow(calls={max(1, most)}) or less, a longer within, or Canary()"
            yield Problem("Endpoint, rollout", f"Shadow(calls={self.rollout.calls})", rule, fix)

    def _problems_of_the_floor(self) -> Iterator[Problem]:
        if self.monthly_budget is None:
            return
        priced = priced_to_serve(self.instance)
        if priced is None:
            rule = f"the table of prices has none of {self.instance}, so a budget cannot be kept"
            fix = f"leave it out or write instance={closest_unburstable(self.instance)!r}"
            yield Problem("Endpoint, monthly_budget", f"{self.monthly_budget:g}", rule, fix)
        elif not self.scale_to_zero:
            floor = self.min_instances * priced.usd * HOURS_A_MONTH
            if floor > self.monthly_budget:
                hourly = f"{self.min_instances} x {priced.usd:g} USD/h"
                rule = f"the floor alone costs {hourly} x {HOURS_A_MONTH} h = {floor:,.2f} USD a month"
                fix = f"write monthly_budget={-(-floor // 1):.0f} or more, or scale_to_zero=True"
                yield Problem("Endpoint, monthly_budget", f"{self.monthly_budget:g}", rule, fix)

    def _problems_of_concurrency(self, where: str, capacity: Capacity) -> Iterator[Problem]:
        if self.scale_on != "concurrency":
            return
        place = f"{where}scale_on"
        if capacity.concurrency is None:
            rule = "how many calls run at once follows from how long one takes, which nobody has said"
            fix = "write p99_ms=..., or run a load test and save it"
            yield Problem(place, "'concurrency'", rule, fix)
        elif capacity.concurrency < 1:
            at_once = (
                f"{capacity.target / 60:,.1f} calls/s x {capacity.call_ms:g} ms = {capacity.concurrency:.2f}"
            )
            rule = f"{at_once} at once per instance, and below 1 SageMaker has nothing to count"
            yield Problem(place, "'concurrency'", rule, "write scale_on='calls'")

    def _problems_of_the_budget(self, where: str, capacity: Capacity) -> Iterator[Problem]:
        """What the load needs is paid for in the busy hours, without those always, and else the floor."""
        if self.monthly_budget is None or not capacity.usd_per_hour:
            return
        share = self.busy_hours.share if self.busy_hours else 1.0
        at_load = max(self.min_instances, capacity.needed)
        usd = capacity.usd_per_hour * HOURS_A_MONTH * (at_load * share + capacity.minimum * (1 - share))
        floor = capacity.minimum * capacity.usd_per_hour * HOURS_A_MONTH
        if usd > self.monthly_budget >= floor:
            often = f" for {share:.0%} of the hours" if share < 1 else ""
            rule = (
                f"{capacity.calls_per_minute:,} calls a minute{often} need {at_load:,} x "
                f"{capacity.usd_per_hour:g} USD/h ({capacity.known_from}), {usd:,.2f} USD a month in all"
            )
            fix = f"write monthly_budget={-(-usd // 1):.0f} or more, or state when the load comes with busy="
            yield Problem(f"{where}monthly_budget", f"{self.monthly_budget:g}", rule, fix)


def closest_unburstable(instance: str) -> str:
    """The compute type of the same size, or the smallest one."""
    same_size = f"ml.c5.{instance.rsplit('.', 1)[1]}"
    return same_size if same_size in usable("endpoint") else "ml.c5.large"
