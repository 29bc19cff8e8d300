"""Scheduled actions: new limits for a target at certain times."""

import uuid
from datetime import UTC, datetime

from local.autoscaling.schedule import Schedule, parse
from local.autoscaling.state import State, key, matches, missing
from local.autoscaling.targets import Targets
from local.errors import ValidationException
from local.sagemaker.context import now
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import page, seconds
from local.sagemaker.store import Record


class ScheduledActions:
    """PutScheduledAction, DescribeScheduledActions and DeleteScheduledAction; `fire` does what is due."""

    def __init__(self, state: State, targets: Targets) -> None:
        self._state = state
        self._targets = targets

    def put(self, params: Params) -> Answer:
        """Make or change an action."""
        target_key = key(params)
        self._state.target(target_key)
        name = f"{target_key}|{params['ScheduledActionName']}"
        before: Record = self._state.store.get("scheduled", name) or {}
        if "Schedule" not in {**before, **params}:
            raise ValidationException("A scheduled action needs a Schedule.")
        host = self._state.host
        arn = (
            f"arn:aws:autoscaling:{host.region}:{host.account}:scheduledAction:{uuid.uuid4()}:resource/sagemaker/"
            f"{params['ResourceId']}:scheduledActionName/{params['ScheduledActionName']}"
        )
        times: Record = {one: seconds(params[one]) for one in ("StartTime", "EndTime") if one in params}
        action: Record = {
            "ScheduledActionARN": arn,
            "CreationTime": now(),
            **before,
            **params,
            **times,
            "_Key": target_key,
            "_LastRun": now(),
        }
        _schedule(action)
        self._state.store.put("scheduled", name, action)
        return {}

    def describe(self, params: Params) -> Answer:
        """Page through the actions."""
        names = params.get("ScheduledActionNames")
        found = [
            action
            for action in self._state.store.list("scheduled")
            if matches(action, params) and (not names or action["ScheduledActionName"] in names)
        ]
        actions, token = page(found, params, size=50)
        return {"ScheduledActions": actions, "NextToken": token}

    def delete(self, params: Params) -> Answer:
        """Delete an action."""
        if not self._state.store.delete("scheduled", f"{key(params)}|{params['ScheduledActionName']}"):
            raise missing(f"No scheduled action found: {params['ScheduledActionName']}")
        return {}

    def fire(self) -> None:
        """Do what has become due since the last run; what was missed while nothing ran is done once."""
        moment = now()
        for action in self._state.store.list("scheduled"):
            due = _schedule(action).after(datetime.fromtimestamp(action["_LastRun"], UTC))
            if due is None or due.timestamp() > moment or not _within(action, moment):
                continue
            name = f"{action['_Key']}|{action['ScheduledActionName']}"
            self._state.store.update("scheduled", name, _LastRun=moment)
            self._run(action)

    def _run(self, action: Record) -> None:
        target = self._state.target(action["_Key"])
        if target["SuspendedState"]["ScheduledScalingSuspended"]:
            return
        self._state.store.update("target", action["_Key"], **action.get("ScalableTargetAction", {}))
        cause = f"scheduled action name {action['ScheduledActionName']} was triggered"
        self._targets.keep_inside(action["_Key"], cause)


def _schedule(action: Record) -> Schedule:
    origin = datetime.fromtimestamp(float(action.get("StartTime") or action["CreationTime"]), UTC)
    return parse(action["Schedule"], action.get("Timezone", "UTC"), origin)


def _within(action: Record, moment: float) -> bool:
    return bool(action.get("StartTime", 0) <= moment <= action.get("EndTime", moment))
