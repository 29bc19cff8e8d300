"""How many instances a policy wants. Pure arithmetic, from the user guide of Application Auto Scaling."""

import math
from collections.abc import Mapping
from typing import Any


def tracked(capacity: int, value: float, target: float) -> int:
    """The capacity at which the metric would be at its target, rounded up.

    "Application Auto Scaling always acts conservatively by rounding up or down"
    (docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html).
    """
    return math.ceil(capacity * value / target - 1e-9)


def stepped(capacity: int, breach: float, configuration: Mapping[str, Any]) -> int:
    """The capacity after the step that fits; `breach` is metric minus threshold. No step, no change.

    docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
    """
    for step in configuration["StepAdjustments"]:
        if _fits(breach, step):
            return _adjusted(capacity, step["ScalingAdjustment"], configuration)
    return capacity


def _fits(breach: float, step: Mapping[str, Any]) -> bool:
    """Above the threshold the lower bound belongs to the interval, below it the upper one."""
    low = step.get("MetricIntervalLowerBound", -math.inf)
    high = step.get("MetricIntervalUpperBound", math.inf)
    return bool(low <= breach < high if breach >= 0 else low < breach <= high)


def _adjusted(capacity: int, adjustment: int, configuration: Mapping[str, Any]) -> int:
    kind = configuration["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return capacity + adjustment
    exact = capacity * adjustment / 100
    # "Values greater than 1 are rounded down. Values between 0 and 1 are rounded to 1", and so below zero
    # (…/userguide/step-scaling-policy-overview.html).
    change = math.trunc(exact) if abs(exact) >= 1 else int(math.copysign(1, exact)) if exact else 0
    least = configuration.get("MinAdjustmentMagnitude", 0)
    if change and abs(change) < least:
        change = int(math.copysign(least, change))
    return capacity + change
