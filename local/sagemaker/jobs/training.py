"""Training jobs: the operations and the life of a job."""

from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.errors import ResourceInUse, ValidationException
from local.host import AccessDenied
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, milliseconds
from local.sagemaker.jobs import training_directory as directory
from local.sagemaker.jobs.channels import download, has_objects, no_objects
from local.sagemaker.jobs.failure import container_failed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.metrics import Metrics
from local.sagemaker.jobs.outputs import Uploader
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.jobs.runner import Launch, Outcome, Runner, check, client, credentials, run_container
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.s3 import location
from local.sagemaker.store import Record
from local.sagemaker.tags import set_tags

_GROUP = "/aws/sagemaker/TrainingJobs"
_DEFAULT_SECONDS = 24 * 3600
"""StoppingCondition's default of MaxRuntimeInSeconds."""
_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "Failed": "Training job failed",
    "Restarting": "The training job was interrupted and starts again",
}


class TrainingJobs:
    """Training jobs: channels and hyperparameters in, model.tar.gz and metrics out."""

    kind = "training-job"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._runner = Runner(context, self)

    @operation("CreateTrainingJob")
    def create(self, params: Params) -> Answer:
        """Start a job."""
        name = params["TrainingJobName"]
        arn = self._context.arn(self.kind, name)
        tags = params.pop("Tags", None)
        _check_request(params)
        self._check_inputs(params)
        with self._store.transaction():
            if self._store.get(self.kind, name):
                raise ResourceInUse(
                    "Training job names must be unique within an AWS account and region, and a training job "
                    f"with this name already exists ({arn})"
                )
            set_tags(self._context, arn, tags)
            switches = dict.fromkeys(
                (
                    "EnableNetworkIsolation",
                    "EnableInterContainerTrafficEncryption",
                    "EnableManagedSpotTraining",
                ),
                False,
            )
            record = {**switches, **params, "TrainingJobArn": arn, "CreationTime": now()}
            self._save({**record, "TrainingJobStatus": "InProgress"}, "Starting")
        self._runner.submit(name)
        return {"TrainingJobArn": arn}

    @operation("DescribeTrainingJob")
    def describe(self, params: Params) -> Answer:
        """The job."""
        return self._get(params["TrainingJobName"])

    @operation("ListTrainingJobs")
    def list(self, params: Params) -> Answer:
        """Page through the jobs."""
        records = [
            record
            for record in self._store.list(self.kind)
            if params.get("StatusEquals") in (None, record["TrainingJobStatus"])
        ]
        jobs, token = page(listed(records, params, name="TrainingJobName", order="Ascending"), params)
        return {"TrainingJobSummaries": jobs, "NextToken": token}

    @operation("StopTrainingJob")
    def stop(self, params: Params) -> Answer:
        """Ask a job to stop: the container gets SIGTERM, what it leaves as model is kept."""
        with self._store.transaction():
            record = self._get(params["TrainingJobName"])
            status = record["TrainingJobStatus"]
            if status != "InProgress":
                raise ValidationException(
                    f"The request was rejected because the training job is in status {status}."
                )
            self._save({**record, "TrainingJobStatus": "Stopping"}, "Stopping")
        return {}

    def stopping(self, name: str) -> bool:
        """Whether somebody asked the job to stop."""
        return bool(self._get(name)["TrainingJobStatus"] == "Stopping")

    def attempt(self, record: Record, workspace: Path) -> Outcome:
        """Run the job once from its beginning."""
        context, name, role, ml = (
            self._context,
            record["TrainingJobName"],
            record["RoleArn"],
            workspace / "ml",
        )
        permissions = Permissions(context.host, role)
        stream = f"{name}/algo-1-{int(now())}"
        self._check_role(record, permissions, stream)
        self._advance(name, "Downloading", TrainingStartTime=now())
        self._download(record, client(context, "s3", role, record.get("VpcConfig")), permissions, ml)
        directory.configure(record, ml)
        check(context, lambda: self.stopping(name))
        self._advance(name, "Training")
        metrics = Metrics(record["AlgorithmSpecification"].get("MetricDefinitions", []))
        logs = LogStream(context.host, _GROUP, stream, workspace / "log", listener=metrics.read)
        checkpoints = directory.Checkpoints(record, ml, self._uploader(record, permissions))

        def look() -> None:
            if values := metrics.take({"TrainingJobName": name}):
                context.host.put_metrics(_GROUP, values)
            checkpoints.save()

        launch = self._launch(record)
        ended = run_container(context, launch, workspace, logs, lambda: self.stopping(name), look)
        checkpoints.save(ended=True)
        if ended.exit_code and not ended.stopped and not ended.late:
            raise container_failed(ended.exit_code, directory.failure(ml), "training data")
        if not ended.stopped:
            self._advance(name, "Uploading")
        members = directory.publish(record, ml, self._uploader(record, permissions))
        members["FinalMetricDataList"] = metrics.final()
        if ended.late:
            members["SecondaryStatus"] = "MaxRuntimeExceeded"
        return Outcome("Stopped" if ended.stopped or ended.late else "Completed", members)

    def finish(self, name: str, status: str, members: Record) -> None:
        """Commit the final status, and tell of it."""
        with self._store.transaction():
            ended = now()
            record = {**self._get(name), **members, "TrainingJobStatus": status, "TrainingEndTime": ended}
            seconds = int(ended - record["TrainingStartTime"]) if "TrainingStartTime" in record else 0
            record["TrainingTimeInSeconds"] = record["BillableTimeInSeconds"] = max(1, seconds)
            self._save(record, members.get("SecondaryStatus", status))

    def resume(self) -> None:
        """Start anew the jobs that were under way."""
        for record in self._store.list(self.kind):
            name = record["TrainingJobName"]
            if record["TrainingJobStatus"] == "InProgress":
                self._advance(name, "Restarting")
            if record["TrainingJobStatus"] in ("InProgress", "Stopping"):
                self._runner.submit(name)

    def close(self) -> None:
        """Stop the containers."""
        self._runner.close()

    def _get(self, name: str) -> Record:
        return self._context.find(self.kind, name, ValidationException("Requested resource not found."))

    def _advance(self, name: str, secondary: str, **members: Any) -> None:
        with self._store.transaction():
            record = {**self._get(name), **members}
            # A job that is being stopped goes through no more stages.
            if record["TrainingJobStatus"] == "InProgress":
                self._save(record, secondary)

    def _save(self, record: Record, secondary: str) -> None:
        """Keep the record in its next stage, and tell of it."""
        moment = now()
        transitions = [*record.get("SecondaryStatusTransitions", [])]
        if transitions:
            transitions[-1].setdefault("EndTime", moment)
        transition = {"Status": secondary, "StartTime": moment, "StatusMessage": _MESSAGES[secondary]}
        if secondary == "Failed":
            transition["StatusMessage"] = record["FailureReason"]
        if record["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"):
            transition["EndTime"] = moment
        record = {
            **record,
            "SecondaryStatus": secondary,
            "SecondaryStatusTransitions": [*transitions, transition],
            "LastModifiedTime": moment,
        }
        self._store.put(self.kind, record["TrainingJobName"], record)
        content = detail("DescribeTrainingJob", record, milliseconds)
        self._context.emit("SageMaker Training Job State Change", content, [record["TrainingJobArn"]])

    def _check_inputs(self, params: Params) -> None:
        """AWS looks for the objects of S3 prefixes when the job is created."""
        permissions = Permissions(self._context.host, params["RoleArn"])
        try:
            s3 = client(self._context, "s3", params["RoleArn"])
            for channel in params.get("InputDataConfig", []):
                source = channel["DataSource"]["S3DataSource"]
                if not has_objects(s3, source["S3Uri"]):
                    raise ValidationException(no_objects(source["S3Uri"], permissions))
        except AccessDenied as denied:
            raise ValidationException(str(denied)) from None
        except ClientError as error:
            said = error.response["Error"]["Message"]
            raise ValidationException(no_objects(source["S3Uri"], permissions, said)) from None

    def _check_role(self, record: Record, permissions: Permissions, stream: str) -> None:
        permissions.pull(record["AlgorithmSpecification"]["TrainingImage"])
        permissions.log(_GROUP, stream)
        permissions.put_metrics(_GROUP)
        if vpc := record.get("VpcConfig"):
            permissions.join_network(vpc["Subnets"], vpc["SecurityGroupIds"])
        if key := record["ResourceConfig"].get("VolumeKmsKeyId"):
            permissions.encrypt_volume(key)

    def _launch(self, record: Record) -> Launch:
        algorithm, role = record["AlgorithmSpecification"], record["RoleArn"]
        network = not record["EnableNetworkIsolation"]
        return Launch(
            image=algorithm["TrainingImage"],
            entrypoint=algorithm.get("ContainerEntrypoint"),
            # Without an entrypoint of the request the image runs as `docker run IMAGE train`.
            command=algorithm.get(
                "ContainerArguments", [] if "ContainerEntrypoint" in algorithm else ["train"]
            ),
            environment={
                **credentials(self._context, role, network),
                "TRAINING_JOB_NAME": record["TrainingJobName"],
                "TRAINING_JOB_ARN": record["TrainingJobArn"],
                **record.get("Environment", {}),
            },
            network=network,
            instance_type=record["ResourceConfig"]["InstanceType"],
            role=role,
            max_seconds=record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_SECONDS),
        )

    def _uploader(self, record: Record, permissions: Permissions) -> Uploader:
        s3 = client(self._context, "s3", record["RoleArn"], record.get("VpcConfig"))
        return Uploader(s3, permissions, record["OutputDataConfig"].get("KmsKeyId"))

    def _download(self, record: Record, s3: Any, permissions: Permissions, ml: Path) -> None:
        for channel in record.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            target = ml / "input" / "data" / channel["ChannelName"]
            download(s3, permissions, source["S3Uri"], source["S3DataType"], target)
        if checkpoint := record.get("CheckpointConfig"):
            place = location(checkpoint["S3Uri"])
            target = directory.checkpoint_directory(record, ml)
            target.mkdir(parents=True, exist_ok=True)
            if has_objects(s3, str(place)):
                download(s3, permissions, checkpoint["S3Uri"], "S3Prefix", target)


def _check_request(params: Params) -> None:
    """What AWS refuses at once, and what the embedded AWS does not have."""
    if "TrainingImage" not in params.get("AlgorithmSpecification", {}):
        raise ValidationException("The embedded AWS trains with AlgorithmSpecification.TrainingImage only.")
    if (
        params.get("ResourceConfig", {}).get("InstanceCount") != 1
        or "InstanceType" not in params["ResourceConfig"]
    ):
        raise ValidationException(
            "The embedded AWS runs a training job on one instance: ResourceConfig needs "
            "InstanceType, and InstanceCount 1."
        )
    Metrics(params["AlgorithmSpecification"].get("MetricDefinitions", []))
    for channel in params.get("InputDataConfig", []):
        if "S3DataSource" not in channel["DataSource"]:
            raise ValidationException(
                f"The embedded AWS reads channel {channel['ChannelName']} from S3 only."
            )
        mode = channel.get("InputMode", params["AlgorithmSpecification"]["TrainingInputMode"])
        if mode == "Pipe":
            raise ValidationException(
                f"The embedded AWS has no Pipe mode (channel {channel['ChannelName']})."
            )
