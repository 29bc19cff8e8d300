"""Training jobs: the operations and the life of a job."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from local.errors import ResourceInUse, ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, milliseconds
from local.sagemaker.jobs import spot
from local.sagemaker.jobs import training_directory as directory
from local.sagemaker.jobs.channels import download, has_objects
from local.sagemaker.jobs.failure import container_failed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.metrics import Metrics
from local.sagemaker.jobs.outputs import Uploader
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.jobs.runner import (
    Ended,
    Outcome,
    Runner,
    check,
    client,
    run_container,
)
from local.sagemaker.jobs.training_launch import launch_of
from local.sagemaker.jobs.training_request import check_inputs, check_request
from local.sagemaker.jobs.warm_pool import WarmPools
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.s3 import location
from local.sagemaker.store import Record
from local.sagemaker.tags import set_tags

_GROUP = "/aws/sagemaker/TrainingJobs"
_MESSAGES = {
    "Starting": "Starting the training job",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Stopping": "Stopping the training job",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "The managed spot training instances were interrupted",
    "Failed": "Training job failed",
    "Restarting": "The training job was interrupted and starts again",
}


class Watcher(Protocol):
    """Somebody who follows the jobs that he began; called from their threads."""

    def progressed(self, job: Record, seen: Sequence[float]) -> None:
        """The log has given new values of the job's objective; `seen` are all of them."""

    def ended(self, job: Record) -> None:
        """The final status of the job is committed."""


class TrainingJobs:
    """Training jobs: channels and hyperparameters in, model.tar.gz and metrics out."""

    kind = "training-job"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._runner = Runner(context, self)
        self._pools = WarmPools(context, self.kind)
        self.watchers: list[Watcher] = []

    @operation("CreateTrainingJob")
    def create(self, params: Params) -> Answer:
        """Start a job."""
        self.check(params)
        return {"TrainingJobArn": self.begin(params)}

    def check(self, params: Params) -> None:
        """Raise ValidationException for a request that AWS refuses at once."""
        check_request(params)
        check_inputs(self._context, params)

    def begin(self, params: Params, **members: Any) -> str:
        """Start the job of a checked request, whose record has these members besides; its ARN."""
        name = params["TrainingJobName"]
        arn = self._context.arn(self.kind, name)
        tags = params.pop("Tags", None)
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
            record = {**switches, **params, **members, "TrainingJobArn": arn, "CreationTime": now()}
            self._pools.claim(record)
            self._save({**record, "TrainingJobStatus": "InProgress"}, "Starting")
        self._runner.submit(name)
        return arn

    @operation("DescribeTrainingJob")
    def describe(self, params: Params) -> Answer:
        """The job."""
        return self._pools.described(self._get(params["TrainingJobName"]))

    @operation("ListTrainingJobs")
    def list(self, params: Params) -> Answer:
        """Page through the jobs."""
        records = [
            record
            for record in map(self._pools.described, self._store.list(self.kind))
            if params.get("StatusEquals") in (None, record["TrainingJobStatus"])
            and params.get("WarmPoolStatusEquals") in (None, record.get("WarmPoolStatus", {}).get("Status"))
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
        """Run the job once from its beginning, on one instance after the other if they are interrupted."""
        name, started, used = record["TrainingJobName"], now(), 0.0
        permissions = Permissions(self._context.host, record["RoleArn"])
        objective = record.get("HyperParameters", {}).get("_tuning_objective_metric")
        metrics = Metrics(record["AlgorithmSpecification"].get("MetricDefinitions", []), objective)
        while True:
            begun = now()
            self._advance(name, "Downloading", TrainingStartTime=started)
            ended = self._on_instance(record, workspace, permissions, metrics, used)
            used += now() - begun
            if not ended.interrupted:
                break
            record = self._await_instance(name)
            shutil.rmtree(workspace)
            workspace.mkdir()
        if ended.exit_code and not ended.stopped and not ended.late:
            said = directory.failure(workspace / "ml")
            raise container_failed(ended.exit_code, said, "training data", {"InstanceSeconds": used})
        if not ended.stopped:
            self._advance(name, "Uploading")
        members = directory.publish(record, workspace / "ml", self._uploader(record, permissions))
        members |= {"FinalMetricDataList": metrics.final(), "InstanceSeconds": used}
        members["ObjectiveValues"] = metrics.objective
        if ended.late:
            members["SecondaryStatus"] = spot.limit_reached(record)
        return Outcome("Stopped" if ended.stopped or ended.late else "Completed", members)

    def _on_instance(
        self, record: Record, workspace: Path, permissions: Permissions, metrics: Metrics, used: float
    ) -> Ended:
        """Download, and train to the end or until the instance is taken away."""
        context, name, ml = self._context, record["TrainingJobName"], workspace / "ml"
        stream = f"{name}/algo-1-{int(now())}"
        self._check_role(record, permissions, stream)
        self._download(
            record, client(context, "s3", record["RoleArn"], record.get("VpcConfig")), permissions, ml
        )
        directory.configure(record, ml)
        check(context, lambda: self.stopping(name))
        self._advance(name, "Training")
        logs = LogStream(context.host, _GROUP, stream, workspace / "log", listener=metrics.read)
        checkpoints = directory.Checkpoints(record, ml, self._uploader(record, permissions))

        def look() -> None:
            if values := metrics.take({"TrainingJobName": name}):
                context.host.put_metrics(_GROUP, values)
                for watcher in self.watchers:
                    watcher.progressed(record, metrics.objective)
            checkpoints.save()

        launch = launch_of(context, record, used)
        ended = run_container(context, launch, workspace, logs, lambda: self.stopping(name), look)
        checkpoints.save(ended=True)
        return ended

    def _await_instance(self, name: str) -> Record:
        """Wait, after an interruption, until there is capacity again; the job as it is then."""
        context = self._context
        self._advance(name, "Interrupted", Interruptions=self._get(name).get("Interruptions", 0) + 1)
        self._store.wait(
            lambda: context.closing.is_set() or self.stopping(name), spot.CAPACITY_SECONDS / context.speed
        )
        check(context, lambda: self.stopping(name))
        self._advance(name, "Starting")
        return self._get(name)

    def finish(self, name: str, status: str, members: Record) -> None:
        """Commit the final status, and tell of it."""
        with self._store.transaction():
            ended = now()
            record = {**self._get(name), **members, "TrainingJobStatus": status, "TrainingEndTime": ended}
            record |= spot.times(record, ended)
            self._save(record, members.get("SecondaryStatus", status))
            self._pools.keep(record)
        for watcher in self.watchers:
            watcher.ended(record)

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

    def _check_role(self, record: Record, permissions: Permissions, stream: str) -> None:
        permissions.pull(record["AlgorithmSpecification"]["TrainingImage"])
        permissions.log(_GROUP, stream)
        permissions.put_metrics(_GROUP)
        if vpc := record.get("VpcConfig"):
            permissions.join_network(vpc["Subnets"], vpc["SecurityGroupIds"])
        if key := record["ResourceConfig"].get("VolumeKmsKeyId"):
            permissions.encrypt_volume(key)

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
