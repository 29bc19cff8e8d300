"""Processing jobs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.errors import ValidationException
from local.sagemaker.context import now
from local.sagemaker.events import detail
from local.sagemaker.jobs.channels import download
from local.sagemaker.jobs.failure import JobFailed, container_failed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.outputs import Uploader
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.jobs.records import Jobs
from local.sagemaker.jobs.runner import (
    Ended,
    Launch,
    Outcome,
    StopRequested,
    check,
    client,
    credentials,
    run_container,
)
from local.sagemaker.operations import Params
from local.sagemaker.s3 import location
from local.sagemaker.store import Record

_GROUP = "/aws/sagemaker/ProcessingJobs"
_ROOT = "/opt/ml/processing/"
_DEFAULT_SECONDS = 24 * 3600
"""ProcessingStoppingCondition's default of MaxRuntimeInSeconds."""


class ProcessingJobs(Jobs):
    """Processing jobs: inputs from S3, the container with its arguments, outputs to S3."""

    noun = "Processing"
    kind = "processing-job"

    def prepared(self, params: Params) -> Record:
        """The request, checked."""
        _check_request(params)
        return params

    def attempt(self, record: Record, workspace: Path) -> Outcome:
        """Run the job once from its beginning."""
        name, role = record["ProcessingJobName"], record["RoleArn"]
        permissions = Permissions(self._context.host, role)
        stream = f"{name}/algo-1-{int(now())}"
        self._check_role(record, permissions, stream)
        s3 = client(self._context, "s3", role, _vpc(record))
        self._download(record, s3, permissions, workspace / "ml")
        _configure(record, workspace / "ml")
        check(self._context, lambda: self.stopping(name))
        self._began(name)
        logs = LogStream(self._context.host, _GROUP, stream, workspace / "log", listener=lambda _: None)
        launch = self._launch(record)
        ended = run_container(
            self._context, launch, workspace, logs, lambda: self.stopping(name), look=lambda: None
        )
        members = _exit_message(workspace / "ml")
        if ended.stopped:
            raise StopRequested
        _raise_if_failed(ended, members, launch)
        # Anew: credentials are good for an hour, and the container may have taken longer.
        s3 = client(self._context, "s3", role, _vpc(record))
        self._upload(record, s3, permissions, workspace / "ml")
        return Outcome("Completed", {**members, "ProcessingEndTime": now()})

    def _check_role(self, record: Record, permissions: Permissions, stream: str) -> None:
        permissions.pull(record["AppSpecification"]["ImageUri"])
        permissions.log(_GROUP, stream)
        permissions.put_metrics(_GROUP)
        if vpc := _vpc(record):
            permissions.join_network(vpc["Subnets"], vpc["SecurityGroupIds"])
        if key := record["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId"):
            permissions.encrypt_volume(key)

    def _launch(self, record: Record) -> Launch:
        application, role = record["AppSpecification"], record["RoleArn"]
        network = not record.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
        return Launch(
            image=application["ImageUri"],
            entrypoint=application.get("ContainerEntrypoint"),
            command=application.get("ContainerArguments", []),
            environment={**credentials(self._context, role, network), **record.get("Environment", {})},
            network=network,
            instance_type=record["ProcessingResources"]["ClusterConfig"]["InstanceType"],
            role=role,
            max_seconds=record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", _DEFAULT_SECONDS),
        )

    def _download(self, record: Record, s3: Any, permissions: Permissions, ml: Path) -> None:
        for entry in record.get("ProcessingInputs", []):
            source = entry["S3Input"]
            target = _inside(ml, source["LocalPath"])
            download(s3, permissions, source["S3Uri"], source["S3DataType"], target)

    def _upload(self, record: Record, s3: Any, permissions: Permissions, ml: Path) -> None:
        config = record.get("ProcessingOutputConfig", {})
        uploader = Uploader(s3, permissions, config.get("KmsKeyId"))
        for output in config.get("Outputs", []):
            target = output["S3Output"]
            uploader.directory(_inside(ml, target["LocalPath"]), location(target["S3Uri"]))


def _check_request(params: Params) -> None:
    """What AWS refuses at once, and what the embedded AWS does not have."""
    if params["ProcessingResources"]["ClusterConfig"]["InstanceCount"] > 1:
        raise ValidationException("The embedded AWS runs a processing job on one instance.")
    for entry in params.get("ProcessingInputs", []):
        if "S3Input" not in entry:
            raise ValidationException(f"The embedded AWS reads input {entry['InputName']} from S3Input only.")
        if entry["S3Input"].get("S3InputMode", "File") != "File":
            raise ValidationException(f"The embedded AWS reads input {entry['InputName']} in File mode only.")
        _check_path(entry["S3Input"].get("LocalPath"), entry["InputName"])
    for output in params.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" not in output:
            raise ValidationException(
                f"The embedded AWS writes output {output['OutputName']} to S3Output only."
            )
        _check_path(output["S3Output"].get("LocalPath"), output["OutputName"])


def _check_path(path: str | None, name: str) -> None:
    if not path or not (path + "/").startswith(_ROOT) or ".." in Path(path).parts:
        raise ValidationException(f"LocalPath of {name} must be under {_ROOT}, but is {path}.")


def _inside(ml: Path, local_path: str) -> Path:
    return ml / Path(local_path).relative_to("/opt/ml")


def _vpc(record: Record) -> Mapping[str, Any] | None:
    vpc: Mapping[str, Any] | None = record.get("NetworkConfig", {}).get("VpcConfig")
    return vpc


def _configure(record: Record, ml: Path) -> None:
    """The files and directories that a processing container finds.

    docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
    """
    for output in record.get("ProcessingOutputConfig", {}).get("Outputs", []):
        _inside(ml, output["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
    (ml / "output").mkdir(parents=True, exist_ok=True)
    config = ml / "config"
    config.mkdir(parents=True, exist_ok=True)
    request = detail("DescribeProcessingJob", record, moment=lambda seconds: seconds)
    (config / "processingjobconfig.json").write_text(json.dumps(request))
    (config / "resourceconfig.json").write_text(json.dumps({"current_host": "algo-1", "hosts": ["algo-1"]}))


def _exit_message(ml: Path) -> Record:
    """The first kilobyte of /opt/ml/output/message, which must be UTF-8."""
    path = ml / "output" / "message"
    if not path.is_file() or path.is_symlink():
        return {}
    try:
        message = path.read_bytes()[:1024].decode(
            errors="strict" if path.stat().st_size <= 1024 else "ignore"
        )
    except UnicodeDecodeError:
        raise JobFailed("ClientError: The exit message is not UTF-8.") from None
    return {"ExitMessage": message} if message else {}


def _raise_if_failed(ended: Ended, members: Record, launch: Launch) -> None:
    if ended.late:
        raise JobFailed(
            "ClientError: The processing job ran longer than its MaxRuntimeInSeconds, "
            f"{launch.max_seconds:.0f} seconds",
            members,
        )
    if ended.exit_code:
        said = members.get("ExitMessage", "") or (
            "" if ended.exit_code == 137 else "See job logs for more information"
        )
        raise container_failed(ended.exit_code, said, "job data", members)
