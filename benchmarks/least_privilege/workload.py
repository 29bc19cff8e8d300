"""What the product does, part by part; each part fails if a right that it needs is missing."""

from __future__ import annotations

import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

import boto3

from benchmarks.least_privilege.people import PATIENCE, People
from examples.flights import data
from examples.flights.demo.platform import PROJECT, DemoFailed, Platform, until

CHECKOUT = Path(__file__).resolve().parents[2]
EVERY = 4
"""One flight of so many is enough to pass the gate."""


class Workload:
    """The deployed project, with small samples of three months."""

    def __init__(self, samples: Path, people: People) -> None:
        self._people = people
        self.platform = Platform()
        self.sagemaker = boto3.client("sagemaker")
        self.s3 = boto3.client("s3")
        self.storage = self.platform.outputs("storage")
        self.samples = [_thinned(path) for path in data.write(samples, months=range(6, 9))]
        header, *rows = (line.rstrip("\n").split(",") for line in self.samples[1].splitlines()[:40])
        keep = [number for number, name in enumerate(header) if name != "late"]
        self.requests = ["\n".join(",".join(line[n] for n in keep) for line in (header, row)) for row in rows]

    def first_model(self) -> None:
        """From data to an endpoint, by events and one approval."""
        self.retrain()
        self._people.approve(1)
        until("the endpoint", lambda: self._serves(1))
        self.predict()

    def second_model(self) -> None:
        """More data: a second model is approved and replaces the first."""
        self.retrain()
        self._people.approve(2)
        until("the endpoint", lambda: self._serves(2))
        self.predict()

    def retrain(self) -> None:
        """An object lands and causes an execution; the function's settings are accepted, and it logs."""
        boto3.client("lambda").update_function_configuration(
            FunctionName=f"{PROJECT}-retrain", TracingConfig={"Mode": "Active"}
        )
        began, seen = time.time(), len(self.platform.executions())
        sample = self.samples[seen % len(self.samples)]
        self.s3.put_object(
            Bucket=self.storage["IncomingBucket"], Key=f"data/{seen}.csv", Body=sample.encode()
        )
        execution = until("an execution", lambda: self.platform.executions()[seen:], seconds=PATIENCE)[0]
        until("its end", lambda: self.platform.finished(execution["PipelineExecutionArn"]))
        group = f"/aws/lambda/{PROJECT}-retrain"
        until("a line in the function's log", lambda: _logged(group, began), seconds=PATIENCE)

    def train(self) -> None:
        """An execution as a person starts it; the flow log of the network tells of its jobs.

        It learns slowly, so that it is worth a checkpoint.
        """
        began = time.time()
        arn = self._start(rounds="2000", early_stopping="2000", eta="0.005")
        until("the execution's end", lambda: self.platform.finished(arn))
        if not self._flow_logged(began):
            raise DemoFailed("the flow log of the network has nothing of the execution")

    def stop_executions(self) -> None:
        """Stop one execution while it prepares, another while it trains."""
        for step in ("Prepare", "Train"):
            self._stop(self._start(), step)

    def _stop(self, execution: str, step: str) -> None:
        until(f"{step} under way", lambda: self._job_of(execution, step))
        self.sagemaker.stop_pipeline_execution(
            PipelineExecutionArn=execution, ClientRequestToken=secrets.token_hex(32)
        )

        def stopped() -> bool:
            found = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=execution)
            return found["PipelineExecutionStatus"] == "Stopped"

        until("the execution to stop", stopped)

    def promote(self) -> None:
        """Take the newest approval back, or give it again: the stack follows, and the function logs."""
        boto3.client("lambda").update_function_configuration(
            FunctionName=f"{PROJECT}-promote", TracingConfig={"Mode": "Active"}
        )
        began = time.time()
        listed = self.sagemaker.list_model_packages(
            ModelPackageGroupName=PROJECT, SortBy="CreationTime", SortOrder="Descending"
        )["ModelPackageSummaryList"]
        second = next(package["ModelPackageArn"] for package in listed if package["ModelPackageVersion"] == 2)
        before = self._served()
        # From another state, so that it is a change even where an earlier one had no effect.
        for status in ("PendingManualApproval", "Rejected" if before == second else "Approved"):
            self.sagemaker.update_model_package(ModelPackageArn=second, ModelApprovalStatus=status)
        until("the stack to follow", lambda: self._served() != before, seconds=PATIENCE)
        until("the endpoint", self.platform.in_service)
        group = f"/aws/lambda/{PROJECT}-promote"
        until("a line in the function's log", lambda: _logged(group, began), seconds=PATIENCE)

    def roll_back(self) -> None:
        """Approve a model whose server dies: it is rejected, with the reason."""
        # In the repository of our own image, the only one that the role may pull from.
        tag = self.platform.outputs("training")["ImageUri"].rpartition(":")[0] + ":dies"
        image = str(CHECKOUT / "tests" / "loop" / "images" / "dies")
        _docker("build", "--tag", tag, "--platform", "linux/amd64", image)
        _docker("push", tag)
        package = self.sagemaker.create_model_package(
            ModelPackageGroupName=PROJECT,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification={
                "Containers": [{"Image": tag}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )["ModelPackageArn"]
        self._people.approve(int(package.rpartition("/")[2]))

        def rejected() -> bool:
            described = self.sagemaker.describe_model_package(ModelPackageName=package)
            return described["ModelApprovalStatus"] == "Rejected"

        until("the rejection", rejected)
        until("the endpoint", self.platform.in_service)

    def look(self) -> None:
        """Ask for flights that nobody has seen the like of: looks find that the calls have changed."""
        began = time.time()
        self._ask([_longer(request) for request in self.requests])
        self._captured_since(began)
        self._people.look()

    def predict(self) -> None:
        """Ask through the API."""
        self._ask(self.requests)

    def _ask(self, requests: list[str]) -> None:
        api = self.platform.api()
        for request in requests:
            answer = api.predict(request)
            if answer.status != 200:
                raise DemoFailed(f"POST /predict answered {answer.status}: {answer.body.decode()}")

    def roll_out(self) -> None:
        """Roll the endpoint over to a copy of its configuration; its answers are captured."""
        endpoint = self.sagemaker.describe_endpoint(EndpointName=PROJECT)
        config: dict[str, Any] = dict(
            self.sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
        )
        name = f"copy-{secrets.token_hex(4)}"
        copied = ("ProductionVariants", "DataCaptureConfig", "KmsKeyId")
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, **{member: config[member] for member in copied}
        )
        began = time.time()
        self.sagemaker.update_endpoint(
            EndpointName=PROJECT,
            EndpointConfigName=name,
            DeploymentConfig=endpoint["LastDeploymentConfig"],
        )
        until("the end of the rollout", self.platform.in_service)
        if self.sagemaker.describe_endpoint(EndpointName=PROJECT)["EndpointConfigName"] != name:
            raise DemoFailed("the rollout was taken back")
        self.predict()
        self._captured_since(began)

    def _captured_since(self, began: float) -> None:
        until("captured traffic", lambda: self._newer("CapturedBucket", "traffic/", began), seconds=PATIENCE)

    def _start(self, **parameters: str) -> str:
        return self.sagemaker.start_pipeline_execution(
            PipelineName=f"{PROJECT}-training",
            ClientRequestToken=secrets.token_hex(32),
            PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items()],
        )["PipelineExecutionArn"]

    def _job_of(self, execution: str, step: str) -> bool:
        """Whether the step's job is under way; raises `DemoFailed` if the execution has ended."""
        steps = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution)
        found = {item["StepName"]: item for item in steps["PipelineExecutionSteps"]}
        if self.platform.finished(execution):
            raise DemoFailed(f"the execution was over before {step} could be stopped")
        return step in found and found[step]["StepStatus"] == "Executing" and "Metadata" in found[step]

    def _serves(self, version: int) -> bool:
        return self._served().endswith(f"/{version}") and self.platform.in_service()

    def _served(self) -> str:
        stack = boto3.client("cloudformation").describe_stacks(StackName=f"{PROJECT}-serving")["Stacks"][0]
        return next(
            parameter["ParameterValue"]
            for parameter in stack["Parameters"]
            if parameter["ParameterKey"] == "ModelPackageArn"
        )

    def _newer(self, bucket: str, prefix: str, began: float) -> bool:
        listed = self.s3.list_objects_v2(Bucket=self.storage[bucket], Prefix=prefix).get("Contents", [])
        return any(found["LastModified"].timestamp() >= int(began) for found in listed)

    def _flow_logged(self, began: float) -> bool:
        network = boto3.client("cloudformation").describe_stack_resources(StackName=f"{PROJECT}-network")
        (group,) = (
            found["PhysicalResourceId"]
            for found in network["StackResources"]
            if found["ResourceType"] == "AWS::Logs::LogGroup"
        )
        return _logged(group, began)


def _thinned(month: Path) -> str:
    header, *lines = month.read_text().splitlines(keepends=True)
    return header + "".join(lines[::EVERY])


def _longer(request: str) -> str:
    """A request for a flight of a hundred times its distance."""
    header, row = (line.split(",") for line in request.split("\n"))
    number = header.index("distance")
    row[number] = str(100 * float(row[number]))
    return "\n".join(",".join(line) for line in (header, row))


def _logged(group: str, began: float) -> bool:
    """Whether the log group has a line from after that moment."""
    asked = boto3.client("logs").filter_log_events(logGroupName=group, startTime=int(began * 1000), limit=1)
    return bool(asked["events"])


def _docker(*arguments: str) -> None:
    done = subprocess.run([os.environ["CDK_DOCKER"], *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise DemoFailed(f"docker {' '.join(arguments)} failed: {done.stdout}{done.stderr}")
