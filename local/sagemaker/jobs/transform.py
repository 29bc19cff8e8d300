"""Transform jobs: a model over all objects of a prefix, once."""

import secrets
from pathlib import Path
from typing import Any

from local.sagemaker import instances
from local.sagemaker.context import Context, now
from local.sagemaker.hosting import model_data
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.plan import FleetPlan, VariantPlan
from local.sagemaker.jobs.channels import fetch, objects
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.outputs import Uploader
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.jobs.records import Jobs
from local.sagemaker.jobs.runner import Outcome, check, client, credentials
from local.sagemaker.jobs.transform_request import check_request
from local.sagemaker.jobs.transform_run import Source, Transform
from local.sagemaker.jobs.transform_server import ModelServer
from local.sagemaker.operations import Params
from local.sagemaker.s3 import location
from local.sagemaker.store import Record

_GROUP = "/aws/sagemaker/TransformJobs"
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


class TransformJobs(Jobs):
    """Transform jobs: objects from S3, through a server of the model, answers to S3.

    One server does the work of all InstanceCount instances; the answers are the same.
    """

    noun = "Transform"
    kind = "transform-job"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._models = Models(context)

    def prepared(self, params: Params) -> Record:
        """The request, checked, with what the model is now."""
        check_request(params)
        name, resources = params["TransformJobName"], params["TransformResources"]
        variant = {
            "VariantName": name,
            "ModelName": params["ModelName"],
            "InstanceType": resources["InstanceType"],
        }
        plan = self._models.variant(variant, resources.get("VolumeKmsKeyId"))
        return {**params, "Plan": FleetPlan(name, (plan,), None).record()}

    def attempt(self, record: Record, workspace: Path) -> Outcome:
        """Run the job once from its beginning."""
        context, name = self._context, record["TransformJobName"]
        plan = FleetPlan.from_record(record["Plan"]).variants[0]
        permissions = Permissions(context.host, plan.role)
        instance = f"i-{secrets.token_hex(8)}"
        stream = f"{name}/{instance}-{int(now())}"
        self._check_role(plan, permissions, stream)
        source = record["TransformInput"]["DataSource"]["S3DataSource"]
        found = objects(self._s3(plan), permissions, source["S3Uri"], source["S3DataType"])
        self._began(name)

        def download(one: Source) -> Path:
            return fetch(self._s3(plan), permissions, one[0], workspace / "input", one[1])

        def upload(path: Path, key: str) -> None:
            output = record["TransformOutput"]
            uploader = Uploader(self._s3(plan), permissions, output.get("KmsKeyId"))
            uploader.file(path, location(output["S3OutputPath"]).under(f"{key}.out"))

        with self._server(record, plan, workspace, instance, stream) as server:
            server.wait_healthy()
            transform = Transform(
                record, server, lambda lines: context.host.write_log(_GROUP, f"{stream}/data-log", lines)
            )
            transform.run(found, download, upload, workspace / "output")
        return Outcome("Completed")

    def _s3(self, plan: VariantPlan) -> Any:
        """A client inside the model's VPC; asked for anew each time, as its credentials expire."""
        return client(self._context, "s3", plan.role, {"Subnets": plan.subnets})

    def _server(
        self, record: Record, plan: VariantPlan, workspace: Path, instance: str, stream: str
    ) -> ModelServer:
        """The model's server, started."""
        context, name, model = self._context, record["TransformJobName"], workspace / "ml" / "model"
        model.mkdir(parents=True)
        if plan.model_data:
            permissions = Permissions(context.host, plan.role)
            try:
                model_data.fetch(self._s3(plan), permissions, plan.model_data, model)
            except model_data.ModelDataError as error:
                raise JobFailed(f"ClientError: {error}") from None
        check(context, lambda: self.stopping(name))
        container = context.start(
            context.images.resolve(plan.image),
            command=["serve"],
            entrypoint=None,
            ml=workspace / "ml",
            environment={
                **credentials(context, plan.role, not plan.isolated),
                **plan.environment,
                **record.get("Environment", {}),
                **_batch_environment(record),
            },
            hostname=instance,
            network=not plan.isolated,
            aws_endpoint=context.host.endpoint_url,
            limits=instances.limits(plan.instance_type),
            log=workspace / "log",
        )
        logs = LogStream(context.host, _GROUP, stream, workspace / "log", listener=lambda _: None)
        return ModelServer(context, container, logs, lambda: self.stopping(name))

    def _check_role(self, plan: VariantPlan, permissions: Permissions, stream: str) -> None:
        permissions.pull(plan.image)
        permissions.log(_GROUP, stream)
        permissions.put_metrics(_GROUP)
        if plan.subnets:
            permissions.join_network(plan.subnets, plan.security_groups)
        if plan.volume_key:
            permissions.encrypt_volume(plan.volume_key)


def _batch_environment(record: Record) -> dict[str, str]:
    """What tells the server that it works on a batch; settings that the job leaves open are not passed.

    docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
    """
    settings = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": record.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(record.get("BatchStrategy", "")),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": record.get("MaxConcurrentTransforms") or None,
    }
    given = {name: str(value) for name, value in settings.items() if value is not None}
    return {"SAGEMAKER_BATCH": "true", **given}
