"""Scalable targets."""

import uuid

from local.autoscaling.capacity import Capacity
from local.autoscaling.resources import resource
from local.autoscaling.state import State, key, matches
from local.errors import ValidationException
from local.sagemaker.context import now
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import page

_SERVICE_ROLE = (
    "arn:aws:iam::{account}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)


class Targets:
    """RegisterScalableTarget, DescribeScalableTargets and what deregistering leaves to others."""

    def __init__(self, state: State, capacity: Capacity) -> None:
        self._state = state
        self._capacity = capacity

    def register(self, params: Params) -> Answer:
        """Register what is to be scaled, or change its limits; a capacity outside is brought inside."""
        name = key(params)
        host = self._state.host
        with self._state.store.transaction():
            before = self._state.store.get("target", name)
            if before is None:
                self._check(params)
                before = {
                    "CreationTime": now(),
                    "RoleARN": _SERVICE_ROLE.format(account=host.account),
                    "ScalableTargetARN": (
                        f"arn:aws:application-autoscaling:{host.region}:{host.account}:scalable-target/"
                        f"{uuid.uuid4().hex}"
                    ),
                }
            suspended = {
                "DynamicScalingInSuspended": False,
                "DynamicScalingOutSuspended": False,
                "ScheduledScalingSuspended": False,
                **before.get("SuspendedState", {}),
                **params.get("SuspendedState", {}),
            }
            given = {name: value for name, value in params.items() if name not in ("RoleARN", "Tags")}
            target = {**before, **given, "SuspendedState": suspended}
            if target["MinCapacity"] > target["MaxCapacity"]:
                raise ValidationException("Maximum capacity cannot be less than minimum capacity.")
            self._state.store.put("target", name, target)
        self.keep_inside(name)
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def describe(self, params: Params) -> Answer:
        """Page through the targets."""
        wanted = params.get("ResourceIds")
        found = [
            target
            for target in self._state.store.list("target")
            if matches(target, params) and (not wanted or target["ResourceId"] in wanted)
        ]
        targets, token = page(found, params, size=50)
        return {"ScalableTargets": targets, "NextToken": token}

    def keep_inside(self, name: str, cause: str | None = None) -> None:
        """Scale a target whose capacity is outside of its limits to the nearer one."""
        target = self._state.target(name)
        current = self._capacity.current(target["ResourceId"])
        if current is None or self._capacity.busy(name):
            return
        if current < target["MinCapacity"]:
            reason = f"minimum capacity was set to {target['MinCapacity']}"
            self._capacity.change(name, target["MinCapacity"], cause or reason)
        elif current > target["MaxCapacity"]:
            reason = f"maximum capacity was set to {target['MaxCapacity']}"
            self._capacity.change(name, target["MaxCapacity"], cause or reason)

    def _check(self, params: Params) -> None:
        for member in ("MinCapacity", "MaxCapacity"):
            if member not in params:
                raise ValidationException(
                    f"{member} must be given when a scalable target is first registered."
                )
        to_zero = resource(params["ResourceId"]).check(self._state.client("sagemaker"))
        if params["MinCapacity"] == 0 and not to_zero:
            raise ValidationException(
                "Minimum capacity must be at least 1 for a real-time endpoint variant; only asynchronous "
                "endpoints and inference components scale to zero."
            )
