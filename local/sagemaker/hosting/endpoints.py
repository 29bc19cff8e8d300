"""Endpoints: created, updated, scaled, described and deleted, with their work in threads behind."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from local.errors import ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.hosting import rolling, traffic
from local.sagemaker.hosting.deployments import Deployments
from local.sagemaker.hosting.description import describe, event
from local.sagemaker.hosting.endpoint_configs import EndpointConfigs
from local.sagemaker.hosting.launch import Launcher, LaunchError
from local.sagemaker.hosting.live import LiveEndpoint, Progress
from local.sagemaker.hosting.placement import HostPools
from local.sagemaker.hosting.plan import FleetPlan
from local.sagemaker.hosting.rolling import RollingRollout
from local.sagemaker.hosting.rollout import Interrupted, RolledBack, Rollout
from local.sagemaker.operations import Answer, Params
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import set_tags, tags_of

KIND = "endpoint"


class Endpoints(Deployments):
    """The endpoint operations."""

    kind = KIND
    noun = "Endpoint"

    def __init__(
        self,
        context: Context,
        configs: EndpointConfigs,
        pools: HostPools,
        components: Callable[[str], Sequence[str]],
        gone: Callable[[str], None],
    ) -> None:
        """`components` are those on an endpoint, which keep it from deletion; `gone` hears of its end."""
        super().__init__(context)
        self._configs = configs
        self._pools = pools
        self._components = components
        self._gone = gone

    def create_endpoint(self, params: Params) -> Answer:
        """Make an endpoint; it is Creating until its instances serve."""
        context, name = self._context, params["EndpointName"]
        arn = context.arn(KIND, name)
        plan = self._configs.plan(params["EndpointConfigName"])
        deployment = self._deployment(params.get("DeploymentConfig", {}), plan)
        moment = now()
        with context.store.transaction():
            if context.store.get(KIND, name):
                raise ValidationException(f'Cannot create already existing endpoint "{arn}".')
            record: Record = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": plan.config,
                "CreationTime": moment,
                "LastDeploymentConfig": deployment or None,
            }
            context.store.put(KIND, name, record)
            set_tags(context, arn, params.get("Tags"))
            self._set(name, "Creating", _Next={"plan": plan.record(), "deployment": deployment})
            self._begin(self._deploy, name, self._start(name))
        return {"EndpointArn": arn}

    def update_endpoint(self, params: Params) -> Answer:
        """Deploy another configuration beside the one in service, blue/green."""
        context, name = self._context, params["EndpointName"]
        plan = self._configs.plan(params["EndpointConfigName"])
        with context.store.transaction():
            record = self._in_service(name)
            if params.get("RetainAllVariantProperties"):
                excluded = params.get("ExcludeRetainedVariantProperties", [])
                names = frozenset(one["VariantPropertyType"] for one in excluded)
                plan = plan.retaining(FleetPlan.from_record(record["_Fleet"]), names)
            requested = params.get("DeploymentConfig", {})
            if params.get("RetainDeploymentConfig"):
                requested = record.get("LastDeploymentConfig", {})
            deployment = self._deployment(requested, plan)
            self._check_alarms(deployment)
            self._set(
                name,
                "Updating",
                FailureReason=None,
                LastDeploymentConfig=deployment or None,
                _Next={"plan": plan.record(), "deployment": deployment},
            )
            self._begin(self._deploy, name, self.live[name])
        return {"EndpointArn": record["EndpointArn"]}

    def update_weights_and_capacities(self, params: Params) -> Answer:
        """Change weights at once and instance counts as instances start or have drained."""
        context, name = self._context, params["EndpointName"]
        with context.store.transaction():
            record = self._in_service(name)
            old = plan = FleetPlan.from_record(record["_Fleet"])
            for desired in params["DesiredWeightsAndCapacities"]:
                if plan.variant(desired["VariantName"]) is None:
                    raise ValidationException(
                        f"Variant {desired['VariantName']} not found for endpoint {name}."
                    )
                if "DesiredInstanceCount" in desired and any(one.hosts for one in plan.variants):
                    raise ValidationException(
                        "The instances of a variant that hosts inference components follow "
                        "ManagedInstanceScaling; change the number of copies instead."
                    )
                if desired.get("DesiredInstanceCount") == 0 and not plan.asynchronous:
                    raise ValidationException(
                        "DesiredInstanceCount must be at least 1 for an instance variant that is not "
                        "asynchronous."
                    )
                plan = plan.with_variant(
                    desired["VariantName"],
                    count=desired.get("DesiredInstanceCount"),
                    weight=desired.get("DesiredWeight"),
                )
            self._set(name, "Updating", FailureReason=None, _Fleet=plan.record())
            self._begin(self._resize, name, self.live[name], old, plan)
        return {"EndpointArn": record["EndpointArn"]}

    def describe_endpoint(self, params: Params) -> Answer:
        """Show an endpoint, with the deployment under way."""
        record = self._find(params["EndpointName"])
        return describe(record, self.live.get(record["EndpointName"]), self._pools)

    def list_endpoints(self, params: Params) -> Answer:
        """Page through the endpoints."""
        wanted = params.get("StatusEquals")
        records = [r for r in self._context.store.list(KIND) if wanted in (None, r["EndpointStatus"])]
        endpoints, token = page(listed(records, params, name="EndpointName"), params)
        return {"Endpoints": endpoints, "NextToken": token}

    def delete_endpoint(self, params: Params) -> Answer:
        """Stop and forget an endpoint, whatever it is doing."""
        with self._context.store.transaction():
            record = self._not_deleting(params["EndpointName"])
            if hosted := self._components(record["EndpointName"]):
                raise ValidationException(
                    f'Cannot delete endpoint "{record["EndpointArn"]}": it hosts the inference components '
                    f"{', '.join(hosted)}. Delete them first."
                )
            self._set(record["EndpointName"], "Deleting")
            self._begin(self._remove, record["EndpointName"], self._workers.get(record["EndpointName"]))
        return {}

    def running(self) -> Iterator[tuple[str, str]]:
        """(endpoint, variant) of everything in service that is invoked synchronously."""
        for name, live in list(self.live.items()):
            if live.blue and not live.blue.plan.asynchronous:
                yield from ((name, variant.name) for variant in live.blue.plan.launched)

    def _start(self, name: str) -> LiveEndpoint:
        launcher = Launcher(self._context, name)
        launcher.clear()
        self.live[name] = live = LiveEndpoint(self._context, launcher, name)
        return live

    def _deploy(self, name: str, live: LiveEndpoint) -> None:
        """Carry out `_Next`, to its end or back."""
        record = self._find(name)
        plan = FleetPlan.from_record(record["_Next"]["plan"])

        def report(progress: Progress) -> None:
            live.progress = progress
            self._emit("SageMaker Endpoint Deployment State Change", self._find(name))

        deployment = record["_Next"]["deployment"]
        kind = RollingRollout if "RollingUpdatePolicy" in deployment else Rollout
        rollout = kind(self._context, live, deployment, report)
        try:
            rollout.run(plan)
        except Interrupted:
            return
        except RolledBack as reason:
            if "_Fleet" not in record:
                self._set(name, "Failed", FailureReason=str(reason)[:1024], _Next=None)
                live.stop()
                return
            self._set(name, "RollingBack", FailureReason=str(reason)[:1024], _Next=None)
            with contextlib.suppress(Interrupted):
                rollout.restore()
                self._set(name, "InService")
        else:
            self._in_place(name, plan)
            self._set(name, "InService", EndpointConfigName=plan.config, _Fleet=plan.record(), _Next=None)

    def _in_place(self, name: str, plan: FleetPlan) -> None:
        """Have the instances that inference components are placed on."""
        for variant in plan.variants:
            if variant.hosts:
                self._pools.of(name, variant)

    def _resize(self, name: str, live: LiveEndpoint, old: FleetPlan, plan: FleetPlan) -> None:
        """Bring the fleet in service to another size; back to the old one if instances cannot start."""
        try:
            live.follow(plan).reconcile()
        except LaunchError as error:
            if live.cancelled.is_set():
                return
            self._set(name, "RollingBack", FailureReason=str(error)[:1024], _Fleet=old.record())
            live.follow(old)
        self._set(name, "InService")

    def _removed(self, name: str) -> None:
        Launcher(self._context, name).clear()
        self._gone(name)

    def _set(self, name: str, status: str, **members: Any) -> None:
        """Change the status and tell EventBridge; an endpoint that is being deleted stays so."""
        with self._context.store.transaction():
            before = self._find(name)
            if before.get("EndpointStatus") == "Deleting":
                return
            record = self._context.store.update(
                KIND, name, EndpointStatus=status, LastModifiedTime=now(), **members
            )
            self._emit("SageMaker Endpoint State Change", record)

    def _emit(self, detail_type: str, record: Record) -> None:
        tags = {tag["Key"]: tag["Value"] for tag in tags_of(self._context, record["EndpointArn"])}
        detail = event(record, self.live.get(record["EndpointName"]), self._pools, tags)
        self._context.emit(detail_type, detail, [record["EndpointArn"]])

    def _deployment(self, requested: dict[str, Any], plan: FleetPlan) -> dict[str, Any]:
        if "RollingUpdatePolicy" in requested and "BlueGreenUpdatePolicy" in requested:
            raise ValidationException("Give either BlueGreenUpdatePolicy or RollingUpdatePolicy, not both.")
        if policy := requested.get("RollingUpdatePolicy"):
            rolling.check(policy, plan)
        if policy := requested.get("BlueGreenUpdatePolicy"):
            for variant in filter(lambda one: one.count, plan.variants):
                traffic.check(policy, variant.count)
        return requested

    def _check_alarms(self, deployment: dict[str, Any]) -> None:
        for alarm in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", []):
            if self._context.host.alarm_state(alarm["AlarmName"]) is None:
                raise ValidationException(f"The auto-rollback alarm {alarm['AlarmName']} does not exist.")
