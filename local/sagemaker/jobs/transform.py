"""Transform jobs: a model over all objects of a prefix, once."""

import secrets
from pathlib import Path
from typing import Any

from local.errors import ResourceInUse, ValidationException
from local.sagemaker import instances
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, milliseconds
from local.sagemaker.hosting import model_data
from local.sagemaker.hosting.models import Models
from local.sagemaker.hosting.plan import FleetPlan, VariantPlan
from local.sagemaker.jobs.channels import fetch, objects
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.outputs import Uploader
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.jobs.runner import Outcome, Runner, check, client, credentials
from local.sagemaker.jobs.transform_request import check_request
from local.sagemaker.jobs.transform_run import Source, Transform
from local.sagemaker.jobs.transform_server import ModelServer
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.s3 import location
from local.sagemaker.store import Record
from local.sagemaker.tags import set_tags

_GROUP = "/aws/sagemaker/TransformJobs"
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}


class TransformJobs:
    """Transform jobs: objects from S3, through a server of the model, answers to S3.

    One server does the work of all InstanceCount instances; the answers are the same.
    """

    kind = "transform-job"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._models = Models(context)
        self._runner = Runner(context, self)

    @operation("CreateTransformJob")
    def create(self, params: Params) -> Answer:
        """Start a job; it keeps what the model is now."""
        name = params["TransformJobName"]
        arn = self._context.arn(self.kind, name)
        tags = params.pop("Tags", None)
        check_request(params)
        resources = params["TransformResources"]
        variant = {
            "VariantName": name,
            "ModelName": params["ModelName"],
            "InstanceType": resources["InstanceType"],
        }
        plan = self._models.variant(variant, resources.get("VolumeKmsKeyId"))
        with self._store.transaction():
            if self._store.get(self.kind, name):
                raise ResourceInUse(
                    "Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({arn})"
                )
            set_tags(self._context, arn, tags)
            created = now()
            record = {
                **params,
                "TransformJobArn": arn,
                "TransformJobStatus": "InProgress",
                "CreationTime": created,
                "LastModifiedTime": created,
                "Plan": FleetPlan(name, (plan,), None).record(),
            }
            self._save(record)
        self._runner.submit(name)
        return {"TransformJobArn": arn}

    @operation("DescribeTransformJob")
    def describe(self, params: Params) -> Answer:
        """The job."""
        return self._get(params["TransformJobName"])

    @operation("ListTransformJobs")
    def list(self, params: Params) -> Answer:
        """Page through the jobs."""
        records = [
            record
            for record in self._store.list(self.kind)
            if params.get("StatusEquals") in (None, record["TransformJobStatus"])
        ]
        jobs, token = page(listed(records, params, name="TransformJobName", order="Ascending"), params)
        return {"TransformJobSummaries": jobs, "NextToken": token}

    @operation("StopTransformJob")
    def stop(self, params: Params) -> Answer:
        """Ask a job to stop; the answers to objects that are done stay."""
        with self._store.transaction():
            record = self._get(params["TransformJobName"])
            status = record["TransformJobStatus"]
            if status != "InProgress":
                raise ValidationException(
                    f"The request was rejected because the transform job is in status {status}."
                )
            self._save({**record, "TransformJobStatus": "Stopping", "LastModifiedTime": now()})
        return {}

    def stopping(self, name: str) -> bool:
        """Whether somebody asked the job to stop."""
        return bool(self._get(name)["TransformJobStatus"] == "Stopping")

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
        self._store.update(self.kind, name, TransformStartTime=now(), LastModifiedTime=now())

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

    def finish(self, name: str, status: str, members: Record) -> None:
        """Commit the final status, and tell of it."""
        with self._store.transaction():
            ended = now()
            final = {**members, "TransformEndTime": ended, "LastModifiedTime": ended}
            self._save({**self._get(name), **final, "TransformJobStatus": status})

    def resume(self) -> None:
        """Start anew the jobs that were under way."""
        for record in self._store.list(self.kind):
            if record["TransformJobStatus"] in ("InProgress", "Stopping"):
                self._runner.submit(record["TransformJobName"])

    def close(self) -> None:
        """Stop the containers."""
        self._runner.close()

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

    def _get(self, name: str) -> Record:
        missing = ValidationException(f"Could not find requested job with name: {name}")
        return self._context.find(self.kind, name, missing)

    def _save(self, record: Record) -> None:
        self._store.put(self.kind, record["TransformJobName"], record)
        content = detail("DescribeTransformJob", record, milliseconds)
        self._context.emit("SageMaker Transform Job State Change", content, [record["TransformJobArn"]])


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
