"""The steps in which a blue/green deployment moves traffic to the new fleet.

docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local.errors import ValidationException


@dataclass(frozen=True)
class Step:
    """Send this share (0 to 1] of the traffic to the new fleet, then bake for that many seconds."""

    share: float
    bake_seconds: float
    setting: str
    """The setting that the baking time comes from, as AWS's status messages name it."""

    def active(self, count: int) -> int:
        """How many of `count` instances of a variant take traffic in this step."""
        return min(count, max(1, math.ceil(self.share * count - 1e-9)))


ALL_AT_ONCE: Mapping[str, Any] = {
    "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
}
"""What an endpoint without a deployment configuration does."""


def steps(policy: Mapping[str, Any], instances: int) -> list[Step]:
    """The steps of a BlueGreenUpdatePolicy for a fleet of so many instances."""
    routing = policy["TrafficRoutingConfiguration"]
    wait = float(routing["WaitIntervalInSeconds"])
    last = Step(1.0, float(policy.get("TerminationWaitInSeconds", 0)), "TerminationWaitInSeconds")
    if routing["Type"] == "ALL_AT_ONCE":
        return [last]
    if routing["Type"] == "CANARY":
        return [Step(_share(routing["CanarySize"], instances), wait, "WaitIntervalInSeconds"), last]
    share = _share(routing["LinearStepSize"], instances)
    before_last = math.ceil(1 / share - 1e-9) - 1
    partial = [Step(share * n, wait, "WaitIntervalInSeconds") for n in range(1, before_last + 1)]
    return [*partial, last]


def _share(size: Mapping[str, Any], instances: int) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        return min(1.0, float(size["Value"]) / 100)
    return min(1.0, float(size["Value"]) / max(instances, 1))


def check(policy: Mapping[str, Any], instances: int) -> None:
    """Raise ValidationException for a step that AWS does not allow.

    A canary is at most 50 % of the fleet, a linear step 10 % to 50 %
    (…/latest/APIReference/API_TrafficRoutingConfig.html).
    """
    routing = policy["TrafficRoutingConfiguration"]
    for kind, member, lowest in (("CANARY", "CanarySize", 0.0), ("LINEAR", "LinearStepSize", 0.1)):
        if routing["Type"] != kind:
            if member in routing:
                raise ValidationException(f"{member} is only for traffic routing of type {kind}.")
            continue
        if member not in routing:
            raise ValidationException(f"Traffic routing of type {kind} needs {member}.")
        share = routing[member]["Value"] / (
            100 if routing[member]["Type"] == "CAPACITY_PERCENT" else max(instances, 1)
        )
        if not lowest - 1e-9 <= share <= 0.5 + 1e-9:
            raise ValidationException(
                f"{member} must be between {lowest:.0%} and 50% of the variant's total instance count; "
                f"{routing[member]['Value']} ({routing[member]['Type']}) is {share:.0%} of {instances}."
            )
