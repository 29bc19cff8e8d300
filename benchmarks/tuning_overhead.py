"""What a tuning job on the embedded AWS costs over the same trainings in a process pool under plain Optuna.

`python -m benchmarks.tuning_overhead` ends with
`RESULT {"trials", "tuning_seconds", "optuna_seconds", "overhead_ratio", "training_seconds", "same_result"}`.

One training is XGBoost on flights, in one thread, two at a time, with as many rounds as take about a second
on average over the depths that are searched.
Both sides run in turns in one session of the machine. The tuning jobs choose the hyperparameters, the same in
each block as the seed is the same; Optuna is told to try these, so that it runs the same trainings.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
from rich.console import Console

from benchmarks.optuna_pool import (
    LONGEST_PER_TRIAL,
    ONE_THREAD,
    PARALLEL,
    PROGRAMS,
    RANGES,
    SEED,
    Searched,
    pool_of,
    pooled,
    timed,
)
from examples.flights import data
from local import cloud
from local.images import ImageStore
from local.images.build import build

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / ".sageloop" / "tuning-overhead"
METRIC = "validation:auc"
TARGET_SECONDS = 1.0
# Of every depth that is searched one, as the depth decides how long a training takes.
TYPICAL = [
    {"eta": "0.1", "subsample": "0.8", "colsample_bytree": "0.8", "max_depth": depth} for depth in "4567"
]
console = Console(highlight=False)


def main() -> int:
    """Run the blocks; 0 if the results are the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=2)
    options = parser.parse_args()
    # A polite stop of the benchmark takes its platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(STATE, ignore_errors=True)
    channels = prepared(STATE / "data")
    static, seconds = calibrated(channels)
    console.print(f"one training takes {seconds:.2f} s with {static['rounds']} rounds")
    try:
        os.environ.update(cloud.start(STATE / "aws").environment())
        figures = study(Tuning(channels, static), channels, static, options.trials, options.blocks)
    finally:
        cloud.stop(STATE / "aws")
    figures["training_seconds"] = round(seconds, 2)
    print("RESULT " + json.dumps(figures))
    return 0 if figures["same_result"] else 1


def study(
    tuning: Tuning, channels: Path, static: Mapping[str, str], trials: int, blocks: int
) -> dict[str, Any]:
    """Both sides in turns; the first block of tuning pays for what is made on first use."""
    ours, theirs = [], []
    share = trials // blocks
    for block in range(blocks):
        sides: list[Callable[[], None]] = [
            lambda name=f"block-{block}": ours.append(tuning.search(name, share)),  # type: ignore[misc]
            lambda: theirs.append(pooled(channels, static, [texts for texts, _ in ours[0].trials])),
        ]
        for side in sides if block % 2 == 0 else reversed(sides):
            side()
        console.print(
            f"block {block}: tuning job {ours[-1].seconds:.1f} s, Optuna {theirs[-1].seconds:.1f} s"
        )
    ratio = sum(search.seconds for search in ours) / sum(search.seconds for search in theirs)
    return {
        "trials": share * blocks,
        "tuning_seconds": round(sum(search.seconds for search in ours), 1),
        "optuna_seconds": round(sum(search.seconds for search in theirs), 1),
        "overhead_ratio": round(ratio, 3),
        "same_result": all(search.best == ours[0].best for search in ours + theirs),
    }


def prepared(directory: Path) -> Path:
    """The channels train and schema, made from a month of flights by the image's own program."""
    data.write(directory / "processing/input/data", months=[1])
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(directory), "PYTHONPATH": str(PROGRAMS)}
    command = [sys.executable, "-P", "-m", "prepare", "--target", "late", "--time", "time_hour"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return directory / "processing/output"


def calibrated(channels: Path) -> tuple[dict[str, str], float]:
    """The hyperparameters that all trials share, with as many rounds as take a second on average."""
    rounds, seconds = 20, 0.0
    with pool_of(1, channels) as pool:
        for _ in range(3):
            static = {
                "algorithm": "xgboost", "problem": "binary", "target": "late", "seed": "0", "refit": "false",
                "rounds": str(rounds), "early_stopping": str(rounds),
            }  # fmt: skip
            tried = [pool.submit(timed, {**static, **one}) for one in TYPICAL]
            seconds = sum(each.result(LONGEST_PER_TRIAL) for each in tried) / len(tried)
            if abs(seconds - TARGET_SECONDS) < TARGET_SECONDS / 20:
                break
            rounds = max(2, round(rounds * TARGET_SECONDS / seconds))
    return static, seconds


class Tuning:
    """The embedded AWS with the image, the data and a role."""

    def __init__(self, channels: Path, static: Mapping[str, str]) -> None:
        self._static = dict(static)
        self._sagemaker: Any = boto3.client("sagemaker")
        account = boto3.client("sts").get_caller_identity()["Account"]
        region = os.environ["AWS_REGION"]
        self._image = f"{account}.dkr.ecr.{region}.amazonaws.com/tuning-overhead:latest"
        store = ImageStore(cloud.IMAGES)
        with store.publishing(self._image, build(store, PROGRAMS).digest):
            console.print("the image is built")
        self._role = _role()
        self._bucket = "tuning-overhead"
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=self._bucket)
        for channel in ("train", "schema"):
            for path in (channels / channel).iterdir():
                s3.upload_file(str(path), self._bucket, f"{channel}/{path.name}")

    def search(self, name: str, trials: int) -> Searched:
        """Run a tuning job to its end."""
        started = time.monotonic()
        self._sagemaker.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=name,
            HyperParameterTuningJobConfig={
                "Strategy": "Bayesian",
                "RandomSeed": SEED,
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": METRIC},
                "ResourceLimits": {"MaxNumberOfTrainingJobs": trials, "MaxParallelTrainingJobs": PARALLEL},
                "ParameterRanges": RANGES,
            },
            TrainingJobDefinition=self._definition(),
        )
        deadline = started + trials * LONGEST_PER_TRIAL
        while (
            described := self._sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        )["HyperParameterTuningJobStatus"] == "InProgress":
            if time.monotonic() > deadline:
                raise TimeoutError(f"The tuning job {name} did not end in time.")
            time.sleep(0.5)
        seconds = time.monotonic() - started
        if described["HyperParameterTuningJobStatus"] != "Completed":
            raise RuntimeError(f"The tuning job {name} failed: {described.get('FailureReason')}")
        return Searched(seconds, self._trials(name))

    def _definition(self) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}
        return {
            "StaticHyperParameters": self._static,
            "AlgorithmSpecification": {
                "TrainingImage": self._image,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": METRIC, "Regex": "validation-auc=([-+0-9.eE]+)"}],
            },
            "RoleArn": self._role,
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "DataSource": {"S3DataSource": {**source, "S3Uri": f"s3://{self._bucket}/{channel}/"}},
                }
                for channel in ("train", "schema")
            ],
            "OutputDataConfig": {"S3OutputPath": f"s3://{self._bucket}/output"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
            "StoppingCondition": {"MaxRuntimeInSeconds": 600},
            "EnableNetworkIsolation": True,
            "Environment": ONE_THREAD,
        }

    def _trials(self, name: str) -> list[tuple[dict[str, str], float]]:
        pages = self._sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name, SortBy="Name", SortOrder="Ascending"
        )
        summaries = [item for page in pages for item in page["TrainingJobSummaries"]]
        summaries.sort(key=lambda item: item["TrainingJobName"])
        return [
            (
                item["TunedHyperParameters"],
                float(item["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]),
            )
            for item in summaries
        ]


def _role() -> str:
    iam = boto3.client("iam")
    trust = [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
    anything = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    role = iam.create_role(RoleName="tuning-overhead", AssumeRolePolicyDocument=_policy(trust))["Role"]
    iam.put_role_policy(RoleName="tuning-overhead", PolicyName="all", PolicyDocument=_policy(anything))
    return str(role["Arn"])


def _policy(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


if __name__ == "__main__":
    sys.exit(main())
