from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.errors import ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import (
    DiskHost,
    OneImage,
    put,
    small_cloud,
    training_request,
)

# Counts to six, a number each time it looks at the clock, and keeps the count; a notice makes it say so.
COUNT = """
trap 'echo "told at $n"; echo $n > /opt/ml/checkpoints/count; exit 0' TERM
n=$(cat /opt/ml/checkpoints/count 2>/dev/null || echo 0)
echo "from $n"
while [ $n -lt ${UNTIL:-6} ]; do
  n=$((n + 1))
  sleep 0.1 & wait $!
done
echo $n > /opt/ml/model/model.txt
"""
GROUP = "/aws/sagemaker/TrainingJobs"
SPOT: dict[str, Any] = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 7200},
    "CheckpointConfig": {"S3Uri": "s3://artifacts/checkpoints/t"},
}


def interrupting(state: Path, seconds: float | None) -> tuple[DiskHost, SageMaker]:
    host, unused = small_cloud(state)
    unused.context.store.close()
    program = state / "image" / "opt" / "programs" / "train"
    program.write_text(f"#!/bin/sh\n{COUNT}")
    program.chmod(0o755)
    host.sagemaker = SageMaker(host, OneImage(state / "image"), spot_interruption_seconds=seconds)
    put(host, "train/all.csv", "1\n")
    return host, host.sagemaker


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DiskHost]:
    host, sagemaker = interrupting(tmp_path, seconds=0.3)
    sagemaker.resume()
    yield host
    sagemaker.close()


@pytest.fixture
def sagemaker(host: DiskHost) -> SageMaker:
    assert host.sagemaker is not None
    return host.sagemaker


def begin(sagemaker: SageMaker, name: str = "t", **members: Any) -> None:
    sagemaker.call("CreateTrainingJob", {**training_request(), "TrainingJobName": name, **members})


def job(sagemaker: SageMaker, name: str = "t") -> dict[str, Any]:
    return sagemaker.call("DescribeTrainingJob", {"TrainingJobName": name})


def ended(sagemaker: SageMaker, name: str = "t") -> dict[str, Any]:
    final = ("Completed", "Failed", "Stopped")
    assert sagemaker.context.store.wait(lambda: job(sagemaker, name)["TrainingJobStatus"] in final, 60)
    return job(sagemaker, name)


def stages(record: dict[str, Any]) -> list[str]:
    return [transition["Status"] for transition in record["SecondaryStatusTransitions"]]


def test_an_interrupted_job_goes_on_from_its_checkpoint(sagemaker: SageMaker, host: DiskHost) -> None:
    host.speed = 100.0
    begin(sagemaker, **SPOT, Environment={"UNTIL": "30"})
    record = ended(sagemaker)
    assert record["TrainingJobStatus"] == "Completed"
    assert stages(record) == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    told = int((host.state / "s3/artifacts/checkpoints/t/count").read_text())
    assert 0 < told < 30
    said = host.logs(GROUP, "t")
    assert sorted(said.splitlines()) == ["from 0", f"from {told}", f"told at {told}"]
    assert record["BillableTimeInSeconds"] < record["TrainingTimeInSeconds"]
    kind = "SageMaker Training Job State Change"
    assert sagemaker.context.store.wait(lambda: not sagemaker.context.store.outbox(), 5)
    assert "Interrupted" in [d["SecondaryStatus"] for k, d in host.events if k == kind]


def test_a_job_without_checkpoints_begins_anew(sagemaker: SageMaker, host: DiskHost) -> None:
    members = {key: value for key, value in SPOT.items() if key != "CheckpointConfig"}
    begin(sagemaker, **members, Environment={"UNTIL": "20"})
    assert ended(sagemaker)["TrainingJobStatus"] == "Completed"
    said = [line for line in host.logs(GROUP, "t").splitlines() if line.startswith("from")]
    assert said == ["from 0", "from 0"]


def test_only_spot_jobs_are_interrupted(sagemaker: SageMaker) -> None:
    begin(sagemaker, Environment={"UNTIL": "10"})
    record = ended(sagemaker)
    assert "Interrupted" not in stages(record)
    assert record["BillableTimeInSeconds"] == record["TrainingTimeInSeconds"]


def test_a_job_that_ignores_the_notice_is_killed(sagemaker: SageMaker, host: DiskHost) -> None:
    algorithm = {**training_request()["AlgorithmSpecification"], "ContainerEntrypoint": ["/bin/sh", "-c"]}
    algorithm["ContainerArguments"] = [
        "trap '' TERM; test -f /opt/ml/checkpoints/x && exit 0; touch /opt/ml/checkpoints/x; sleep 1000"
    ]
    begin(sagemaker, **SPOT, AlgorithmSpecification=algorithm)
    assert "Interrupted" in stages(ended(sagemaker))
    assert job(sagemaker)["TrainingJobStatus"] == "Completed"


def test_a_job_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    _, sagemaker = interrupting(tmp_path, seconds=None)
    sagemaker.resume()
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}
    begin(sagemaker, **{**SPOT, "StoppingCondition": limits}, Environment={"UNTIL": "1000"})
    record = ended(sagemaker)
    sagemaker.close()
    assert (record["TrainingJobStatus"], record["SecondaryStatus"]) == ("Stopped", "MaxWaitTimeExceeded")


def test_a_job_can_be_stopped_while_it_waits(tmp_path: Path) -> None:
    host, sagemaker = interrupting(tmp_path, seconds=0.3)
    host.speed = 10.0
    sagemaker.resume()
    begin(sagemaker, **SPOT, Environment={"UNTIL": "1000"})
    waiting = sagemaker.context.store.wait(lambda: job(sagemaker)["SecondaryStatus"] == "Interrupted", 30)
    assert waiting
    sagemaker.call("StopTrainingJob", {"TrainingJobName": "t"})
    assert ended(sagemaker)["TrainingJobStatus"] == "Stopped"
    sagemaker.close()


def test_an_interruption_happens_once_across_restarts(tmp_path: Path) -> None:
    host, before = interrupting(tmp_path, seconds=0.3)
    host.speed = 1.0
    before.resume()
    begin(before, **SPOT, Environment={"UNTIL": "20"})
    # The job sleeps through its two minutes of notice no longer than it takes to keep its count.
    assert before.context.store.wait(lambda: job(before)["SecondaryStatus"] == "Interrupted", 30)
    before.close()
    host, after = interrupting(tmp_path, seconds=0.3)
    after.resume()
    record = ended(after)
    after.close()
    assert record["TrainingJobStatus"] == "Completed"
    assert stages(record).count("Interrupted") == 1
    assert "Restarting" in stages(record)


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"StoppingCondition": {"MaxRuntimeInSeconds": 60}}, "must be present and be greater than or equal"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59}},
            "Invalid MaxWaitTimeInSeconds",
        ),
        ({"EnableManagedSpotTraining": False}, "only be specified when EnableManagedSpotTraining is true"),
        (
            {"ResourceConfig": {**training_request()["ResourceConfig"], "KeepAlivePeriodInSeconds": 60}},
            "warm pools are not supported for Managed Spot",
        ),
    ],
)
def test_limits_that_do_not_fit_are_refused(
    sagemaker: SageMaker, members: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValidationException, match=sentence):
        begin(sagemaker, **{**SPOT, **members})


def keep_alive(seconds: int, **members: Any) -> dict[str, Any]:
    resources = {**training_request()["ResourceConfig"], "KeepAlivePeriodInSeconds": seconds, **members}
    return {"ResourceConfig": resources, "Environment": {"UNTIL": "1"}}


def test_a_warm_pool_is_reused_by_a_matching_job(sagemaker: SageMaker, host: DiskHost) -> None:
    host.speed = 1.0
    begin(sagemaker, "first", **keep_alive(3600))
    assert job(sagemaker, "first")["WarmPoolStatus"] == {"Status": "InUse"}
    assert ended(sagemaker, "first")["WarmPoolStatus"]["Status"] == "Available"
    begin(sagemaker, "other", **keep_alive(0, InstanceType="ml.m5.xlarge"))
    assert "WarmPoolStatus" not in ended(sagemaker, "other")
    assert job(sagemaker, "first")["WarmPoolStatus"]["Status"] == "Available"
    begin(sagemaker, "second", **keep_alive(3600))
    reused = job(sagemaker, "first")["WarmPoolStatus"]
    assert (reused["Status"], reused["ReusedByJob"]) == ("Reused", "second")
    assert ended(sagemaker, "second")["WarmPoolStatus"]["Status"] == "Available"
    kept = sagemaker.call("ListTrainingJobs", {"WarmPoolStatusEquals": "Available"})["TrainingJobSummaries"]
    assert [summary["TrainingJobName"] for summary in kept] == ["second"]


def test_a_warm_pool_ends_after_its_time(sagemaker: SageMaker) -> None:
    begin(sagemaker, "first", **keep_alive(100))
    ended(sagemaker, "first")
    sagemaker.context.closing.wait(0.15)
    pool = job(sagemaker, "first")["WarmPoolStatus"]
    assert pool == {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 100}
    begin(sagemaker, "second", **keep_alive(100))
    assert job(sagemaker, "first")["WarmPoolStatus"] == pool
