import tarfile
from typing import Any

import pytest

from local.errors import ResourceInUse, ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import (
    JOB_ROLE,
    DiskHost,
    processing_input,
    processing_output,
    processing_request,
    put,
    training_request,
)


def ended(sagemaker: SageMaker, noun: str, name: str) -> dict[str, Any]:
    def job() -> dict[str, Any]:
        return sagemaker.call(f"Describe{noun}", {f"{noun}Name": name})

    final = ("Completed", "Failed", "Stopped")
    assert sagemaker.context.store.wait(lambda: job()[f"{noun}Status"] in final, 60)
    return job()


def process(sagemaker: SageMaker, program: str, uri: str = "s3://data/in", **members: Any) -> dict[str, Any]:
    request = {
        **processing_request(program),
        "ProcessingJobName": "p",
        "ProcessingInputs": [processing_input("data", uri)],
        "ProcessingOutputConfig": {"Outputs": [processing_output("train", "s3://artifacts/out")]},
        **members,
    }
    sagemaker.call("CreateProcessingJob", request)
    return ended(sagemaker, "ProcessingJob", "p")


def train(sagemaker: SageMaker, **members: Any) -> dict[str, Any]:
    sagemaker.call("CreateTrainingJob", {**training_request(), "TrainingJobName": "t", **members})
    return ended(sagemaker, "TrainingJob", "t")


def entrypoint(program: str) -> dict[str, Any]:
    algorithm = training_request()["AlgorithmSpecification"]
    return {"AlgorithmSpecification": {**algorithm, "ContainerEntrypoint": [program]}}


def test_processing_reads_writes_and_logs(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    put(host, "in/more/b.csv", "2\n")
    job = process(sagemaker, "prepare")
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ProcessingEndTime"] >= job["ProcessingStartTime"] >= job["CreationTime"]
    assert (host.state / "s3/artifacts/out/all.csv").read_text() == "1\n2\n"
    assert host.logs("/aws/sagemaker/ProcessingJobs", "p") == "prepared\n"


def test_a_prefix_may_name_one_object(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    put(host, "in/b.csv", "2\n")
    process(sagemaker, "prepare", "s3://data/in/a.csv")
    assert (host.state / "s3/artifacts/out/all.csv").read_text() == "1\n"


def test_a_processing_job_fails_with_what_it_said(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    job = process(sagemaker, "complain")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: The column late is missing., exit code: 1"
    assert job["ExitMessage"] == "The column late is missing.\n"
    assert not (host.state / "s3/artifacts").exists()


def test_an_input_without_objects_fails_the_job(sagemaker: SageMaker) -> None:
    reason = process(sagemaker, "prepare", "s3://data/nothing/")["FailureReason"]
    assert 'No S3 objects found under S3 URL "s3://data/nothing/"' in reason


def test_training_makes_a_model_and_metrics(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "train/all.csv", "1\n2\n3\n")
    job = train(sagemaker)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": "s3://artifacts/models/t/output/model.tar.gz"}
    with tarfile.open(host.state / "s3/artifacts/models/t/output/model.tar.gz") as tar:
        content = tar.extractfile("model.txt")
        assert content is not None
        assert content.read() == b"3\n"
    assert [(m["MetricName"], m["Value"]) for m in job["FinalMetricDataList"]] == [("validation:auc", 0.75)]
    assert [metric.value for _, metric in host.metrics] == [0.5, 0.75]
    stages = [transition["Status"] for transition in job["SecondaryStatusTransitions"]]
    assert stages == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert '{"rounds": "5"}' in host.logs("/aws/sagemaker/TrainingJobs", "t")


def test_training_fails_with_the_text_of_its_failure_file(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "train/all.csv", "1\n")
    job = train(sagemaker, **entrypoint("complain"))
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: The column late is missing., exit code: 1"


def test_a_job_whose_program_is_missing_names_what_the_machine_lacks(
    sagemaker: SageMaker, host: DiskHost
) -> None:
    put(host, "train/all.csv", "1\n")
    reason = train(sagemaker, **entrypoint("lacking"))["FailureReason"]
    assert reason.startswith("ClientError: A program of the image was not found: ")
    assert reason.endswith("installed on this machine: line 2: RUN apt-get install r-of-tomorrow.")


def test_a_training_channel_must_have_objects(sagemaker: SageMaker) -> None:
    with pytest.raises(ValidationException, match="No S3 objects found"):
        train(sagemaker)
    assert not sagemaker.call("ListTrainingJobs", {})["TrainingJobSummaries"]


def test_a_stopped_training_job_keeps_its_model(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "train/all.csv", "1\n")
    sagemaker.call(
        "CreateTrainingJob", {**training_request(), "TrainingJobName": "t", **entrypoint("sleepy")}
    )
    group = "/aws/sagemaker/TrainingJobs"
    assert sagemaker.context.store.wait(
        lambda: (
            sagemaker.call("DescribeTrainingJob", {"TrainingJobName": "t"})["SecondaryStatus"] == "Training"
        ),
        30,
    )
    while "begun" not in host.logs(group, "t"):
        sagemaker.context.closing.wait(0.05)
    sagemaker.call("StopTrainingJob", {"TrainingJobName": "t"})
    job = ended(sagemaker, "TrainingJob", "t")
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert job["ModelArtifacts"]["S3ModelArtifacts"].endswith("/model.tar.gz")
    assert "told to stop" in host.logs(group, "t")
    with pytest.raises(ValidationException, match="in status Stopped"):
        sagemaker.call("StopTrainingJob", {"TrainingJobName": "t"})


def test_a_job_that_runs_too_long_is_stopped(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "train/all.csv", "1\n")
    job = train(sagemaker, **entrypoint("sleepy"), StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_names_are_unique(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    process(sagemaker, "prepare")
    with pytest.raises(ResourceInUse, match="must be unique"):
        process(sagemaker, "prepare")


@pytest.mark.parametrize(
    "action",
    [
        "logs:PutLogEvents",
        "ecr:BatchGetImage",
        "ec2:CreateNetworkInterface",
        "kms:CreateGrant",
        "s3:GetObject",
        "s3:PutObject",
    ],
)
def test_each_permission_of_the_role_is_needed(sagemaker: SageMaker, host: DiskHost, action: str) -> None:
    put(host, "in/a.csv", "1\n")
    host.denied.add((JOB_ROLE, action))
    request = processing_request("prepare")
    request["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] = "alias/key"
    vpc = {"VpcConfig": {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}}
    job = process(sagemaker, "prepare", NetworkConfig=vpc, ProcessingResources=request["ProcessingResources"])
    assert job["ProcessingJobStatus"] == "Failed"
    assert f"not authorized to perform: {action} on" in job["FailureReason"]


def test_a_job_of_an_unknown_image_fails_in_one_sentence(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1\n")
    job = process(sagemaker, "prepare", AppSpecification={"ImageUri": "nobody/nothing:1"})
    assert job["FailureReason"] == "ClientError: There is no image nobody/nothing:1."


def test_paths_outside_the_processing_directory_are_refused(sagemaker: SageMaker) -> None:
    entry = processing_input("data", "s3://data/in")
    entry["S3Input"]["LocalPath"] = "/opt/ml/processing/../../etc"
    with pytest.raises(ValidationException, match="must be under /opt/ml/processing/"):
        process(sagemaker, "prepare", ProcessingInputs=[entry])


def test_events_tell_of_each_change(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "train/all.csv", "1\n")
    train(sagemaker)
    store = sagemaker.context.store
    assert store.wait(lambda: not store.outbox(), 5)
    told = [
        detail["SecondaryStatus"]
        for kind, detail in host.events
        if kind == "SageMaker Training Job State Change"
    ]
    assert told == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
