"""A small cloud around the embedded SageMaker: S3 is a directory, roles may do all but what is denied."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.errors import ApiError
from local.host import AccessDenied, Credentials, Metric
from local.images import Image, UnknownImage
from local.model import service_model
from local.sagemaker.service import SageMaker

ROLE = "arn:aws:iam::000000000000:role/pipeline"
JOB_ROLE = "arn:aws:iam::000000000000:role/job"
IMAGE = "000000000000.dkr.ecr.us-east-1.amazonaws.com/assets:1"


def refused(code: str, message: str, status: int, operation: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, operation)


@dataclass
class DiskHost:
    """A host whose S3, logs and events are files, so that they outlive the process."""

    state: Path
    speed: float = 1000.0
    account: str = "000000000000"
    region: str = "us-east-1"
    endpoint_url: str = "http://127.0.0.1:9"
    denied: set[tuple[str, str]] = field(default_factory=set)
    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    metrics: list[tuple[str, Metric]] = field(default_factory=list)
    log_faults: int = 0
    sagemaker: SageMaker | None = None

    def emit(
        self, source: str, detail_type: str, detail: Mapping[str, Any], resources: Sequence[str] = ()
    ) -> None:
        json.dumps(detail)
        self.events.append((detail_type, detail))

    def put_metrics(self, namespace: str, data: Sequence[Metric]) -> None:
        self.metrics += [(namespace, metric) for metric in data]

    def metric(self, *_: Any) -> float | None:
        return None

    def alarm_state(self, name: str) -> str | None:
        return None

    def on_alarm(self, prefix: str, listener: Any) -> None:
        pass

    def write_log(self, group: str, stream: str, lines: Sequence[str]) -> None:
        if self.log_faults:
            self.log_faults -= 1
            raise RuntimeError("the log is out of order")
        path = self.state / "logs" / group.strip("/") / stream
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.writelines(f"{line}\n" for line in lines)

    def logs(self, group: str, job: str) -> str:
        return "".join(p.read_text() for p in (self.state / "logs" / group.strip("/") / job).glob("*"))

    def credentials(self, role_arn: str, session_name: str) -> Credentials:
        return Credentials("key", "secret", "token")

    def client(
        self,
        service: str,
        role_arn: str | None = None,
        session_name: str = "SageMaker",
        subnets: Sequence[str] = (),
    ) -> Any:
        if service == "s3":
            return DiskS3(self, role_arn or "")
        assert service == "sagemaker"
        assert self.sagemaker is not None
        return SageMakerClient(self, role_arn or "", self.sagemaker)

    def require(
        self, role_arn: str, action: str, resource: str, context: Mapping[str, str] | None = None
    ) -> None:
        if (role_arn, action) in self.denied:
            raise AccessDenied(
                f"User: {role_arn} is not authorized to perform: {action} on resource: {resource}"
            )

    def checkpoint(self) -> None:
        pass


class SageMakerClient:
    """What boto3's client does, without HTTP: IAM, the call, and ClientError."""

    def __init__(self, host: DiskHost, role: str, sagemaker: SageMaker) -> None:
        self._host, self._role, self._sagemaker = host, role, sagemaker
        self.meta = self
        self.method_to_api_mapping = {name: name for name in service_model("sagemaker").operation_names}

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            try:
                self._host.require(self._role, f"sagemaker:{operation}", "*")
                return self._sagemaker.call(operation, request)
            except AccessDenied as denied:
                raise refused("AccessDeniedException", str(denied), 400, operation) from None
            except ApiError as error:
                raise refused(error.code, error.message, error.status, operation) from None

        return call


class DiskS3:
    """The few operations of S3 that jobs use, on a directory."""

    def __init__(self, host: DiskHost, role: str) -> None:
        self._host, self._role = host, role
        self.meta = self
        self.method_to_api_mapping = {"get_object": "GetObject", "head_object": "HeadObject"}

    def _require(self, action: str) -> None:
        try:
            self._host.require(self._role, f"s3:{action}", "*")
        except AccessDenied as denied:
            raise refused("AccessDenied", str(denied), 403, action) from None

    def _find(self, bucket: str, key: str) -> Path:
        self._require("GetObject")
        path = self._path(bucket, key)
        if not path.is_file():
            raise refused("NoSuchKey", "The specified key does not exist.", 404, "GetObject")
        return path

    def _path(self, bucket: str, key: str) -> Path:
        return self._host.state / "s3" / bucket / key

    def list_objects_v2(self, *, Bucket: str, Prefix: str = "", **_: Any) -> dict[str, Any]:
        self._require("ListBucket")
        root = self._path(Bucket, "")
        keys = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
        found = [{"Key": key} for key in keys if key.startswith(Prefix)]
        return {"Contents": found, "KeyCount": len(found)}

    def get_paginator(self, _: str) -> "DiskS3":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        yield self.list_objects_v2(**request)

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        try:
            self._find(Bucket, Key)
        except ClientError as error:
            # The answer to HEAD has no body, so only the status is known.
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise refused(str(status), HTTPStatus(status).phrase, status, "HeadObject") from None
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        return {"Body": self._find(Bucket, Key).open("rb")}

    def upload_file(
        self, source: str, bucket: str, key: str, ExtraArgs: Any = None, Config: Any = None
    ) -> None:
        self._require("PutObject")
        path = self._path(bucket, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)


@dataclass
class OneImage:
    """A registry with one image, whose programs are shell scripts in /opt/programs."""

    files: Path

    def resolve(self, uri: str) -> Image:
        if uri != IMAGE:
            raise UnknownImage(f"There is no image {uri}.")
        return Image(
            digest="sha256:" + "0" * 64,
            files=self.files,
            environment={"PATH": "/opt/programs:/usr/bin:/bin"},
            warnings=("line 2: RUN apt-get install r-of-tomorrow",),
        )


PREPARE = """
mkdir -p /opt/ml/processing/output/train
cat $(find /opt/ml/processing/input/data -type f | sort) > /opt/ml/processing/output/train/all.csv
echo prepared
sleep ${PAUSE:-0}
"""
TRAIN = """
sleep ${PAUSE:-0}
wc -l < /opt/ml/input/data/train/all.csv | tr -d ' ' > /opt/ml/model/model.txt
cat /opt/ml/input/config/hyperparameters.json
echo "[1] validation-auc=0.5"
echo "[2] validation-auc=0.75"
"""
EVALUATE = """
sleep ${PAUSE:-0}
tar -xzf /opt/ml/processing/input/model/model.tar.gz -C /tmp
echo "{\\"gate\\": {\\"value\\": $(cat /tmp/model.txt), \\"reason\\": \\"too few rows\\"}}" \
  > /opt/ml/processing/output/evaluation/metrics.json
"""
COMPLAIN = """
echo "The column late is missing." > /opt/ml/output/message
cp /opt/ml/output/message /opt/ml/output/failure
exit 1
"""
SLEEPY = """
trap 'echo told to stop; echo half > /opt/ml/model/model.txt; exit 0' TERM
echo begun
sleep 60 & wait
"""
LACKING = "exec r-of-tomorrow"
PROGRAMS = {
    "lacking": LACKING,
    "prepare": PREPARE,
    "train": TRAIN,
    "evaluate": EVALUATE,
    "complain": COMPLAIN,
    "sleepy": SLEEPY,
}


def small_cloud(state: Path) -> tuple[DiskHost, SageMaker]:
    """The cloud whose state is in that directory; not resumed yet."""
    programs = state / "image" / "opt" / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    for name, text in PROGRAMS.items():
        (programs / name).write_text("#!/bin/sh\nset -e\n" + text)
        (programs / name).chmod(0o755)
    host = DiskHost(state)
    host.sagemaker = SageMaker(host, OneImage(state / "image"))
    return host, host.sagemaker


def put(host: DiskHost, key: str, text: str, bucket: str = "data") -> None:
    path = host.state / "s3" / bucket / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def processing_request(program: str, **environment: str) -> dict[str, Any]:
    """What a processing job needs, but for name, inputs and outputs."""
    return {
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": [program]},
        "RoleArn": JOB_ROLE,
        "Environment": environment,
        "NetworkConfig": {"EnableNetworkIsolation": True},
    }


def processing_input(name: str, uri: Any) -> dict[str, Any]:
    place = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/input/{name}", "S3DataType": "S3Prefix"}
    return {"InputName": name, "S3Input": place}


def processing_output(name: str, uri: Any) -> dict[str, Any]:
    place = {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/output/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": place}


def training_request(uri: Any = "s3://data/train/", **environment: str) -> dict[str, Any]:
    """What a training job needs, but for its name."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "validation:auc", "Regex": r"validation-auc=(\S+)"}],
        },
        "RoleArn": JOB_ROLE,
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": "s3://artifacts/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "EnableNetworkIsolation": True,
        "HyperParameters": {"rounds": "5"},
        "Environment": environment,
    }


def outputs_of(step: str) -> dict[str, Any]:
    """The prefix below which a step of an execution writes."""
    values = ["s3://artifacts/executions", {"Get": "Execution.PipelineExecutionId"}, step]
    return {"Std:Join": {"On": "/", "Values": values}}


def training_pipeline(pause: str = "0") -> dict[str, Any]:
    """Prepare, Train, Evaluate and a gate; the number of rows decides between Register and Rejected."""
    train = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}
    model = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
    value = {
        "Std:JsonGet": {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Metrics"}, "Path": "gate.value"}
    }
    reason = {
        "Std:JsonGet": {
            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Metrics"},
            "Path": "gate.reason",
        }
    }
    least = {"Get": "Parameters.Least"}
    register = {
        "ModelPackageGroupName": "flights",
        "ModelApprovalStatus": {"Get": "Parameters.Approval"},
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": model}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": [
            {"Name": "Input", "Type": "String", "DefaultValue": "s3://data/incoming/"},
            {"Name": "Least", "Type": "Integer", "DefaultValue": 3},
            {
                "Name": "Approval",
                "Type": "String",
                "DefaultValue": "PendingManualApproval",
                "EnumValues": ["PendingManualApproval", "Approved"],
            },
        ],
        "Steps": [
            {
                "Name": "Prepare",
                "Type": "Processing",
                "Arguments": {
                    **processing_request("prepare", PAUSE=pause),
                    "ProcessingInputs": [processing_input("data", {"Get": "Parameters.Input"})],
                    "ProcessingOutputConfig": {"Outputs": [processing_output("train", outputs_of("train"))]},
                },
            },
            {
                "Name": "Train",
                "Type": "Training",
                "Arguments": {
                    **training_request(train, PAUSE=pause),
                    "OutputDataConfig": {"S3OutputPath": outputs_of("Train")},
                },
            },
            {
                "Name": "Evaluate",
                "Type": "Processing",
                "Arguments": {
                    **processing_request("evaluate", PAUSE=pause),
                    "ProcessingInputs": [processing_input("model", model)],
                    "ProcessingOutputConfig": {
                        "Outputs": [processing_output("evaluation", outputs_of("evaluation"))]
                    },
                },
                "PropertyFiles": [
                    {"PropertyFileName": "Metrics", "OutputName": "evaluation", "FilePath": "metrics.json"}
                ],
            },
            {
                "Name": "Gate",
                "Type": "Condition",
                "Arguments": {
                    "Conditions": [{"Type": "GreaterThanOrEqualTo", "LeftValue": value, "RightValue": least}],
                    "IfSteps": [{"Name": "Register", "Type": "RegisterModel", "Arguments": register}],
                    "ElseSteps": [
                        {
                            "Name": "Rejected",
                            "Type": "Fail",
                            "Arguments": {
                                "ErrorMessage": {
                                    "Std:Join": {
                                        "On": " ",
                                        "Values": ["rows", value, "below", least, "because", reason],
                                    }
                                }
                            },
                        }
                    ],
                },
            },
        ],
    }


def create_pipeline(sagemaker: SageMaker, definition: dict[str, Any], name: str = "training") -> None:
    sagemaker.call(
        "CreatePipeline",
        {
            "PipelineName": name,
            "PipelineDefinition": json.dumps(definition),
            "RoleArn": ROLE,
            "ClientRequestToken": "t" * 32,
        },
    )


def start(sagemaker: SageMaker, letter: str = "s", **parameters: str) -> str:
    request = {
        "PipelineName": "training",
        "ClientRequestToken": letter * 32,
        "PipelineParameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
    }
    return str(sagemaker.call("StartPipelineExecution", request)["PipelineExecutionArn"])


def wait_for_end(sagemaker: SageMaker, arn: str) -> dict[str, Any]:
    """The execution, once it has ended."""

    def execution() -> dict[str, Any]:
        return sagemaker.call("DescribePipelineExecution", {"PipelineExecutionArn": arn})

    ended = ("Succeeded", "Failed", "Stopped")
    assert sagemaker.context.store.wait(lambda: execution()["PipelineExecutionStatus"] in ended, 60)
    return execution()


def steps(sagemaker: SageMaker, arn: str) -> dict[str, dict[str, Any]]:
    answer = sagemaker.call("ListPipelineExecutionSteps", {"PipelineExecutionArn": arn})
    return {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}
