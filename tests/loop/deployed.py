"""The deployed flights project, as the tests of the whole loop use it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = "flights"


def until(what: str, look: Callable[[], Any], seconds: float = 120) -> Any:
    """Look until there is something; fails the test after the given seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


class Deployed:
    """Commands as a user types them, and the AWS API behind them."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment
        keys = {
            "aws_access_key_id": environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": environment["AWS_SECRET_ACCESS_KEY"],
            "region_name": environment["AWS_DEFAULT_REGION"],
        }
        session = boto3.Session(**keys)

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=environment["AWS_ENDPOINT_URL"])

        self.client = client
        self.sagemaker = client("sagemaker")
        self.s3 = client("s3")
        self.cloudformation = client("cloudformation")
        self._seen = 0

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("sageloop")), *arguments]
        return subprocess.run(
            command, env=self._environment, cwd=CHECKOUT, capture_output=True, text=True, check=False
        )

    def sageloop(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sageloop_fails(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout + done.stderr

    def outputs(self, stack: str) -> dict[str, str]:
        found = self.cloudformation.describe_stacks(StackName=f"{PROJECT}-{stack}")["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}

    def put(self, key: str, body: bytes) -> None:
        self._seen = len(self.executions())
        self.s3.put_object(Bucket=self.outputs("storage")["IncomingBucket"], Key=key, Body=body)

    def get(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.outputs("storage")["IncomingBucket"], Key=key)["Body"].read()

    def delete(self, key: str) -> None:
        self.s3.delete_object(Bucket=self.outputs("storage")["IncomingBucket"], Key=key)

    def executions(self) -> list[dict[str, Any]]:
        listed = self.sagemaker.list_pipeline_executions(
            PipelineName=f"{PROJECT}-training", SortOrder="Ascending", MaxResults=100
        )
        return listed["PipelineExecutionSummaries"]

    def next_execution(self) -> dict[str, Any]:
        """The execution that the last `put` caused, when it has ended."""
        summary = until("an execution", lambda: self.executions()[self._seen :])[0]
        arn = summary["PipelineExecutionArn"]

        def ended() -> dict[str, Any] | None:
            found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return found if found["PipelineExecutionStatus"] not in ("Executing", "Stopping") else None

        return until("the end of the execution", ended)

    def packages(self) -> list[dict[str, Any]]:
        """All packages, newest first."""
        listed = self.sagemaker.list_model_packages(
            ModelPackageGroupName=PROJECT, SortBy="CreationTime", SortOrder="Descending"
        )
        return listed["ModelPackageSummaryList"]

    def package(self, image: str, like: str | None = None) -> str:
        """Register a package of another image, with the model data of the package `like`; returns its ARN."""
        data = {}
        if like:
            described = self.sagemaker.describe_model_package(ModelPackageName=like)
            data = {"ModelDataUrl": described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]}
        return self.sagemaker.create_model_package(
            ModelPackageGroupName=PROJECT,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": image, **data}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]

    def approval(self, package: str) -> tuple[str, str]:
        found = self.sagemaker.describe_model_package(ModelPackageName=package)
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")

    def stack_status(self, stack: str = "serving") -> str:
        return self.cloudformation.describe_stacks(StackName=f"{PROJECT}-{stack}")["Stacks"][0]["StackStatus"]

    def status(self) -> dict[str, Any]:
        return json.loads(self.sageloop("status", "--json"))

    def docker(self, *arguments: str) -> str:
        done = subprocess.run(
            [self._environment["CDK_DOCKER"], *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
