"""The two deployed projects as the year sees them, through the AWS API and the `sageloop` commands."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import boto3
import numpy as np
import polars as pl
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from cli import session
from examples import library
from examples.flights.demo.platform import DemoFailed
from examples.flights.year.cost import Job
from examples.flights.year.months import TARGET, Call

IN_FLIGHT = ("Executing", "Stopping")
INFERENCE_ID = "X-Amzn-SageMaker-Inference-Id"
CALLERS = 4
Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Model:
    """A version of a project's model, unpacked; it predicts by its training library alone."""

    version: int
    directory: Path
    schema: dict[str, Any]

    @property
    def digest(self) -> str:
        """Of the files of what was learnt: the same model always has the same."""
        files = json.loads((self.directory / "model.json").read_text())["files"]
        return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:12]

    def scores(self, flights: pl.DataFrame) -> Array:
        """The probability of each flight to be late."""
        raw = flights.drop(TARGET).select(pl.all().cast(pl.String))
        return library.predictions(self.directory, raw, self.schema)[1].ravel()


@dataclass(frozen=True)
class Failure:
    """A step that ended an execution, and what it said."""

    step: str
    reason: str


class Watched:
    """One project."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._sagemaker, self._s3 = boto3.client("sagemaker"), boto3.client("s3")
        self._sqs, self._dynamodb = boto3.client("sqs"), boto3.client("dynamodb")
        self._cloudformation = boto3.client("cloudformation")
        self._storage = self._outputs("storage")
        self._queues = [
            url for url in self._sqs.list_queues(QueueNamePrefix=f"{name}-").get("QueueUrls", [])
            if not url.endswith("-dead-letters")
        ]  # fmt: skip
        self._models: dict[int, Model] = {}
        self._unpacked = Path(tempfile.mkdtemp(prefix=f"{name}-"))

    def put(self, key: str, text: str) -> None:
        """An object lands in the bucket for incoming data."""
        self._s3.put_object(Bucket=self._storage["IncomingBucket"], Key=key, Body=text.encode())

    def keys(self, prefix: str) -> list[str]:
        """The objects of that bucket below a prefix."""
        return self._keys("IncomingBucket", prefix)

    def reason(self, key: str) -> str:
        """Why an object was put into quarantine."""
        head = self._s3.head_object(Bucket=self._storage["IncomingBucket"], Key=key)
        # Metadata holds no other text than ASCII, so that the reason is quoted.
        return unquote(head["Metadata"].get("reason", ""))

    def executions(self, pipeline: str = "training") -> list[Any]:
        """All executions of a pipeline, oldest first."""
        pages = self._sagemaker.get_paginator("list_pipeline_executions").paginate(
            PipelineName=f"{self.name}-{pipeline}", SortBy="CreationTime", SortOrder="Ascending"
        )
        return [summary for page in pages for summary in page["PipelineExecutionSummaries"]]

    def version(self) -> int:
        """The newest approved version, which is in force; 0 before the first."""
        listed = self._sagemaker.list_model_packages(
            ModelPackageGroupName=self.name,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )["ModelPackageSummaryList"]
        return listed[0]["ModelPackageVersion"] if listed else 0

    def model(self, version: int) -> Model:
        """A version, for predictions without the platform."""
        if version not in self._models:
            self._models[version] = self._fetch(version)
        return self._models[version]

    def at_rest(self) -> bool:
        """Whether no event waits, nothing runs and nothing is owed, of which its functions know."""
        asked: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        for url in self._queues:
            counted = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=asked)["Attributes"]
            if any(int(value) for value in counted.values()):
                return False
        training, looking = self._state("training"), self._state("monitoring")
        owed = training.get("requested") != training.get("covered")
        # New data that were found to be too few wait for more of them.
        owed &= training.get("requested") != training.get("measured_at")
        return not (owed or _running(training) or _running(looking) or self._deploying())

    def _deploying(self) -> bool:
        stacks = self._cloudformation.describe_stacks()["Stacks"]
        return any(
            stack["StackName"] == f"{self.name}-serving" and stack["StackStatus"].endswith("IN_PROGRESS")
            for stack in stacks
        )

    def findings(self) -> list[dict[str, Any]]:
        """What the looks have found, oldest first."""
        bucket = self._storage["ArtifactsBucket"]
        keys = [key for key in self._keys("ArtifactsBucket", "monitoring/") if key.endswith("findings.json")]
        return [
            json.loads(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in sorted(keys)
        ]

    def jobs(self, pipeline: str) -> list[list[Job]]:
        """The jobs that each execution of a pipeline ran, oldest first."""
        return [
            [
                self._billed(step["StepName"], kind, job["Arn"].rpartition("/")[2])
                for step in self._steps(execution["PipelineExecutionArn"])
                for kind, job in step.get("Metadata", {}).items()
                if kind in ("ProcessingJob", "TrainingJob")
            ]
            for execution in self.executions(pipeline)
        ]

    def failures(self) -> list[Failure]:
        """The steps at which executions of the training pipeline ended without a model, oldest first."""
        return [
            Failure(step["StepName"], step.get("FailureReason", ""))
            for execution in self.executions()
            if execution["PipelineExecutionStatus"] == "Failed"
            for step in self._steps(execution["PipelineExecutionArn"])
            if step["StepStatus"] == "Failed"
        ]

    def ask(self, calls: Sequence[Call]) -> Array:
        """The scores of the model in service, through the API; raises DemoFailed if a call fails."""
        url = session.api_address(self._outputs("serving")["ApiUrl"].rstrip("/") + "/predict")
        signer = SigV4Auth(
            Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]),
            "execute-api",
            os.environ["AWS_DEFAULT_REGION"],
        )
        pool = urllib3.PoolManager(maxsize=CALLERS, retries=False, timeout=urllib3.Timeout(30))

        def one(call: Call) -> list[float]:
            headers = {"Content-Type": "text/csv", "Accept": "text/csv", INFERENCE_ID: call.id}
            request = AWSRequest("POST", url, data=call.body.encode(), headers=headers)
            signer.add_auth(request)
            answer = pool.request("POST", url, body=request.data, headers=dict(request.headers))
            if answer.status != 200:
                raise DemoFailed(
                    f"call {call.id} was answered with {answer.status}: {answer.data.decode()[:200]}"
                )
            return [float(line) for line in answer.data.split()]

        with ThreadPoolExecutor(CALLERS) as threads:
            return np.array([score for scores in threads.map(one, calls) for score in scores])

    def _steps(self, execution: str) -> list[Any]:
        pages = self._sagemaker.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=execution, SortOrder="Ascending"
        )
        return [step for page in pages for step in page["PipelineExecutionSteps"]]

    def _billed(self, step: str, kind: str, name: str) -> Job:
        if kind == "TrainingJob":
            training = self._sagemaker.describe_training_job(TrainingJobName=name)
            seconds = float(training.get("BillableTimeInSeconds", 0))
            return step, training["ResourceConfig"]["InstanceType"], seconds
        job = self._sagemaker.describe_processing_job(ProcessingJobName=name)
        instance = job["ProcessingResources"]["ClusterConfig"]["InstanceType"]
        took = job["ProcessingEndTime"] - job["ProcessingStartTime"]
        return step, instance, took.total_seconds()

    def _fetch(self, version: int) -> Model:
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=self.name)
        listed = [found for page in pages for found in page["ModelPackageSummaryList"]]
        arn = next(one["ModelPackageArn"] for one in listed if one["ModelPackageVersion"] == version)
        described: Any = self._sagemaker.describe_model_package(ModelPackageName=arn)
        uri = described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        packed = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        directory = self._unpacked / str(version)
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(directory, filter="data")
        return Model(version, directory, json.loads((directory / "schema.json").read_text()))

    def _keys(self, bucket: str, prefix: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._storage[bucket], Prefix=prefix
        )
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def _state(self, pipeline: str) -> dict[str, Any]:
        answer = self._dynamodb.get_item(
            TableName=f"{self.name}-retraining",
            Key={"pipeline": {"S": f"{self.name}-{pipeline}"}},
            ConsistentRead=True,
        )
        return dict(answer.get("Item", {}))

    def _outputs(self, stack: str) -> dict[str, str]:
        described = self._cloudformation.describe_stacks(StackName=f"{self.name}-{stack}")["Stacks"][0]
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def _running(state: dict[str, Any]) -> bool:
    return "M" in state.get("running", {})
