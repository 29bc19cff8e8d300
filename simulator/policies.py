"""The scaling policies of Application Auto Scaling, and the capacity that each of them wants.

Their pages in docs.aws.amazon.com/autoscaling/application/userguide: target-tracking-scaling-policy-overview,
step-scaling-policy-overview and scheduled-scaling-policy-overview (each .html).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Metric = Literal["calls", "concurrency", "unserved"]
"""`calls`: SageMakerVariantInvocationsPerInstance, the calls a minute of each instance. `concurrency`:
SageMakerVariantConcurrentRequestsPerModelHighResolution, the calls that an instance holds at once.
`unserved`: NoCapacityInvocationFailures, the calls a minute that found no instance at all. Calls are summed;
of concurrency an alarm takes the maximum: simulator.monitoring says how it is estimated."""

Aggregation = Literal["Average", "Minimum", "Maximum"]

SCALE_IN_BELOW = 0.9
"""A tracked metric has to be more than 10 % below its target before capacity is removed."""

COOLDOWN_SECONDS = 300.0
"""…/APIReference/API_TargetTrackingScalingPolicyConfiguration.html, for endpoint variants of SageMaker."""

# Metrics of endpoints are published each minute, the high-resolution ones every 10 seconds:
# docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
_PERIOD_SECONDS: dict[Metric, float] = {"calls": 60.0, "concurrency": 10.0, "unserved": 60.0}
LOW_PERIOD_SECONDS, LOW_PERIODS = 60.0, 15
"""Datapoints that have to be low: metrics of high resolution speed up the way out alone."""
# Less than this above a whole number is rounding of floats, not load.
_EPSILON = 1e-9


@dataclass(frozen=True)
class TargetTracking:
    """Keep a metric at its target: out in proportion to the metric, in when it was low for 15 minutes.

    `target` is per instance: calls a minute, or calls at once. Its alarms want `high_periods` datapoints
    above the target, or 15 minutes of datapoints below 90 % of it.
    """

    target: float
    metric: Metric = "calls"
    scale_out_cooldown: float = COOLDOWN_SECONDS
    scale_in_cooldown: float = COOLDOWN_SECONDS
    high_periods: int = 3
    disable_scale_in: bool = False

    def __post_init__(self) -> None:
        if not self.target > 0:
            raise ValueError(f"target is {self.target}, and it must be greater than 0")

    @property
    def period(self) -> float:
        """Seconds of one datapoint."""
        return _PERIOD_SECONDS[self.metric]

    def desired(self, capacity: int, value: float) -> int:
        """The capacity at which the metric would be at its target, rounded up."""
        return math.ceil(capacity * value / self.target - _EPSILON)


@dataclass(frozen=True)
class Step:
    """Where metric minus threshold is in [low, high), add `adjustment` (below the threshold: (low, high]).

    docs.aws.amazon.com/autoscaling/application/APIReference/API_StepAdjustment.html
    """

    adjustment: int
    low: float = -math.inf
    high: float = math.inf

    def fits(self, breach: float) -> bool:
        """Whether this step is the one for a breach."""
        return self.low <= breach < self.high if breach >= 0 else self.low < breach <= self.high


@dataclass(frozen=True)
class StepScaling:
    """Add or remove by the size of the breach, when an alarm of your own has been in ALARM for `periods`.

    `above` says whether the alarm is for values above the threshold, or below it. `aggregation` makes one
    value of the datapoints of all `periods`; by its distance to the threshold a step is chosen:
    docs.aws.amazon.com/autoscaling/application/APIReference/API_StepScalingPolicyConfiguration.html and
    docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_applicationautoscaling.BasicStepScalingPolicyProps.html
    """

    threshold: float
    steps: Sequence[Step]
    kind: Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"] = "ChangeInCapacity"
    above: bool = True
    metric: Metric = "calls"
    periods: int = 3
    cooldown: float = COOLDOWN_SECONDS
    least_change: int = 0
    aggregation: Aggregation = "Average"

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))

    @property
    def period(self) -> float:
        """Seconds of one datapoint."""
        return _PERIOD_SECONDS[self.metric]

    def aggregated(self, values: Sequence[float]) -> float:
        """The value of the datapoints of all periods."""
        if self.aggregation == "Average":
            return sum(values) / len(values)
        return max(values) if self.aggregation == "Maximum" else min(values)

    def desired(self, capacity: int, value: float) -> int:
        """The capacity after the step that fits; no step, no change."""
        step = next((step for step in self.steps if step.fits(value - self.threshold)), None)
        if step is None:
            return capacity
        if self.kind == "ExactCapacity":
            return step.adjustment
        if self.kind == "ChangeInCapacity":
            return capacity + step.adjustment
        exact = capacity * step.adjustment / 100
        # "Values greater than 1 are rounded down. Values between 0 and 1 are rounded to 1", and so below 0.
        change = math.trunc(exact) if abs(exact) >= 1 else int(math.copysign(1, exact)) if exact else 0
        if change and abs(change) < self.least_change:
            change = int(math.copysign(self.least_change, change))
        return capacity + change


Policy = TargetTracking | StepScaling


@dataclass(frozen=True)
class Scheduled:
    """New limits at `at` seconds from the start; a capacity outside of them is brought inside at once."""

    at: float
    minimum: int | None = None
    maximum: int | None = None
