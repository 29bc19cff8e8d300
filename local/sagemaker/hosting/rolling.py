"""A rolling deployment: batch by batch a part of the new fleet comes and a part of the old one goes.

docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local.errors import ValidationException
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.launch import LaunchError
from local.sagemaker.hosting.plan import FleetPlan
from local.sagemaker.hosting.rollout import Interrupted, Rollout
from local.sagemaker.hosting.traffic import Step

_SMALLEST, _LARGEST = 0.05, 0.5
"""A batch is 5 % to 50 % of the fleet (…/latest/APIReference/API_RollingUpdatePolicy.html)."""


@dataclass(frozen=True)
class Batch(Step):
    """All instances of the new fleet that there are take this share of the traffic."""

    def active(self, count: int) -> int:
        """Every instance."""
        return count


def check(policy: Mapping[str, Any], plan: FleetPlan) -> None:
    """Raise ValidationException for a batch that AWS does not allow on this fleet."""
    for variant in plan.variants:
        if not variant.count:  # an asynchronous fleet that is scaled to zero
            continue
        share = _share(policy["MaximumBatchSize"], variant.count)
        if not _SMALLEST - 1e-9 <= share <= _LARGEST + 1e-9:
            size = policy["MaximumBatchSize"]
            raise ValidationException(
                f"MaximumBatchSize must be between {_SMALLEST:.0%} and {_LARGEST:.0%} of the variant's total "
                f"instance count; {size['Value']} ({size['Type']}) is {share:.0%} of {variant.count}."
            )


class RollingRollout(Rollout):
    """One rolling deployment to an endpoint that is in service."""

    _share = 0.0
    """How much of the fleet is new."""
    _old: FleetPlan
    _new: FleetPlan
    _green: Fleet

    def run(self, plan: FleetPlan) -> None:
        """Deploy; raises RolledBack, after which `restore` has to follow, or Interrupted."""
        blue = self._live.blue
        if blue is None:  # there is nothing to take the place of
            super().run(plan)
            return
        self._old, self._new = blue.plan, plan
        self._green = self._live.fleet(_sized(plan, 0.0, math.ceil))
        for share in _shares(self._policy["MaximumBatchSize"], plan):
            self._grow(share)
        self._live.serve(self._green)
        self._live.retire(blue)

    def restore(self) -> None:
        """Go back in batches of RollbackMaximumBatchSize, all at once without it."""
        size = self._policy.get("RollbackMaximumBatchSize")
        whole = {"Type": "CAPACITY_PERCENT", "Value": 100}
        back = [self._share - part for part in _shares(size or whole, self._old) if part < self._share]
        for share in (*back, 0.0):
            self._shrink(share)
        self._live.shift(self._green, None)
        self._live.retire(self._green)

    def _grow(self, share: float) -> None:
        """Launch a batch, give it its traffic, watch it, and end as much of the old fleet."""
        self._share = share
        self._green.plan = _sized(self._new, share, math.ceil)
        count = sum(variant.count for variant in self._green.plan.variants)
        self._tell("Creating", f"Launching a batch, to {count} instance(s).")
        self._launch(self._green)
        batch = Batch(share, float(self._policy["WaitIntervalInSeconds"]), "WaitIntervalInSeconds")
        self._move(self._green, batch, f"on capacity of {count} instance(s).")
        self._tell("Deleting", "Terminating a batch of the old fleet.")
        self._live.follow(_sized(self._old, 1.0 - share, math.floor)).reconcile()

    def _shrink(self, share: float) -> None:
        """Bring back a batch of the old fleet, give it its traffic, and end as much of the new one."""
        self._tell("Updating", "Launching a batch of the old fleet.")
        try:
            self._live.follow(_sized(self._old, 1.0 - share, math.ceil)).reconcile()
        except LaunchError as error:
            if self._live.cancelled.is_set():
                raise Interrupted from error
            # The watch over the endpoint goes on trying; meanwhile the traffic stays where instances are.
        self._live.shift(self._green, Batch(share, 0.0, "") if share > 0 else None)
        self._green.plan = _sized(self._new, share, math.floor)
        self._green.reconcile()


def _shares(size: Mapping[str, Any], plan: FleetPlan) -> list[float]:
    """How much of the fleet is replaced after each batch; the last is all of it."""
    smallest = min((variant.count for variant in plan.variants), default=1)
    batch = min(1.0, max(_share(size, smallest), 1 / max(smallest, 1)))
    return [min(1.0, batch * number) for number in range(1, math.ceil(1 / batch - 1e-9) + 1)]


def _share(size: Mapping[str, Any], instances: int) -> float:
    return float(size["Value"]) / (100 if size["Type"] == "CAPACITY_PERCENT" else max(instances, 1))


def _sized(plan: FleetPlan, share: float, rounding: Any) -> FleetPlan:
    """The plan with this share of its instances; a shadow follows the production variant."""

    def part(count: int) -> int:
        nearest = round(count * share)
        return nearest if abs(count * share - nearest) < 1e-9 else int(rounding(count * share))

    return replace(
        plan,
        variants=tuple(replace(one, count=part(one.count)) for one in plan.variants),
        shadows=tuple(replace(one, count=part(one.count)) for one in plan.shadows),
    )
