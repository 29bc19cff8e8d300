"""The same tuning job through boto3: the service must try just what the engine tries in process."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import boto3

from benchmarks.tuning.arms import Trial
from benchmarks.tuning.data_sets import PROGRAMS, ROOT, DataSet
from benchmarks.tuning.request import tuning_request
from benchmarks.tuning.training import ONE_THREAD
from declaration import Tuning
from local import cloud
from local.images import ImageStore
from local.images.build import build

STATE = ROOT / ".sageloop" / "bench" / "tuning-service"
LONGEST_PER_TRIAL = 20.0
_NAME = "tuning-bench"


def trials(data_set: DataSet, channels: Path, tuning: Tuning) -> list[Trial]:
    """Start an embedded AWS, run the tuning job there, and return its trials in order."""
    shutil.rmtree(STATE, ignore_errors=True)
    try:
        os.environ.update(cloud.start(STATE).environment())
        return _run(data_set, channels, tuning)
    finally:
        cloud.stop(STATE)


def _run(data_set: DataSet, channels: Path, tuning: Tuning) -> list[Trial]:
    sagemaker: Any = boto3.client("sagemaker")
    account = boto3.client("sts").get_caller_identity()["Account"]
    image = f"{account}.dkr.ecr.{os.environ['AWS_REGION']}.amazonaws.com/{_NAME}:latest"
    store = ImageStore(cloud.IMAGES)
    with store.publishing(image, build(store, PROGRAMS).digest):
        sagemaker.create_hyper_parameter_tuning_job(
            **tuning_request(data_set, tuning, _NAME, _training_job(channels, image))
        )
        deadline = time.monotonic() + tuning.trials * LONGEST_PER_TRIAL
        while (described := sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=_NAME))[
            "HyperParameterTuningJobStatus"
        ] == "InProgress":
            if time.monotonic() > deadline:
                raise TimeoutError("The tuning job did not end in time.")
            time.sleep(0.1)
    if described["HyperParameterTuningJobStatus"] != "Completed":
        raise RuntimeError(f"The tuning job failed: {described.get('FailureReason')}")
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=_NAME, SortBy="Name", SortOrder="Ascending"
    )
    return [
        Trial(
            item["TunedHyperParameters"], float(item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
        )
        for page in pages
        for item in page["TrainingJobSummaries"]
    ]


def _training_job(channels: Path, image: str) -> dict[str, Any]:
    """What CreateTrainingJob needs besides the hyperparameters; the channels are uploaded."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=_NAME)
    for channel in ("train", "schema"):
        for path in (channels / channel).iterdir():
            s3.upload_file(str(path), _NAME, f"{channel}/{path.name}")
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    return {
        "AlgorithmSpecification": {"TrainingImage": image},
        "RoleArn": _role(),
        "InputDataConfig": [
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {**source, "S3Uri": f"s3://{_NAME}/{channel}/"}},
            }
            for channel in ("train", "schema")
        ],
        "OutputDataConfig": {"S3OutputPath": f"s3://{_NAME}/output"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "EnableNetworkIsolation": True,
        "Environment": ONE_THREAD,
    }


def _role() -> str:
    iam = boto3.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    anything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    role = iam.create_role(RoleName=_NAME, AssumeRolePolicyDocument=_policy(trust))["Role"]
    iam.put_role_policy(RoleName=_NAME, PolicyName="all", PolicyDocument=_policy(anything))
    return str(role["Arn"])


def _policy(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
