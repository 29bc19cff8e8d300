"""A tuning job through boto3: rights, trials in containers, the best of them, a kill in the middle."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import cloud as clouds
from local.cloud import Cloud
from tests.loop.own_cloud import SPEED, image_of, own_cloud, push_programs
from tests.loop.raw_stacks import (
    Json,
    allow,
    assume,
    client_of,
    container_rights,
    create_role,
    eventually,
    put_policy,
)

REPOSITORY = "quadratic"
IMAGE = image_of(REPOSITORY)
BUCKET = "tuning-data"
TRAIN = """#!/usr/bin/env python3
import json, pathlib, time
given = json.loads(pathlib.Path("/opt/ml/input/config/hyperparameters.json").read_text())
assert given["_tuning_objective_metric"] == "validation:loss"
rows = pathlib.Path("/opt/ml/input/data/train/rows.csv").read_text().split()
time.sleep(float(given["seconds"]))
loss = (float(given["x"]) - 0.3) ** 2 + abs(int(given["n"]) - 4) + len(rows) / 100
print(f"[1] validation-loss={loss + 1}")
print(f"[2] validation-loss={loss}")
pathlib.Path("/opt/ml/model/trial.json").write_text(json.dumps(given))
"""
TRUSTED = {"Service": "sagemaker.amazonaws.com", "AWS": "arn:aws:iam::000000000000:root"}


@pytest.fixture(scope="module")
def tuning_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("tuning")
    with own_cloud(directory / "aws") as cloud:
        push_programs(cloud, directory, REPOSITORY, train=TRAIN)
        s3, iam = client_of(cloud, "s3"), client_of(cloud, "iam")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="train/rows.csv", Body=b"1\n2\n")
        create_role(iam, "trials", TRUSTED, *trial_rights())
        create_role(iam, "caller", TRUSTED, allow("s3:GetObject", "*"))
        yield cloud


def trial_rights() -> list[Json]:
    return [
        allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{BUCKET}/*"),
        allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
        *container_rights(f"000000000000:repository/{REPOSITORY}"),
    ]


def request(name: str, jobs: int, seconds: float = 0.0, parallel: int = 2) -> Json:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel},
            "ParameterRanges": {
                "ContinuousParameterRanges": [{"Name": "x", "MinValue": "0", "MaxValue": "1"}],
                "IntegerParameterRanges": [{"Name": "n", "MinValue": "1", "MaxValue": "9"}],
            },
            "RandomSeed": 1,
        },
        "TrainingJobDefinition": {
            "StaticHyperParameters": {"seconds": str(seconds)},
            "AlgorithmSpecification": {
                "TrainingImage": IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "validation:loss", "Regex": r"validation-loss=(\S+)"}],
            },
            "RoleArn": "arn:aws:iam::000000000000:role/trials",
            "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "EnableNetworkIsolation": True,
        },
    }


def tuned(cloud: Cloud, name: str) -> Json:
    """The tuning job, once it has ended."""
    sagemaker = client_of(cloud, "sagemaker")

    def look() -> Any:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        return job if job["HyperParameterTuningJobStatus"] != "InProgress" else None

    found: Json = eventually(look, 120)
    assert found, client_of(cloud, "sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name
    )
    return found


def trials(cloud: Cloud, name: str) -> list[Json]:
    listed = client_of(cloud, "sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name, MaxResults=100
    )
    found: list[Json] = listed["TrainingJobSummaries"]
    return found


def test_a_tuning_job_runs_its_trials_in_containers(tuning_cloud: Cloud) -> None:
    sagemaker, s3 = client_of(tuning_cloud, "sagemaker"), client_of(tuning_cloud, "s3")
    sagemaker.create_hyper_parameter_tuning_job(**request("quadratic", 12))
    job = tuned(tuning_cloud, "quadratic")
    assert job["HyperParameterTuningJobStatus"] == "Completed", job
    assert job["TrainingJobStatusCounters"]["Completed"] == 12
    best = job["BestTrainingJob"]
    values = [
        trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for trial in trials(tuning_cloud, "quadratic")
    ]
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == min(values)
    made = sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert made["TuningJobArn"] == job["HyperParameterTuningJobArn"]
    place = made["ModelArtifacts"]["S3ModelArtifacts"].removeprefix(f"s3://{BUCKET}/")
    assert s3.head_object(Bucket=BUCKET, Key=place)["ContentLength"] > 0


def test_the_caller_needs_the_right_to_tune_and_to_pass_the_role(tuning_cloud: Cloud) -> None:
    iam = client_of(tuning_cloud, "iam")
    arn = "arn:aws:iam::000000000000:role/caller"
    credentials = assume(lambda service: client_of(tuning_cloud, service), arn)
    sagemaker = client_of(tuning_cloud, "sagemaker", credentials)
    tune = allow(
        "sagemaker:CreateHyperParameterTuningJob", "arn:aws:sagemaker:*:*:hyper-parameter-tuning-job/mine*"
    )
    passing = allow("iam:PassRole", "arn:aws:iam::000000000000:role/trials")
    for statements, missing in (([], "sagemaker:CreateHyperParameterTuningJob"), ([tune], "iam:PassRole")):
        put_policy(iam, "caller", [allow("s3:GetObject", "*"), *statements])
        with pytest.raises(ClientError, match=f"not authorized to perform: {missing}"):
            sagemaker.create_hyper_parameter_tuning_job(**request("mine", 1, parallel=1))
    put_policy(iam, "caller", [tune, passing])
    with pytest.raises(ClientError, match="CreateHyperParameterTuningJob"):
        sagemaker.create_hyper_parameter_tuning_job(**request("other", 1, parallel=1))
    sagemaker.create_hyper_parameter_tuning_job(**request("mine", 1, parallel=1))
    assert tuned(tuning_cloud, "mine")["HyperParameterTuningJobStatus"] == "Completed"


def test_a_killed_cloud_goes_on_with_the_same_trials(tuning_cloud: Cloud) -> None:
    sagemaker = client_of(tuning_cloud, "sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(**request("killed", 12, seconds=0.2))
    assert eventually(
        lambda: sum(t["TrainingJobStatus"] == "Completed" for t in trials(tuning_cloud, "killed")) >= 3
    )
    before = {
        t["TrainingJobName"]: t
        for t in trials(tuning_cloud, "killed")
        if t["TrainingJobStatus"] == "Completed"
    }
    os.kill(tuning_cloud.pid, signal.SIGKILL)
    while clouds.running(tuning_cloud.state):
        time.sleep(0.02)
    again = clouds.start(tuning_cloud.state, speed=SPEED)
    assert tuned(again, "killed")["TrainingJobStatusCounters"]["Completed"] == 12
    after = {t["TrainingJobName"]: t for t in trials(again, "killed")}
    assert before == {name: after[name] for name in before}
    whole = [trial["TunedHyperParameters"] for trial in trials(again, "quadratic")]
    assert [trial["TunedHyperParameters"] for trial in after.values()] == whole
