"""A deployment: a new fleet beside the old one, traffic moved step by step, and back when an alarm fires.

docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from local.host import AccessDenied
from local.sagemaker.context import Context, now
from local.sagemaker.hosting.fleet import Fleet
from local.sagemaker.hosting.launch import LaunchError
from local.sagemaker.hosting.live import LiveEndpoint, Progress
from local.sagemaker.hosting.plan import FleetPlan
from local.sagemaker.hosting.traffic import ALL_AT_ONCE, Step, steps

_POLL_SECONDS = 0.1


class RolledBack(Exception):
    """The old fleet serves again; the text is what FailureReason says."""


class Interrupted(Exception):
    """The endpoint was deleted or the service closed meanwhile."""


class Rollout:
    """One deployment of a plan to an endpoint that runs, or to one that has no fleet yet."""

    def __init__(
        self,
        context: Context,
        live: LiveEndpoint,
        deployment: dict[str, Any],
        report: Callable[[Progress], None],
    ) -> None:
        self._context = context
        self._live = live
        self._policy: Mapping[str, Any] = (
            deployment.get("RollingUpdatePolicy") or deployment.get("BlueGreenUpdatePolicy") or ALL_AT_ONCE
        )
        rollback = deployment.get("AutoRollbackConfiguration", {})
        self._alarms = [alarm["AlarmName"] for alarm in rollback.get("Alarms", [])]
        self._report = report
        self._deadline = time.monotonic() + (
            self._policy.get("MaximumExecutionTimeoutInSeconds", 28_800) / context.speed
        )

    def run(self, plan: FleetPlan) -> None:
        """Deploy; returns when the new fleet has all traffic. Raises RolledBack or Interrupted."""
        fleet = self._live.fleet(plan)
        instances = sum(variant.count for variant in plan.variants)
        try:
            self._tell("Creating", f"Launching {instances} instance(s).")
            self._launch(fleet)
            if self._live.blue is not None:
                for step in steps(self._policy, instances):
                    self._advance(fleet, step, instances)
        except BaseException:
            self._live.shift(fleet, None)
            self._live.retire(fleet)
            raise
        old = self._live.blue
        self._live.serve(fleet)
        if old is not None:
            self._live.retire(old)

    def restore(self) -> None:
        """After RolledBack: bring the old fleet back to its size; a blue/green deployment left it whole."""

    def _launch(self, fleet: Fleet) -> None:
        try:
            fleet.reconcile()
        except LaunchError as error:
            if self._live.cancelled.is_set():
                raise Interrupted from error
            raise RolledBack(str(error)) from error
        if self._live.cancelled.is_set():
            raise Interrupted

    def _advance(self, fleet: Fleet, step: Step, instances: int) -> None:
        size = "canary" if step.share < 1 else "full"
        self._move(fleet, step, f"on {size} capacity of {step.active(instances)} instance(s).")

    def _move(self, fleet: Fleet, step: Step, on: str) -> None:
        """Give the new fleet its share of the traffic and watch it for the baking time."""
        self._tell("ActivatingTraffic", f"Activating traffic {on}")
        self._live.shift(fleet, step)
        self._tell(
            "Baking", f"Baking for {step.bake_seconds:.0f} seconds ({step.setting}) with traffic enabled {on}"
        )
        end = time.monotonic() + step.bake_seconds / self._context.speed
        while True:
            self._check(fleet)
            left = end - time.monotonic()
            if left <= 0:
                return
            if not self._live.sleep(min(left, _POLL_SECONDS)):
                raise Interrupted

    def _check(self, fleet: Fleet) -> None:
        if fleet.losses or not fleet.settled:
            raise RolledBack(
                "An instance of the new fleet failed during the deployment. Please check CloudWatch logs for "
                "this endpoint. The endpoint was rolled back."
            )
        if time.monotonic() > self._deadline:
            raise RolledBack("The deployment exceeded MaximumExecutionTimeoutInSeconds and was rolled back.")
        host = self._context.host
        role = fleet.plan.variants[0].role
        for name in self._alarms:
            try:
                arn = f"arn:aws:cloudwatch:{host.region}:{host.account}:alarm:{name}"
                host.require(role, "cloudwatch:DescribeAlarms", arn)
            except AccessDenied as error:
                raise RolledBack(f"The auto-rollback alarm {name} could not be read: {error}") from error
            if host.alarm_state(name) == "ALARM":
                raise RolledBack(
                    f"One or more configured alarm(s) has gone into ALARM state: [{name}]. "
                    "The endpoint was rolled back."
                )

    def _tell(self, status: str, message: str) -> None:
        self._report(Progress(status, message, now()))
