"""Inference components: models that share the instances of an endpoint, each with copies of its own number.

docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-deploy-models.html
"""

import contextlib
import threading
from collections.abc import Mapping
from typing import Any

from local.errors import ValidationException
from local.host import Metric
from local.sagemaker.context import Context, now
from local.sagemaker.hosting import component_plan, rolling
from local.sagemaker.hosting.component_metrics import idle
from local.sagemaker.hosting.component_plan import host_of
from local.sagemaker.hosting.copies import CopyLauncher
from local.sagemaker.hosting.deployments import Deployments
from local.sagemaker.hosting.endpoints import KIND as ENDPOINT
from local.sagemaker.hosting.launch import LaunchError
from local.sagemaker.hosting.live import LiveEndpoint
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.placement import HostPools
from local.sagemaker.hosting.plan import FleetPlan
from local.sagemaker.hosting.rolling import RollingRollout
from local.sagemaker.hosting.rollout import Interrupted, RolledBack, Rollout
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import set_tags

KIND = "inference-component"
_LOOK_SECONDS = 0.2


class InferenceComponents(Deployments):
    """The inference component operations."""

    kind = KIND
    noun = "InferenceComponent"

    def __init__(self, context: Context, models: Models, pools: HostPools) -> None:
        super().__init__(context)
        self.endpoints: dict[str, str] = {}
        """The endpoint of each component."""
        self._models = models
        self._pools = pools
        self._watcher: threading.Thread | None = None

    def create(self, params: Params) -> Answer:
        """Make a component; it is Creating until its copies serve."""
        context, name = self._context, params["InferenceComponentName"]
        arn, endpoint = context.arn(KIND, name), params["EndpointName"]
        specification = component_plan.specification_of(params)
        if "RuntimeConfig" not in params:
            raise ValidationException("An inference component needs RuntimeConfig.CopyCount.")
        with context.store.transaction():
            if context.store.get(KIND, name):
                raise ValidationException(f'Cannot create already existing inference component "{arn}".')
            host = host_of(context, endpoint, params.get("VariantName"), in_service=True)
            copies = params["RuntimeConfig"]["CopyCount"]
            plan = component_plan.plan(name, specification, host, copies, self._models)
            record: Record = {
                "InferenceComponentName": name,
                "InferenceComponentArn": arn,
                "EndpointName": endpoint,
                "EndpointArn": context.arn(ENDPOINT, endpoint),
                "VariantName": host.name,
                "CreationTime": now(),
                "_Specification": specification,
            }
            context.store.put(KIND, name, record)
            set_tags(context, arn, params.get("Tags"))
            self._set(name, "Creating", _Next={"plan": plan.record(), "specification": specification})
            self._begin(self._deploy, name, self._start(name))
        return {"InferenceComponentArn": arn}

    def update(self, params: Params) -> Answer:
        """Deploy another specification, another number of copies, or both."""
        name = params["InferenceComponentName"]
        with self._context.store.transaction():
            record = self._in_service(name)
            old = FleetPlan.from_record(record["_Fleet"])
            copies = params.get("RuntimeConfig", {}).get("CopyCount", old.variants[0].count)
            if "Specification" not in params and "Specifications" not in params:
                self._resize_to(name, old, copies)
                return {"InferenceComponentArn": record["InferenceComponentArn"]}
            specification = {**record["_Specification"], **component_plan.specification_of(params)}
            if other := {"ModelName", "Container"} & set(params["Specification"]):
                for member in {"ModelName", "Container"} - other:
                    specification.pop(member, None)
            host = host_of(self._context, record["EndpointName"], record["VariantName"])
            plan = component_plan.plan(name, specification, host, copies, self._models)
            deployment = params.get("DeploymentConfig", {})
            if deployment:
                rolling.check(deployment["RollingUpdatePolicy"], plan)
            self._set(
                name,
                "Updating",
                FailureReason=None,
                LastDeploymentConfig=deployment or None,
                _Next={"plan": plan.record(), "specification": specification, "deployment": deployment},
            )
            self._begin(self._deploy, name, self.live[name])
        return {"InferenceComponentArn": record["InferenceComponentArn"]}

    def update_runtime_config(self, params: Params) -> Answer:
        """Change the number of copies."""
        name = params["InferenceComponentName"]
        with self._context.store.transaction():
            record = self._in_service(name)
            old = FleetPlan.from_record(record["_Fleet"])
            self._resize_to(name, old, params["DesiredRuntimeConfig"]["CopyCount"])
        return {"InferenceComponentArn": record["InferenceComponentArn"]}

    def describe(self, params: Params) -> Answer:
        """Show a component."""
        record = self._find(params["InferenceComponentName"])
        plan = FleetPlan.from_record(record["_Fleet"] if "_Fleet" in record else record["_Next"]["plan"])
        variant = plan.variants[0]
        runtime = {"DesiredCopyCount": variant.count, "CurrentCopyCount": self.copies(record)}
        specification = component_plan.shown(record["_Specification"], variant, record["CreationTime"])
        return {**record, "Specification": specification, "RuntimeConfig": runtime}

    def page(self, params: Params) -> Answer:
        """Page through the components."""
        filters = {
            "StatusEquals": "InferenceComponentStatus",
            "EndpointNameEquals": "EndpointName",
            "VariantNameEquals": "VariantName",
        }
        records = [
            record
            for record in self._context.store.list(KIND)
            if all(params.get(one) in (None, record[member]) for one, member in filters.items())
        ]
        found, token = page(listed(records, params, name="InferenceComponentName"), params)
        return {"InferenceComponents": found, "NextToken": token}

    def delete(self, params: Params) -> Answer:
        """Stop and forget a component, whatever it is doing."""
        with self._context.store.transaction():
            name = self._not_deleting(params["InferenceComponentName"])["InferenceComponentName"]
            self._set(name, "Deleting")
            self._begin(self._remove, name, self._workers.get(name))
        return {}

    def copies(self, record: Mapping[str, Any]) -> int:
        """How many copies of a component take requests."""
        live = self.live.get(record["InferenceComponentName"])
        return len(live.blue.instances(record["VariantName"])) if live and live.blue else 0

    def of(self, endpoint: str) -> list[str]:
        """The components on an endpoint."""
        return [
            record["InferenceComponentName"]
            for record in self._context.store.list(KIND)
            if record["EndpointName"] == endpoint
        ]

    def idle(self) -> list[Metric]:
        """What components send without traffic; without a copy they scale out by their failures."""
        found: list[Metric] = []
        for name, live in list(self.live.items()):
            if any(slot.instances for slot in live.routing.slots):
                found += idle(name)
        return found

    def resume(self) -> None:
        """Start the copies of every component, and begin interrupted deployments anew."""
        super().resume()
        self._watcher = self._context.spawn(self._watch, name="component-instances")

    def close(self) -> None:
        """Stop all copies; the records stay as they are."""
        super().close()
        if self._watcher:
            self._watcher.join(timeout=30)

    def _watch(self) -> None:
        while self._context.sleep(_LOOK_SECONDS * self._context.speed):
            self._pools.release_idle()

    def _start(self, name: str) -> LiveEndpoint:
        record = self._find(name)
        host = host_of(self._context, record["EndpointName"], record["VariantName"])
        strategy = record["_Specification"].get("SchedulingConfig", {}).get("PlacementStrategy")
        pool = self._pools.of(record["EndpointName"], host)
        launcher = CopyLauncher(self._context, name, pool, pack=strategy == "BINPACK")
        launcher.clear()
        self.endpoints[name] = record["EndpointName"]
        self.live[name] = live = LiveEndpoint(self._context, launcher, name)
        return live

    def _deploy(self, name: str, live: LiveEndpoint) -> None:
        """Carry out `_Next`, to its end or back."""
        record = self._find(name)
        plan = FleetPlan.from_record(record["_Next"]["plan"])
        deployment = record["_Next"].get("deployment") or {}
        kind = RollingRollout if deployment else Rollout
        rollout = kind(self._context, live, deployment, lambda _: None)
        try:
            rollout.run(plan)
        except Interrupted:
            return
        except RolledBack as reason:
            if "_Fleet" not in record:
                # The plan stays, for Describe.
                self._set(name, "Failed", FailureReason=str(reason)[:1024])
                live.stop()
                return
            with contextlib.suppress(Interrupted):
                rollout.restore()
                self._set(name, "InService", FailureReason=str(reason)[:1024], _Next=None)
        else:
            self._set(
                name,
                "InService",
                _Fleet=plan.record(),
                _Specification=record["_Next"]["specification"],
                _Next=None,
            )

    def _resize_to(self, name: str, old: FleetPlan, copies: int) -> None:
        plan = old.with_variant(old.variants[0].name, count=copies, weight=None)
        self._set(name, "Updating", FailureReason=None, _Fleet=plan.record())
        self._begin(self._resize, name, self.live[name], old, plan)

    def _resize(self, name: str, live: LiveEndpoint, old: FleetPlan, plan: FleetPlan) -> None:
        """Bring the copies to another number; back to the old one if they cannot all be placed."""
        try:
            live.follow(plan).reconcile()
        except LaunchError as error:
            if live.cancelled.is_set():
                return
            live.follow(old)
            self._set(name, "InService", FailureReason=str(error)[:1024], _Fleet=old.record())
            return
        self._set(name, "InService")

    def _in_place(self, name: str, plan: FleetPlan) -> None:
        """Its instances were taken when its copies were placed."""

    def _removed(self, name: str) -> None:
        self.endpoints.pop(name, None)

    def _set(self, name: str, status: str, **members: Any) -> None:
        """Change the status; a component that is being deleted stays so."""
        with self._context.store.transaction():
            if self._find(name).get("InferenceComponentStatus") != "Deleting":
                self._context.store.update(
                    KIND, name, InferenceComponentStatus=status, LastModifiedTime=now(), **members
                )
