"""Application Auto Scaling for the endpoints of the embedded SageMaker."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from local.autoscaling.capacity import Capacity
from local.autoscaling.evaluation import Evaluation
from local.autoscaling.policies import Policies
from local.autoscaling.scheduled import ScheduledActions
from local.autoscaling.state import State, key, matches
from local.autoscaling.targets import Targets
from local.errors import ApiError
from local.host import MonitoringHost
from local.model import check_input, operation_model, shape_output
from local.sagemaker.operations import Answer, Handler, Params
from local.sagemaker.pagination import page

_SERVICE = "application-autoscaling"
_POLICY_ARNS = "arn:aws:autoscaling:"
_TICK_SECONDS = 5.0
_SHORTEST_TICK, _LONGEST_TICK = 0.1, 1.0


class AutoScaling:
    """The service; thread-safe. After construction call `resume`, at the end `close`.

    It reads and changes endpoints and alarms through the APIs of the cloud, as it does on AWS.
    """

    def __init__(self, host: MonitoringHost) -> None:
        self._state = State.open(host)
        self._capacity = Capacity(self._state)
        self._targets = Targets(self._state, self._capacity)
        self._policies = Policies(self._state)
        self._scheduled = ScheduledActions(self._state, self._targets)
        self._evaluation = Evaluation(self._state, self._policies, self._capacity)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._handlers: dict[str, Handler] = {
            "RegisterScalableTarget": self._targets.register,
            "DescribeScalableTargets": self._targets.describe,
            "DeregisterScalableTarget": self._deregister,
            "PutScalingPolicy": self._policies.put,
            "DescribeScalingPolicies": self._policies.describe,
            "DeleteScalingPolicy": self._policies.delete,
            "PutScheduledAction": self._scheduled.put,
            "DescribeScheduledActions": self._scheduled.describe,
            "DeleteScheduledAction": self._scheduled.delete,
            "DescribeScalingActivities": self._activities,
        }
        host.on_alarm(_POLICY_ARNS, self._evaluation.on_alarm)

    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Answer an operation; blocks. Timestamps are Unix seconds. Raises ApiError in AWS's words."""
        operation_model(_SERVICE, operation)
        handler = self._handlers.get(operation)
        if handler is None:
            raise ApiError(
                "UnknownOperationException", f"The embedded AWS does not have {_SERVICE}:{operation}."
            )
        return shape_output(_SERVICE, operation, handler(check_input(_SERVICE, operation, params)))

    def resume(self) -> None:
        """Begin to watch alarms and schedules."""
        self._thread = threading.Thread(target=self._run, name="autoscaling", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop; the state stays."""
        self._closing.set()
        if self._thread:
            self._thread.join(timeout=30)
        self._state.store.close()

    def _run(self) -> None:
        speed = self._state.host.speed
        tick = min(max(_TICK_SECONDS / speed, _SHORTEST_TICK), _LONGEST_TICK)
        while not self._closing.wait(tick):
            for work in (self._capacity.follow, self._scheduled.fire, self._evaluation.look):
                self._do(work)

    def _do(self, work: Callable[[], None]) -> None:
        """One round; what another request has deleted meanwhile is no reason to stop scaling the rest."""
        try:
            work()
        except ApiError as error:
            if error.code != "ObjectNotFoundException":
                raise

    def _deregister(self, params: Params) -> Answer:
        """Forget a target with its policies, alarms and scheduled actions."""
        name = key(params)
        self._state.target(name)
        for policy in self._policies.all():
            if policy["_Key"] == name:
                self._policies.delete(policy)
        for action in self._state.store.list("scheduled"):
            if action["_Key"] == name:
                self._scheduled.delete(action)
        self._state.store.delete("target", name)
        return {}

    def _activities(self, params: Params) -> Answer:
        found = [one for one in self._capacity.activities() if matches(one, params)]
        activities, token = page(found, params, size=50)
        return {"ScalingActivities": activities, "NextToken": token}
