"""Hyperparameter tuning jobs, from the request to the best training job."""

from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local.errors import ResourceInUse, ResourceNotFound, ValidationException
from local.sagemaker.service import SageMaker
from local.sandbox import SandboxError
from tests.unit.local.sagemaker.quick_training import (
    QuickStart,
    Step,
    describe,
    ended,
    limits,
    number,
    quick_cloud,
    score,
    train,
    training_jobs,
    tune,
    tuning_request,
    wait_until,
)
from tests.unit.local.sagemaker.small_cloud import DiskHost

Cloud = Callable[..., tuple[DiskHost, SageMaker, QuickStart]]


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    opened: list[SageMaker] = []

    def open_cloud(how: Any = train, **options: Any) -> tuple[DiskHost, SageMaker, QuickStart]:
        host, sagemaker, start = quick_cloud(tmp_path, how, **options)
        sagemaker.resume()
        opened.append(sagemaker)
        return host, sagemaker, start

    yield open_cloud
    for sagemaker in opened:
        sagemaker.close()


def value(summary: Mapping[str, Any]) -> float:
    return float(summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])


def stop_rule(**criteria: Any) -> dict[str, Any]:
    return {"TuningJobCompletionCriteria": criteria}


def test_a_tuning_job_finds_the_best_of_its_trials(cloud: Cloud) -> None:
    _, sagemaker, start = cloud()
    job = tune(sagemaker)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"] == {
        "Completed": 8,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 8, "Pending": 0, "Failed": 0}
    jobs = training_jobs(sagemaker)
    best = max(jobs, key=value)
    assert job["BestTrainingJob"]["TrainingJobName"] == best["TrainingJobName"]
    assert value(job["BestTrainingJob"]) == pytest.approx(score(best["TunedHyperParameters"]))
    assert job["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Type"] == "Maximize"
    assert "OverallBestTrainingJob" not in job
    for index, summary in enumerate(jobs, 1):
        assert summary["TrainingJobName"].startswith(f"tune-{index:03}-")
        assert set(summary["TunedHyperParameters"]) == {"x", "n", "kind"}
    assert all(given["rounds"] == "5" for given in start.began)
    assert all(given["_tuning_objective_metric"] == "validation:auc" for given in start.began)


def test_the_trials_are_training_jobs(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    request = tuning_request(**limits(1, 1))
    request["Tags"] = [{"Key": "project", "Value": "flights"}]
    definition = request["TrainingJobDefinition"]
    definition["OutputDataConfig"]["KmsKeyId"] = "alias/results"
    definition["ResourceConfig"]["VolumeKmsKeyId"] = "alias/volume"
    definition["VpcConfig"] = {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    definition["EnableInterContainerTrafficEncryption"] = True
    definition["CheckpointConfig"] = {"S3Uri": "s3://artifacts/checkpoints/"}
    arn = tune(sagemaker, **request)["HyperParameterTuningJobArn"]
    (summary,) = training_jobs(sagemaker)
    name = summary["TrainingJobName"]
    job = sagemaker.call("DescribeTrainingJob", {"TrainingJobName": name})
    assert job["TuningJobArn"] == arn
    assert job["HyperParameters"] == {
        **summary["TunedHyperParameters"],
        "rounds": "5",
        "_tuning_objective_metric": "validation:auc",
    }
    for member in ("OutputDataConfig", "ResourceConfig", "VpcConfig", "Environment", "InputDataConfig"):
        assert job[member] == definition[member]
    assert job["EnableNetworkIsolation"]
    assert job["EnableInterContainerTrafficEncryption"]
    assert job["CheckpointConfig"]["S3Uri"] == f"s3://artifacts/checkpoints/{name}"
    tags = sagemaker.call("ListTags", {"ResourceArn": job["TrainingJobArn"]})["Tags"]
    assert tags == request["Tags"]
    assert "ObjectiveValues" not in job


def test_as_many_trials_run_at_once_as_the_request_says(cloud: Cloud) -> None:
    running, most = 0, 0

    def counted(given: Mapping[str, str]) -> Iterator[Step]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        yield 0.05
        running -= 1
        yield from train(given)

    _, sagemaker, _ = cloud(counted)
    tune(sagemaker, **tuning_request(**limits(9, 3)))
    assert most == 3


def test_minimizing_takes_the_least(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    objective = {"Type": "Minimize", "MetricName": "validation:auc"}
    job = tune(sagemaker, **tuning_request(HyperParameterTuningJobObjective=objective))
    assert value(job["BestTrainingJob"]) == min(value(summary) for summary in training_jobs(sagemaker))


def test_the_last_value_of_the_log_is_the_objective(cloud: Cloud) -> None:
    def learn(_: Mapping[str, str]) -> Iterator[Step]:
        yield "[1] validation-auc=0.9"
        yield "[2] validation-auc=0.4"
        yield "[2] validation-auc=nan"

    _, sagemaker, _ = cloud(learn)
    assert value(tune(sagemaker, **tuning_request(**limits(2)))["BestTrainingJob"]) == 0.4


def test_training_jobs_are_listed_as_asked(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    tune(sagemaker)
    ranked = training_jobs(sagemaker, SortBy="FinalObjectiveMetricValue", SortOrder="Descending")
    assert [value(job) for job in ranked] == sorted((value(job) for job in ranked), reverse=True)
    assert training_jobs(sagemaker, StatusEquals="Failed") == []
    first = training_jobs(sagemaker, MaxResults=3)
    assert [job["TrainingJobName"][:8] for job in first] == ["tune-001", "tune-002", "tune-003"]
    listed = sagemaker.call("ListHyperParameterTuningJobs", {"StatusEquals": "Completed"})
    (summary,) = listed["HyperParameterTuningJobSummaries"]
    assert (summary["Strategy"], summary["ObjectiveStatusCounters"]["Succeeded"]) == ("Bayesian", 8)


def test_events_tell_of_each_status(cloud: Cloud) -> None:
    host, sagemaker, _ = cloud()
    tune(sagemaker)
    assert sagemaker.context.store.wait(lambda: not sagemaker.context.store.outbox(), 5)
    kind = "SageMaker HyperParameter Tuning Job State Change"
    told = [detail["HyperParameterTuningJobStatus"] for event, detail in host.events if event == kind]
    assert told == ["InProgress", "Completed"]


def failing(times: int) -> Callable[[Mapping[str, str]], Iterator[Step]]:
    """Training that fails for so many trials, and then works."""
    left = iter(range(times))

    def learn(given: Mapping[str, str]) -> Iterator[Step]:
        if next(left, None) is not None:
            yield 1
        yield from train(given)

    return learn


def test_some_failed_trials_are_counted_and_ignored(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud(failing(3))
    job = tune(sagemaker)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] == 3
    assert job["ObjectiveStatusCounters"] == {"Succeeded": 5, "Pending": 0, "Failed": 3}


def test_a_tuning_job_without_a_success_gives_up(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud(failing(100))
    job = tune(sagemaker)
    assert job["HyperParameterTuningJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("No training job succeeded after 5 attempts.")
    assert job["TrainingJobStatusCounters"]["NonRetryableError"] < 8


def test_a_tuning_job_whose_log_lacks_the_objective_says_so(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud(lambda _: iter(["nothing to see"]))
    job = tune(sagemaker)
    assert job["FailureReason"].startswith("No objective metrics found after running 5 training jobs.")


def test_internal_errors_are_retried_as_often_as_asked(tmp_path: Path) -> None:
    host, sagemaker, start = quick_cloud(tmp_path, train)
    left = iter(range(2))

    def sometimes(*args: Any, **options: Any) -> Any:
        if next(left, None) is not None:
            raise SandboxError("The container could not be started: the machine is busy.")
        return start(*args, **options)

    sagemaker.close()
    host.sagemaker = sagemaker = SageMaker(host, sagemaker.context.images, sometimes)
    sagemaker.resume()
    request = tuning_request(**limits(1, 1))
    request["TrainingJobDefinition"]["RetryStrategy"] = {"MaximumRetryAttempts": 2}
    assert tune(sagemaker, **request)["TrainingJobStatusCounters"]["Completed"] == 1
    left = iter(range(2))
    request["HyperParameterTuningJobName"] = "once"
    request["TrainingJobDefinition"]["RetryStrategy"] = {"MaximumRetryAttempts": 1}
    assert tune(sagemaker, **request)["TrainingJobStatusCounters"]["RetryableError"] == 1
    sagemaker.close()


def test_stopping_stops_the_training_jobs(cloud: Cloud) -> None:
    def slow(given: Mapping[str, str]) -> Iterator[Step]:
        yield from train(given)
        yield 60.0

    _, sagemaker, start = cloud(slow)
    sagemaker.call("CreateHyperParameterTuningJob", tuning_request())
    wait_until(lambda: len(start.began) == 2)
    request = {"HyperParameterTuningJobName": "tune"}
    with pytest.raises(ValidationException, match="in status InProgress"):
        sagemaker.call("DeleteHyperParameterTuningJob", request)
    sagemaker.call("StopHyperParameterTuningJob", request)
    job = ended(sagemaker)
    assert job["HyperParameterTuningJobStatus"] == "Stopped"
    assert job["TrainingJobStatusCounters"]["Stopped"] == 2
    with pytest.raises(ValidationException, match="in status Stopped"):
        sagemaker.call("StopHyperParameterTuningJob", request)


def test_deleting_leaves_the_training_jobs(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    tune(sagemaker)
    before = [job["TrainingJobName"] for job in training_jobs(sagemaker)]
    sagemaker.call("DeleteHyperParameterTuningJob", {"HyperParameterTuningJobName": "tune"})
    with pytest.raises(ResourceNotFound):
        describe(sagemaker)
    left = sagemaker.call("ListTrainingJobs", {"MaxResults": 100})["TrainingJobSummaries"]
    assert sorted(job["TrainingJobName"] for job in left) == before
    # The same name can be used again: its training jobs have other names.
    assert tune(sagemaker)["TrainingJobStatusCounters"]["Completed"] == 8


def test_what_is_wrong_with_the_training_jobs_is_said_at_once(cloud: Cloud) -> None:
    host, sagemaker, _ = cloud()
    (host.state / "s3/data/train/all.csv").unlink()
    with pytest.raises(ValidationException, match="No S3 objects found"):
        sagemaker.call("CreateHyperParameterTuningJob", tuning_request())
    assert not sagemaker.call("ListHyperParameterTuningJobs", {})["HyperParameterTuningJobSummaries"]


def test_names_are_short_and_unique(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    tune(sagemaker)
    with pytest.raises(ResourceInUse, match="must be unique"):
        sagemaker.call("CreateHyperParameterTuningJob", tuning_request())
    with pytest.raises(ValidationException, match="less than or equal to 32"):
        sagemaker.call("CreateHyperParameterTuningJob", tuning_request("a" * 33))


def test_a_target_completes_the_job(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    job = tune(
        sagemaker, **tuning_request(**limits(200), **stop_rule(TargetObjectiveMetricValue=0.0), RandomSeed=1)
    )
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert value(job["BestTrainingJob"]) >= 0.0
    assert sum(job["ObjectiveStatusCounters"].values()) < 200


def test_standing_still_completes_the_job(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud(lambda _: iter(["[1] validation-auc=0.5"]))
    criteria = stop_rule(BestObjectiveNotImproving={"MaxNumberOfTrainingJobsNotImproving": 4})
    job = tune(sagemaker, **tuning_request(**limits(50, 1), **criteria))
    assert job["TrainingJobStatusCounters"]["Completed"] == 5
    assert job["TuningJobCompletionDetails"]["NumberOfTrainingJobsObjectiveNotImproving"] == 4


def test_grid_tries_everything(cloud: Cloud) -> None:
    _, sagemaker, start = cloud(lambda given: iter([f"[1] validation-auc={given['depth']}"]))
    values = [{"Name": "depth", "Values": ["1", "2", "3"]}, {"Name": "kind", "Values": ["a", "b"]}]
    job = tune(
        sagemaker,
        **tuning_request(
            Strategy="Grid",
            ParameterRanges={"CategoricalParameterRanges": values},
            ResourceLimits={"MaxParallelTrainingJobs": 4},
        ),
    )
    assert len({(given["depth"], given["kind"]) for given in start.began}) == 6
    assert job["BestTrainingJob"]["TunedHyperParameters"]["depth"] == "3"


def curve(level: float, rounds: int, pause: float) -> Iterator[Step]:
    for epoch in range(1, rounds + 1):
        yield f"[{epoch}] validation-auc={level}"
        yield pause


def test_hopeless_trials_are_stopped_early(cloud: Cloud) -> None:
    levels = iter([0.5, 0.6, 0.7, 0.8, 0.9, 0.1, 0.95])

    def learn(_: Mapping[str, str]) -> Iterator[Step]:
        level = next(levels)
        yield from curve(level, 10, 0.0 if level > 0.1 else 0.2)
        if level == 0.1:
            yield 60.0

    _, sagemaker, _ = cloud(learn)
    tune(sagemaker, **tuning_request(**limits(7, 1), TrainingJobEarlyStoppingType="Auto"))
    jobs = training_jobs(sagemaker)
    statuses = [job["TrainingJobStatus"] for job in jobs]
    assert statuses == ["Completed"] * 5 + ["Stopped", "Completed"]
    assert (jobs[5]["ObjectiveStatus"], value(jobs[5])) == ("Succeeded", 0.1)


def test_hyperband_spends_no_more_than_its_resource(cloud: Cloud) -> None:
    levels = iter([0.5, 0.6, 0.1, 0.7])

    def learn(_: Mapping[str, str]) -> Iterator[Step]:
        yield from curve(next(levels), 100, 0.05)
        yield 60.0

    _, sagemaker, _ = cloud(learn)
    band = {"HyperbandStrategyConfig": {"MinResource": 2, "MaxResource": 8}}
    tune(sagemaker, **tuning_request(**limits(4, 1), Strategy="Hyperband", StrategyConfig=band))
    epochs = [
        len((sagemaker.context.store.get("training-job", job["TrainingJobName"]) or {})["ObjectiveValues"])
        for job in training_jobs(sagemaker)
    ]
    # A look every fifth of a second, in which four values come, is late by that much.
    assert all(8 <= epochs[trial] <= 20 for trial in (0, 1, 3))
    assert 2 <= epochs[2] < 8


def test_a_job_that_used_up_its_time_takes_the_best_so_far(cloud: Cloud) -> None:
    begun = count()

    def slow(given: Mapping[str, str]) -> Iterator[Step]:
        yield from train(given)
        if next(begun) > 2:
            yield 60.0

    host, sagemaker, _ = cloud(slow)
    request = tuning_request(**limits(50))
    request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 120
    sagemaker.call("CreateHyperParameterTuningJob", request)
    wait_until(lambda: len(training_jobs(sagemaker, StatusEquals="Completed")) == 3)
    sagemaker.close()
    store = quick_cloud(host.state, slow)[1].context.store
    record = store.get("hyper-parameter-tuning-job", "tune") or {}
    store.update("hyper-parameter-tuning-job", "tune", CreationTime=record["CreationTime"] - 121)
    store.close()
    _, sagemaker, _ = cloud(slow)
    job = ended(sagemaker)
    assert job["HyperParameterTuningJobStatus"] == "Completed"
    assert job["ConsumedResources"]["RuntimeInSeconds"] >= 120
    assert job["TrainingJobStatusCounters"]["InProgress"] == 0


def warm(kind: str, *parents: str) -> dict[str, Any]:
    named = [{"HyperParameterTuningJobName": parent} for parent in parents]
    return {"WarmStartConfig": {"ParentHyperParameterTuningJobs": named, "WarmStartType": kind}}


def test_identical_data_continues_the_search_of_the_parents(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    parent = tune(sagemaker, **tuning_request("parent", **limits(30)))
    child = tune(
        sagemaker, **tuning_request("child", **limits(4)), **warm("IdenticalDataAndAlgorithm", "parent")
    )
    cold = tune(sagemaker, **tuning_request("cold", **limits(4)))
    assert value(child["BestTrainingJob"]) > value(cold["BestTrainingJob"])
    overall = max((parent["BestTrainingJob"], child["BestTrainingJob"]), key=value)
    assert child["OverallBestTrainingJob"]["TrainingJobName"] == overall["TrainingJobName"]
    grandchild = tune(
        sagemaker, **tuning_request("last", **limits(1, 1)), **warm("IdenticalDataAndAlgorithm", "child")
    )
    assert value(grandchild["OverallBestTrainingJob"]) >= value(overall)


def test_transfer_learning_tries_the_best_of_the_parents_first(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud()
    parent = tune(sagemaker, **tuning_request("parent"))
    child = tune(sagemaker, **tuning_request("child", **limits(4)), **warm("TransferLearning", "parent"))
    first, *_ = training_jobs(sagemaker, "child")
    assert first["TunedHyperParameters"] == parent["BestTrainingJob"]["TunedHyperParameters"]
    assert "OverallBestTrainingJob" not in child


def test_a_parent_without_what_the_child_needs_is_refused(cloud: Cloud) -> None:
    _, sagemaker, _ = cloud(failing(2))
    tune(sagemaker, **tuning_request("parent", **limits(4)))

    def refused(request: dict[str, Any], *parents: str) -> str:
        with pytest.raises((ValidationException, ResourceNotFound)) as error:
            tune(sagemaker, **request, **warm("TransferLearning", *parents))
        return str(error.value)

    objective = {"Type": "Minimize", "MetricName": "validation:auc"}
    more = {"IntegerParameterRanges": [number(f"n{i}", 1, 2) for i in range(9)]}
    assert "does not exist" in refused(tuning_request("a"), "nobody")
    assert "only once" in refused(tuning_request("a"), "parent", "parent")
    other = tuning_request("a", HyperParameterTuningJobObjective=objective)
    assert "objective metric must be the same" in refused(other, "parent")
    assert "static plus tunable" in refused(tuning_request("a", ParameterRanges=more), "parent")
