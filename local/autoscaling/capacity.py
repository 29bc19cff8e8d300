"""Reading and setting the capacity of a target, and the activities that tell of it."""

import time
import uuid
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.autoscaling.resources import resource
from local.autoscaling.state import State
from local.sagemaker.context import now
from local.sagemaker.store import Record

_WAITING = "Waiting for change to be fulfilled by sagemaker."


class Capacity:
    """The instances of variants and the copies of components, through SageMaker's API."""

    def __init__(self, state: State) -> None:
        self._state = state

    def current(self, resource_id: str) -> int | None:
        """The desired count; None if what is scaled is gone or changing."""
        try:
            return resource(resource_id).current(self._state.client("sagemaker"))
        except (ClientError, BotoCoreError):
            return None

    def change(self, key: str, desired: int, cause: str, *, cooldown: float = 0.0, base: int = 0) -> bool:
        """Begin to scale; whether SageMaker took it. The activity ends, and the cooldown begins, in `follow`.

        `base` is the capacity before, which counts during the cooldown.
        """
        target = self._state.target(key)
        scaled = resource(target["ResourceId"])
        activity: Record = {
            "ActivityId": str(uuid.uuid4()),
            **{name: target[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension")},
            "Description": f"Setting desired {scaled.noun} to {desired}.",
            "Cause": cause,
            "StartTime": now(),
            "StatusCode": "InProgress",
            "StatusMessage": f"Successfully set desired {scaled.noun} to {desired}. {_WAITING}",
            "_Key": key,
            "_Desired": desired,
            "_Cooldown": {"seconds": cooldown, "base": base, "out": desired > base} if cooldown else None,
        }
        try:
            scaled.change(self._state.client("sagemaker"), desired)
        except (ClientError, BotoCoreError) as error:
            message = f"Failed to set desired {scaled.noun} to {desired}. Reason: {error}"
            activity |= {"StatusCode": "Failed", "StatusMessage": message, "EndTime": now()}
        self._state.store.put("activity", activity["ActivityId"], activity)
        return bool(activity["StatusCode"] == "InProgress")

    def busy(self, key: str) -> bool:
        """Whether an activity of the target is under way."""
        return any(one["_Key"] == key and one["StatusCode"] == "InProgress" for one in self.activities())

    def activities(self) -> list[Record]:
        """All activities, newest first."""
        found = self._state.store.list("activity")
        return sorted(found, key=lambda one: float(one["StartTime"]), reverse=True)

    def follow(self) -> None:
        """End the activities whose capacity has come about, and begin their cooldowns."""
        for activity in self.activities():
            if activity["StatusCode"] != "InProgress":
                continue
            desired = activity["_Desired"]
            current = self.current(activity["ResourceId"])
            if current == desired:
                self._finish(
                    activity, "Successful", "Successfully", "Change successfully fulfilled by sagemaker."
                )
                self._cool_down(activity)
            elif current is not None:
                self._finish(activity, "Failed", "Failed to", "SageMaker went back to the capacity before.")

    def _finish(self, activity: Record, status: str, how: str, what: str) -> None:
        noun = resource(activity["ResourceId"]).noun
        message = f"{how} set desired {noun} to {activity['_Desired']}. {what}"
        self._state.store.update(
            "activity", activity["ActivityId"], StatusCode=status, StatusMessage=message, EndTime=now()
        )

    def _cool_down(self, activity: Record) -> None:
        cooldown: dict[str, Any] | None = activity.get("_Cooldown")
        if cooldown and self._state.store.get("target", activity["_Key"]):
            until = time.time() + cooldown["seconds"] / self._state.host.speed
            self._state.store.update("target", activity["_Key"], _Cooldown={**cooldown, "until": until})
