"""The deployed platform as the demo sees it: the `sageloop` commands, and what the AWS API tells."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import boto3

from cli import session
from examples.flights.demo.traffic import Api

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import ModelPackageSummaryTypeDef, PipelineExecutionSummaryTypeDef

Found = TypeVar("Found")
PROJECT = "flights"


class DemoFailed(Exception):
    """The loop did not do what it promises; the message says which step and why."""


def sageloop(*arguments: str) -> str:
    """Run one `sageloop` command as a user would and return what it printed; a failure ends the demo."""
    command = Path(sys.executable).with_name("sageloop")
    done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(
            f"sageloop {' '.join(arguments)} failed ({done.returncode}):\n{done.stdout}{done.stderr}"
        )
    return done.stdout


def until(what: str, look: Callable[[], Found | None], *, seconds: float = 180) -> Found:
    """Look again and again until there is something; raises `DemoFailed` after the given seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise DemoFailed(f"waited {seconds:.0f} s for {what}")


class Platform:
    """Reads the project's state through the AWS API, with the credentials of the environment."""

    def __init__(self) -> None:
        self.sagemaker = boto3.client("sagemaker")
        self.s3 = boto3.client("s3")
        self.cloudformation = boto3.client("cloudformation")

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of `<project>-<stack>`."""
        found = self.cloudformation.describe_stacks(StackName=f"{PROJECT}-{stack}")["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}

    def executions(self) -> Sequence[PipelineExecutionSummaryTypeDef]:
        """All executions of the training pipeline, oldest first."""
        listed = self.sagemaker.list_pipeline_executions(
            PipelineName=f"{PROJECT}-training", SortOrder="Ascending"
        )
        return listed["PipelineExecutionSummaries"]

    def finished(self, arn: str) -> bool:
        """Whether the execution has succeeded; raises `DemoFailed` with the reason if it failed."""
        execution = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        if execution["PipelineExecutionStatus"] in ("Failed", "Stopped"):
            steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
            reasons = [step.get("FailureReason", "") for step in steps["PipelineExecutionSteps"]]
            raise DemoFailed(f"the execution failed: {' '.join(filter(None, reasons))}")
        return execution["PipelineExecutionStatus"] == "Succeeded"

    def package(self, version: int) -> ModelPackageSummaryTypeDef | None:
        """The model package of this version, if it is registered."""
        listed = self.sagemaker.list_model_packages(ModelPackageGroupName=PROJECT)["ModelPackageSummaryList"]
        return next((found for found in listed if found["ModelPackageVersion"] == version), None)

    def model(self, version: int) -> str:
        """The first 12 hex digits of the digest of the version's model, as the server names itself."""
        with tarfile.open(
            fileobj=io.BytesIO(self._read(self._container(version)["ModelDataUrl"]))
        ) as archive:
            member = archive.extractfile("model.json")
            if member is None:
                raise DemoFailed(f"version {version} has no model.json")
            files = json.loads(member.read())["files"]
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]

    def evaluation(self, version: int) -> tuple[dict[str, object], bytes]:
        """The version's metrics.json and its report as HTML."""
        package = self.package(version)
        if package is None:
            raise DemoFailed(f"there is no version {version}")
        described = self.sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
        metrics = described["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]
        return json.loads(self._read(metrics)), self._read(metrics.rpartition("/")[0] + "/report.html")

    def in_service(self) -> bool:
        """Whether the endpoint serves and its stack has settled."""
        listed = self.sagemaker.list_endpoints(NameContains=PROJECT)["Endpoints"]
        stack = self.cloudformation.describe_stacks(StackName=f"{PROJECT}-serving")["Stacks"][0]
        return any(endpoint["EndpointStatus"] == "InService" for endpoint in listed) and not stack[
            "StackStatus"
        ].endswith("IN_PROGRESS")

    def api(self) -> Api:
        """The API in front of the endpoint."""
        return Api(
            session.api_address(self.outputs("serving")["ApiUrl"].rstrip("/") + "/predict"),
            access_key=os.environ["AWS_ACCESS_KEY_ID"],
            secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
            region=os.environ["AWS_DEFAULT_REGION"],
        )

    def _container(self, version: int) -> dict[str, str]:
        package = self.package(version)
        if package is None:
            raise DemoFailed(f"there is no version {version}")
        described = self.sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
        return dict(described["InferenceSpecification"]["Containers"][0])  # type: ignore[arg-type]

    def _read(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
