"""Jobs in AWS's own framework images, whose scripts come from S3 with the rights of the job's role."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.loop.archives import packed, unpacked
from tests.loop.raw_stacks import (
    Json,
    allow,
    att,
    container_rights,
    delete_all,
    eventually,
    outputs,
    ref,
    role,
    stack,
)

REPOSITORY = "683313688378:repository/sagemaker-scikit-learn"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
SCRIPT = """
import argparse, pathlib, sklearn
parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
depth = parser.parse_args().depth
pathlib.Path("/opt/ml/model/said").write_text(f"{sklearn.__version__} {depth}")
"""
Clients = Callable[..., Any]


@pytest.fixture(scope="module")
def made(client: Clients) -> Iterator[dict[str, str]]:
    """A bucket with the script, and two roles of which one may not read it."""
    usual = [
        allow("s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/models/*"}),
        *container_rights(REPOSITORY),
    ]
    reads = [
        allow("s3:GetObject", {"Fn::Sub": "${Bucket.Arn}/code/*"}),
        allow("s3:ListBucket", att("Bucket", "Arn")),
    ]
    resources = {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Reader": role("sagemaker.amazonaws.com", *usual, *reads),
        "Stranger": role("sagemaker.amazonaws.com", *usual),
    }
    shown = outputs(Bucket=ref("Bucket"), Reader=att("Reader", "Arn"), Stranger=att("Stranger", "Arn"))
    with stack(client, "frameworks", resources, Outputs=shown) as made:
        client("s3").put_object(
            Bucket=made["Bucket"], Key="code/sourcedir.tar.gz", Body=packed("train.py", SCRIPT)
        )
        yield made
        delete_all(client("s3"), made["Bucket"])


def test_a_script_comes_from_s3(client: Clients, made: dict[str, str]) -> None:
    job = _train(client, made, "reads", made["Reader"])
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    bucket, key = made["Bucket"], "models/reads/output/model.tar.gz"
    body = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert unpacked(body, "said") == b"1.9.0 3"


def test_a_role_without_the_right_to_read_the_script_fails_the_job(
    client: Clients, made: dict[str, str]
) -> None:
    reason = _train(client, made, "stranger", made["Stranger"])["FailureReason"]
    assert reason.startswith("AlgorithmError: The script's folder s3://")
    assert "(403)" in reason or "AccessDenied" in reason


def test_a_job_that_is_cut_off_needs_the_script_as_a_channel(client: Clients, made: dict[str, str]) -> None:
    reason = _train(client, made, "alone", made["Reader"], EnableNetworkIsolation=True)["FailureReason"]
    assert "gets it as an input channel" in reason
    inside = "/opt/ml/input/data/code/sourcedir.tar.gz"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{made['Bucket']}/code/"}
    channel = {"ChannelName": "code", "DataSource": {"S3DataSource": source}}
    members: Json = {"EnableNetworkIsolation": True, "InputDataConfig": [channel]}
    job = _train(client, made, "channel", made["Reader"], inside, **members)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")


def test_an_image_of_aws_that_cannot_run_here_is_one_sentence(client: Clients, made: dict[str, str]) -> None:
    image = IMAGE.replace("1.9-0", "0.23-1")
    algorithm = {"TrainingImage": image, "TrainingInputMode": "File"}
    job = _train(client, made, "old", made["Reader"], AlgorithmSpecification=algorithm)
    assert job["FailureReason"].startswith(
        f"ClientError: AWS's image {image} has no stand-in on this machine"
    )


def _train(
    client: Clients, made: dict[str, str], name: str, role_arn: str, source: str = "", **members: Any
) -> Json:
    sagemaker, bucket = client("sagemaker"), made["Bucket"]
    told = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": source or f"s3://{bucket}/code/sourcedir.tar.gz",
        "depth": "3",
    }
    request = {
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "OutputDataConfig": {"S3OutputPath": f"s3://{bucket}/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
        "HyperParameters": told,
        "EnableNetworkIsolation": False,
        **members,
    }
    sagemaker.create_training_job(TrainingJobName=name, RoleArn=role_arn, **request)

    def ended() -> Json | None:
        job: Json = sagemaker.describe_training_job(TrainingJobName=name)
        return job if job["TrainingJobStatus"] in ("Completed", "Failed") else None

    # The first job waits until the stand-in for the image is built.
    found = eventually(ended, 240)
    assert found, json.dumps(sagemaker.describe_training_job(TrainingJobName=name), default=str)
    return found
