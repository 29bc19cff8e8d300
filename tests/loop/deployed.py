"""The deployed flights project, as the tests of the whole loop use it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boto3

from cli import session
from examples.flights.demo.traffic import Api

CHECKOUT = Path(__file__).resolve().parents[2]
PROJECT = "flights"
Found = TypeVar("Found")


def until(what: str, look: Callable[[], Found | None], seconds: float = 120) -> Found:
    """Look until there is something; fails the test after the given seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


class Deployed:
    """Commands as a user types them, and the AWS API behind them; counts what should start an execution."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.requests = 0
        self.sagemaker = self.client("sagemaker")
        self.s3 = self.client("s3")
        self.cloudformation = self.client("cloudformation")

    def client(self, service: str) -> Any:
        """A boto3 client of the account's root."""
        connected: Any = boto3.Session(
            aws_access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environment["AWS_DEFAULT_REGION"],
        )
        return connected.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    @property
    def address(self) -> str:
        """Where predictions are asked for."""
        url = self.outputs("serving")["ApiUrl"].rstrip("/") + "/predict"
        return session.api_address(url, self.environment)

    def api(self, access_key: str = "test") -> Api:
        """The API in front of the endpoint, as the holder of this key calls it."""
        region = self.environment["AWS_DEFAULT_REGION"]
        return Api(self.address, access_key=access_key, secret_key="test", region=region)

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """A sageloop command with something on its standard input."""
        return subprocess.run(
            [Path(sys.executable).with_name("sageloop"), *arguments],
            input=typed,
            env=self.environment,
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            check=False,
        )

    def sageloop(self, *arguments: str, typed: str = "") -> str:
        """What a command prints that must succeed."""
        done = self.run(*arguments, typed=typed)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sageloop_json(self, *arguments: str) -> Any:
        """The result of a command for machines."""
        return json.loads(self.sageloop(*arguments, "--json"))

    def sageloop_fails(self, *arguments: str, code: int = 1, typed: str = "") -> str:
        """The one sentence of a command that must fail; its standard output stays empty."""
        done = self.run(*arguments, typed=typed)
        assert done.returncode == code, done.stdout + done.stderr
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        return done.stderr

    def docker(self, *arguments: str) -> None:
        """The program that the CDK calls for Docker."""
        command = [self.environment["CDK_DOCKER"], *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr

    def outputs(self, stack: str) -> dict[str, str]:
        """The outputs of `flights-<stack>`."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack(stack)["Outputs"]}

    def stack(self, name: str) -> dict[str, Any]:
        """What CloudFormation says of `flights-<name>`."""
        described: dict[str, Any] = self.cloudformation.describe_stacks(StackName=f"{PROJECT}-{name}")
        found: dict[str, Any] = described["Stacks"][0]
        return found

    def resource(self, stack: str, logical_id: str) -> str:
        """The physical id of the one resource of `flights-<stack>` whose logical id begins like this."""
        listed = self.cloudformation.list_stack_resources(StackName=f"{PROJECT}-{stack}")
        [found] = [
            resource["PhysicalResourceId"]
            for resource in listed["StackResourceSummaries"]
            if resource["LogicalResourceId"].startswith(logical_id)
        ]
        return str(found)

    @property
    def incoming(self) -> str:
        """The bucket for data."""
        return self.outputs("storage")["IncomingBucket"]

    def put(self, key: str, body: bytes) -> None:
        """Put an object into the incoming bucket, as any program may."""
        self.s3.put_object(Bucket=self.incoming, Key=key, Body=body)
        self.requests += 1

    def has(self, key: str) -> bool:
        """Whether the incoming bucket has an object of this name."""
        listed = self.s3.list_objects_v2(Bucket=self.incoming, Prefix=key, MaxKeys=1)
        return bool(listed["KeyCount"])

    def upload(self, *files: Path) -> None:
        """Put files there by the command."""
        self.sageloop("upload", *map(str, files))
        self.requests += 1

    def wait_less(self) -> None:
        """From now on an execution begins a second after its request; declared are five, in real time."""
        functions, name = self.client("lambda"), f"{PROJECT}-retrain"
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        pace = json.loads(variables["PACE"])
        assert pace["quiet"] == 5
        functions.update_function_configuration(
            FunctionName=name,
            Environment={"Variables": variables | {"PACE": json.dumps(pace | {"quiet": 1})}},
        )

    def retrain(self) -> None:
        """Ask for an execution by the command."""
        self.sageloop("retrain")
        self.requests += 1

    def messages(self) -> int:
        """How many messages the retraining queue holds, waiting, delayed or being handled."""
        answer = self.client("sqs").get_queue_attributes(
            QueueUrl=self.outputs("retraining")["RetrainQueueUrl"], AttributeNames=["All"]
        )
        counts = answer["Attributes"].items()
        return sum(int(value) for name, value in counts if name.startswith("ApproximateNumberOfMessages"))

    def executions(self) -> list[dict[str, Any]]:
        """All executions, oldest first."""
        pages = self.sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=f"{PROJECT}-training", SortBy="CreationTime", SortOrder="Ascending"
        )
        return [summary for page in pages for summary in page["PipelineExecutionSummaries"]]

    def started(self) -> str:
        """The ARN of the execution that the last request caused, when it has begun."""
        last = until("an execution", lambda: self.executions()[self.requests - 1 :])
        assert len(last) == 1, "one request, one execution"
        arn: str = last[0]["PipelineExecutionArn"]
        return arn

    def finished(self, arn: str) -> dict[str, Any]:
        """The execution when it has ended."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
            return found if found["PipelineExecutionStatus"] not in ("Executing", "Stopping") else None

        return until("the end of the execution", ended)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        """The steps of an execution by their names."""
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}

    def failed_step(self) -> dict[str, Any]:
        """The one step that failed of the execution that the last request caused."""
        arn = self.started()
        execution = self.finished(arn)
        assert execution["PipelineExecutionStatus"] == "Failed"
        assert execution["FailureReason"].startswith("Step failure:"), "AWS's own words"
        [failed] = [step for step in self.steps(arn).values() if step["StepStatus"] == "Failed"]
        return failed

    def registered(self) -> str:
        """The package that the execution of the last request registers."""
        before = len(self.packages())
        execution = self.finished(self.started())
        assert execution["PipelineExecutionStatus"] == "Succeeded", self.sageloop("runs")
        after = self.packages()
        assert len(after) == before + 1
        return after[0]

    def packages(self) -> list[str]:
        """The ARNs of all packages, newest first."""
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=PROJECT, SortBy="CreationTime", SortOrder="Descending"
        )
        return [summary["ModelPackageArn"] for page in pages for summary in page["ModelPackageSummaryList"]]

    def package(self, like: str, image: str | None = None) -> str:
        """Register a package with the model data of the package `like`, perhaps of another image; its ARN."""
        inference = self.sagemaker.describe_model_package(ModelPackageName=like)["InferenceSpecification"]
        container = inference["Containers"][0]
        arn: str = self.sagemaker.create_model_package(
            ModelPackageGroupName=PROJECT,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [
                    {"Image": image or container["Image"], "ModelDataUrl": container["ModelDataUrl"]}
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        return arn

    def approval(self, package: str) -> tuple[str, str]:
        """The package's approval status, and why."""
        found = self.sagemaker.describe_model_package(ModelPackageName=package)
        return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")

    def serving(self) -> tuple[str, str]:
        """Status and configuration of the endpoint."""
        found = self.sagemaker.describe_endpoint(EndpointName=PROJECT)
        return found["EndpointStatus"], found["EndpointConfigName"]
