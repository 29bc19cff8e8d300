"""A training pipeline and its executions, as SageMaker would describe them."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.exceptions import ClientError

from declaration import Data, Project, Tuning, XGBoost
from pipelines.training import TrainingBindings, definition

BEGIN = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PREFIX = "arn:aws:sagemaker:us-east-1:123456789012"
PIPELINE = f"{PREFIX}:pipeline/flights-training"
BUCKET = "flights-artifacts"
NO_CHAMPION = f"s3://{BUCKET}/no-champion.txt"
BINDINGS = TrainingBindings(
    region="us-east-1",
    image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:one",
    training_image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:one",
    serving_image_uri="123456789012.dkr.ecr.us-east-1.amazonaws.com/jobs:one",
    version="one",
    incoming_bucket="flights-incoming",
    artifacts_bucket=BUCKET,
    no_champion_uri=NO_CHAMPION,
    kms_key_arn="arn:aws:kms:us-east-1:123456789012:key/9a0d7b14-3f3c-4a7e-8a53-6c1c0b7a3a11",
    subnets=["subnet-1"],
    security_groups=["sg-1"],
    model_package_group="flights",
    train_role_arn="arn:aws:iam::123456789012:role/flights-train",
    prepare_role_arn="arn:aws:iam::123456789012:role/flights-prepare",
    evaluate_role_arn="arn:aws:iam::123456789012:role/flights-evaluate",
)


def compiled(tune: int | Tuning | None = None) -> str:
    """The definition of the flights pipeline, from the declaration itself."""
    return definition(Project("flights", data=Data(target="late"), train=XGBoost(), tune=tune), BINDINGS)


def described(tune: int | Tuning | None = None) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """What DescribePipeline answers."""
    role = "arn:aws:iam::123456789012:role/flights-pipeline"
    body = compiled(tune)
    return lambda _: {"PipelineName": "flights-training", "RoleArn": role, "PipelineDefinition": body}


class Runs:
    """Executions that the answers of a test describe; `add` puts a newer one before the others."""

    def __init__(self, aws: boto3.Session, answers: dict[str, Any]) -> None:
        self.started: list[dict[str, Any]] = []
        self._aws = aws
        self._executions: dict[str, dict[str, Any]] = {}
        self._steps: dict[str, list[dict[str, Any]]] = {}
        self._parameters: dict[str, Mapping[str, str]] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        aws.client("s3").create_bucket(Bucket=BUCKET)
        answers["ListPipelineExecutions"] = lambda _: {
            "PipelineExecutionSummaries": [{"PipelineExecutionArn": arn} for arn in self._executions]
        }
        answers["DescribePipelineExecution"] = lambda asked: self._executions[asked["PipelineExecutionArn"]]
        answers["ListPipelineExecutionSteps"] = lambda asked: {
            "PipelineExecutionSteps": self._steps[asked["PipelineExecutionArn"]]
        }
        answers["ListPipelineParametersForExecution"] = lambda asked: {
            "PipelineParameters": [
                {"Name": name, "Value": value}
                for name, value in self._parameters[asked["PipelineExecutionArn"]].items()
            ]
        }
        answers["DescribeProcessingJob"] = lambda asked: self._jobs[asked["ProcessingJobName"]]
        answers["DescribeTrainingJob"] = lambda asked: self._jobs[asked["TrainingJobName"]]
        answers["StartPipelineExecution"] = self._start

    def add(
        self,
        id_: str,
        *steps: str,
        status: str = "Succeeded",
        source: str | None = None,
        **parameters: str,
    ) -> str:
        """An execution with these steps, of which one after a `!` has failed; its ARN."""
        arn = f"{PIPELINE}/execution/{id_}"
        self._executions.pop(arn, None)
        self._executions = {arn: self._execution(arn, status, source, steps), **self._executions}
        self._parameters[arn] = parameters
        self._steps[arn] = [self._step(id_, name, number) for number, name in enumerate(steps)]
        return arn

    def prepared(self, id_: str, *, digest: str = "1" * 64) -> None:
        """What Prepare has left."""
        schema = {
            "files": [{"name": "2013-06.csv", "sha256": digest, "rows": 100, "bytes": 1000}],
            "split": {"train_rows": 80, "holdout_rows": 20, "cut": "2013-06-25", "first": None, "last": None},
            "features": [{"name": "carrier"}, {"name": "distance"}],
        }
        self._output(id_, "Prepare", "schema", {"schema.json": json.dumps(schema)}, [])

    def trained(self, id_: str, **hyperparameters: str) -> None:
        """What Train was told."""
        told = {"algorithm": "xgboost", "problem": "binary", "target": "late", **hyperparameters}
        self._jobs[f"pipelines-{id_}-Train-abc"] = {"HyperParameters": told}

    def evaluated(self, id_: str, auc: float, *, low: float, high: float, report: str = "") -> None:
        """What Evaluate has left; a user's own metric `cost` is better when it is lower."""
        reason = f"auc {auc:.4f} is at least 0.7"
        verdict = {"metric": "auc", "value": auc, "threshold": 0.7, "passed": True, "reason": reason}
        found = {
            "metrics": {"auc": auc, "log_loss": 1 - auc, "cost": 2 - auc},
            "intervals": {"auc": {"low": low, "high": high, "confidence": 0.9}},
            "gate": {**verdict, "passed": 1.0},
            "gates": [verdict],
        }
        files = {"metrics.json": json.dumps(found), "report.html": report or f"<h1>{id_}</h1>"}
        arguments = ["--gate", "auc>=0.7", "--gate", "features:cost<=100", "--margin", "0.0"]
        self._output(id_, "Evaluate", "evaluation", files, arguments)

    def _output(self, id_: str, step: str, name: str, files: Mapping[str, str], arguments: list[str]) -> None:
        for file, text in files.items():
            self._aws.client("s3").put_object(
                Bucket=BUCKET, Key=f"executions/{id_}/{name}/{file}", Body=text.encode()
            )
        uri = f"s3://{BUCKET}/executions/{id_}/{name}"
        self._jobs[f"pipelines-{id_}-{step}-abc"] = {
            "AppSpecification": {"ImageUri": "jobs", "ContainerArguments": arguments},
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": name, "S3Output": {"S3Uri": uri}}]},
        }

    def _execution(self, arn: str, status: str, source: str | None, steps: tuple[str, ...]) -> dict[str, Any]:
        selection: dict[str, Any] = {}
        if source:
            chosen = [{"StepName": name} for name in steps]
            selection = {"SelectedSteps": chosen, "SourcePipelineExecutionArn": source}
        return {
            "PipelineExecutionArn": arn,
            "PipelineExecutionStatus": status,
            "CreationTime": BEGIN,
            "LastModifiedTime": BEGIN + timedelta(seconds=90),
            **({"SelectiveExecutionConfig": selection} if selection else {}),
        }

    def _step(self, id_: str, name: str, number: int) -> dict[str, Any]:
        failed = name.startswith("!")
        name = name.removeprefix("!")
        begun = BEGIN + timedelta(seconds=10 * number)
        kind = {
            "Train": "TrainingJob",
            "Tune": "TuningJob",
            "Gate": "Condition",
            "Intake": "Condition",
            "Predict": "TransformJob",
        }
        about = {"Arn": f"{PREFIX}:job/pipelines-{id_}-{name}-abc"}
        metadata: dict[str, Any] = {kind.get(name, "ProcessingJob"): about}
        if name == "Register":
            metadata = {"RegisterModel": {"Arn": f"{PREFIX}:model-package/flights/1"}}
        if name == "Tune":
            metadata = {"TuningJob": {"Arn": f"{PREFIX}:hyper-parameter-tuning-job/{id_}-Tune-abc"}}
        return {
            "StepName": name,
            "StepStatus": "Failed" if failed else "Succeeded",
            "StartTime": begun,
            "EndTime": begun + timedelta(seconds=9),
            "Metadata": metadata,
            **({"FailureReason": f"{name} failed"} if failed else {}),
        }

    def _start(self, request: dict[str, Any]) -> dict[str, str]:
        self.started.append(request)
        return {"PipelineExecutionArn": f"{PIPELINE}/execution/started0001"}


def denied(operation: str) -> Callable[[object], None]:
    """An answer that refuses the caller."""

    def refuse(_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)

    return refuse
