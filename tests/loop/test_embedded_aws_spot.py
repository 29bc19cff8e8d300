"""The platform's own image on a managed spot instance that is taken away in the middle of a training."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.flights import data
from local.cloud import Cloud
from tests.loop.archives import unpacked
from tests.loop.deployed import CHECKOUT
from tests.loop.own_cloud import image_of, own_cloud, push
from tests.loop.raw_stacks import Json, allow, client_of, create_role, eventually

PROGRAMS = CHECKOUT / "containers" / "python"
REPOSITORY = "sageloop"
IMAGE = image_of(REPOSITORY)
BUCKET = "spot-data"
# Some seconds of training: the interruption comes after the first checkpoint and before the last round.
ROUNDS = "1000"


@pytest.fixture(scope="module")
def spot_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """An AWS that takes every spot instance away after two seconds, with a month of flights prepared."""
    directory = tmp_path_factory.mktemp("spot")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SAGELOOP_SPOT_INTERRUPTION_SECONDS", "2")
        with own_cloud(directory / "aws") as cloud:
            push(cloud, PROGRAMS, REPOSITORY)
            s3 = client_of(cloud, "s3")
            s3.create_bucket(Bucket=BUCKET)
            for channel in ("train", "schema"):
                for path in (prepared(directory / "job") / channel).iterdir():
                    s3.upload_file(str(path), BUCKET, f"{channel}/{path.name}")
            service = {"Service": "sagemaker.amazonaws.com"}
            create_role(client_of(cloud, "iam"), "training", service, allow("*", "*"))
            yield cloud


def prepared(directory: Path) -> Path:
    """The channels train and schema."""
    made = directory / "processing" / "output"
    if not made.exists():
        data.write(directory / "processing/input/data", months=[1])
        environment = os.environ | {"SAGEMAKER_BASE_DIR": str(directory), "PYTHONPATH": str(PROGRAMS)}
        command = [sys.executable, "-P", "-m", "prepare", "--target", "late", "--time", "time_hour"]
        subprocess.run(command, env=environment, check=True, capture_output=True)
    return made


def begin(cloud: Cloud, name: str, **changes: Any) -> None:
    source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
    client_of(cloud, "sagemaker").create_training_job(
        TrainingJobName=name,
        HyperParameters={
            "target": "late",
            "rounds": ROUNDS,
            "early_stopping": ROUNDS,
            "subsample": "0.8",
            "colsample_bytree": "0.8",
        },
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn="arn:aws:iam::000000000000:role/training",
        InputDataConfig=[
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {**source, "S3Uri": f"s3://{BUCKET}/{channel}/"}},
            }
            for channel in ("train", "schema")
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        **{"StoppingCondition": {"MaxRuntimeInSeconds": 600}, **changes},
    )


def ended(cloud: Cloud, name: str) -> Json:
    sagemaker = client_of(cloud, "sagemaker")

    def look() -> Any:
        job = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] != "InProgress" else None

    job: Json = eventually(look, 180)
    assert job, sagemaker.describe_training_job(TrainingJobName=name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    return job


def model_of(cloud: Cloud, job: Json) -> bytes:
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    archive = client_of(cloud, "s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return unpacked(archive, "model.ubj")


def log_of(cloud: Cloud, name: str) -> list[str]:
    logs, group = client_of(cloud, "logs"), {"logGroupName": "/aws/sagemaker/TrainingJobs"}
    streams = logs.describe_log_streams(**group, logStreamNamePrefix=f"{name}/")["logStreams"]
    pages = logs.get_paginator("filter_log_events").paginate(
        **group, logStreamNames=[stream["logStreamName"] for stream in streams]
    )
    return [event["message"] for page in pages for event in page["events"]]


@pytest.mark.timeout(300)
def test_an_interrupted_training_ends_with_the_undisturbed_model(spot_cloud: Cloud) -> None:
    begin(spot_cloud, "undisturbed")
    begin(
        spot_cloud,
        "interrupted",
        EnableManagedSpotTraining=True,
        CheckpointConfig={"S3Uri": f"s3://{BUCKET}/checkpoints/"},
        StoppingCondition={"MaxRuntimeInSeconds": 600, "MaxWaitTimeInSeconds": 3600},
    )
    undisturbed, interrupted = ended(spot_cloud, "undisturbed"), ended(spot_cloud, "interrupted")
    stages = [stage["Status"] for stage in interrupted["SecondaryStatusTransitions"]]
    assert stages.count("Interrupted") == 1
    assert any("going on from the checkpoint after" in line for line in log_of(spot_cloud, "interrupted"))
    assert not any("checkpoint" in line for line in log_of(spot_cloud, "undisturbed"))
    assert model_of(spot_cloud, interrupted) == model_of(spot_cloud, undisturbed)
    assert interrupted["BillableTimeInSeconds"] < interrupted["TrainingTimeInSeconds"]
