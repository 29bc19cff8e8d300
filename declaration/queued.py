"""Serving calls that may wait: the load and the time to the answer are stated, the fleet is derived."""

import math
from collections.abc import Iterator
from dataclasses import KW_ONLY
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from declaration.capacity import SAFETY
from declaration.durations import DurationRange, seconds, spoken
from declaration.errors import Problem
from declaration.instances import burstable
from declaration.load import Load, Predict, Serving
from declaration.prices import HOURS_A_MONTH, priced_to_serve
from declaration.rollout import Canary, Rollout
from declaration.value import declared

# "The provisioning process takes several minutes", says AWS, and gives no figure.
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
_FROM_ZERO = timedelta(minutes=10)


@declared
class Async:
    """An endpoint whose calls wait in a queue: large or slow ones, and no instance while there are none.

    `calls_per_minute` come on average, and one takes `seconds_per_call`; an instance works on `at_once` of
    them. Instances are added so that the queue is answered within `answer_within`; with `min_instances` 0
    they all go when it is empty. `max_instances` is by default what the load needs, twice over. Inputs lie
    below `requests/` of the incoming bucket, answers appear below `answers/`, failures below `failures/`.
    https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
    """

    _: KW_ONLY
    calls_per_minute: Load
    seconds_per_call: Annotated[float, Field(gt=0, le=3_600, examples=["2.0"])] = 1.0
    at_once: Annotated[int, Field(ge=1, le=1_000)] = 4
    answer_within: Annotated[str | timedelta, DurationRange("1 min", "6 h")] = timedelta(minutes=15)
    instance: Serving = "ml.c5.large"
    min_instances: Annotated[int, Field(ge=0, le=1_000)] = 0
    max_instances: Annotated[Annotated[int, Field(ge=1, le=1_000)] | None, Field(examples=["4"])] = None
    monthly_budget: Annotated[float | None, Field(gt=0, le=10_000_000, examples=["500"])] = None
    rollout: Annotated[Rollout, Field(examples=["Canary()"])] = Canary()
    predict: Predict = None

    @property
    def calls_per_instance(self) -> float:
        """The calls a minute that one instance answers."""
        return self.at_once * 60 / self.seconds_per_call

    @property
    def needed(self) -> int:
        """The instances that answer as many calls as come."""
        return math.ceil(self.calls_per_minute / self.calls_per_instance)

    @property
    def initial(self) -> int:
        """The instances of a new endpoint, which cannot start with none."""
        return max(1, self.min_instances)

    @property
    def maximum(self) -> int:
        """The most instances."""
        return self.max_instances or max(self.initial, 2 * self.needed)

    @property
    def wait_seconds(self) -> int:
        """The longest time to the answer."""
        return seconds(self.answer_within)

    @property
    def backlog(self) -> float:
        """The calls that may wait per instance: as many as it answers in half of the time."""
        return max(1.0, self.calls_per_instance * self.wait_seconds / 60 * SAFETY)

    def explain(self) -> str:
        """The arithmetic, one step a line."""
        carried = (
            f"{self.at_once} x 60 / {self.seconds_per_call:g} s = {self.calls_per_instance:,.0f} calls/min"
        )
        backlog = f"{self.calls_per_instance:,.0f} x {self.wait_seconds / 60:g} min x {SAFETY}"
        return "\n".join(
            (
                f"load      {self.calls_per_minute:,} calls/min",
                f"instance  {self.instance} answers {carried}",
                f"needed    {self.calls_per_minute:,} / {self.calls_per_instance:,.0f}, "
                f"rounded up = {self.needed:,}",
                f"backlog   {backlog} = {self.backlog:,.0f} calls may wait per instance",
                f"fleet     scales between {self.min_instances:,} and {self.maximum:,}",
            )
        )

    def problems(self) -> Iterator[Problem]:
        """A fleet that cannot answer the load in time, or costs more than the budget."""
        if self.max_instances is not None and self.max_instances < self.min_instances:
            rule = f"it must be at least min_instances, which is {self.min_instances}"
            fix = "raise it or lower min_instances"
            yield Problem("Async, max_instances", str(self.max_instances), rule, fix)
        elif self.maximum < self.needed:
            rule = (
                f"{self.calls_per_minute:,} calls a minute need {self.needed:,} instances, of which each "
                f"answers {self.calls_per_instance:,.0f}"
            )
            fix = f"write max_instances={self.needed} or more"
            yield Problem("Async, max_instances", str(self.maximum), rule, fix)
        if burstable(self.instance):
            rule = "SageMaker does not autoscale burstable types"
            yield Problem("Async, instance", repr(self.instance), rule, "write instance='ml.c5.large'")
        if self.wait_seconds < self.seconds_per_call:
            rule = f"one call alone takes {self.seconds_per_call:g} s"
            fix = "write a longer answer_within"
            yield Problem("Async, answer_within", spoken(timedelta(seconds=self.wait_seconds)), rule, fix)
        elif not self.min_instances and self.wait_seconds < _FROM_ZERO.total_seconds():
            rule = f"an endpoint that has no instance needs up to {spoken(_FROM_ZERO)} for the first answer"
            fix = "write min_instances=1 or a longer answer_within"
            yield Problem("Async, answer_within", spoken(timedelta(seconds=self.wait_seconds)), rule, fix)
        yield from self._problems_of_the_budget()

    def _problems_of_the_budget(self) -> Iterator[Problem]:
        """The load must be paid for while it lasts; as it is an average, that is all month."""
        if self.monthly_budget is None:
            return
        priced = priced_to_serve(self.instance)
        if priced is None:
            rule = f"the table of prices has none of {self.instance}, so a budget cannot be kept"
            fix = "leave it out or write instance='ml.c5.large'"
            yield Problem("Async, monthly_budget", f"{self.monthly_budget:g}", rule, fix)
            return
        busy = max(self.min_instances, self.calls_per_minute / self.calls_per_instance)
        usd = busy * priced.usd * HOURS_A_MONTH
        if usd > self.monthly_budget:
            rule = (
                f"{self.calls_per_minute:,} calls a minute keep {busy:,.2f} instances busy, which cost "
                f"{priced.usd:g} USD/h x {HOURS_A_MONTH} h each, {usd:,.2f} USD a month in all"
            )
            fix = f"write monthly_budget={-(-usd // 1):.0f} or more"
            yield Problem("Async, monthly_budget", f"{self.monthly_budget:g}", rule, fix)
