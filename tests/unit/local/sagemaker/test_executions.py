import json
from typing import Any

import pytest

from local.errors import ApiError, ConflictException, ResourceLimitExceeded, ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import (
    ROLE,
    DiskHost,
    create_pipeline,
    put,
    start,
    steps,
    training_pipeline,
    wait_for_end,
)


@pytest.fixture
def ready(sagemaker: SageMaker, host: DiskHost) -> SageMaker:
    put(host, "incoming/a.csv", "1\n2\n3\n")
    put(host, "incoming/b.csv", "4\n")
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "flights"})
    return sagemaker


def statuses(sagemaker: SageMaker, arn: str) -> dict[str, str]:
    return {name: step["StepStatus"] for name, step in steps(sagemaker, arn).items()}


def test_a_good_model_is_registered(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    arn = start(ready, Approval="Approved")
    assert wait_for_end(ready, arn)["PipelineExecutionStatus"] == "Succeeded"
    done = dict.fromkeys(("Prepare", "Train", "Evaluate", "Gate", "Register"), "Succeeded")
    assert statuses(ready, arn) == done
    package = ready.call(
        "DescribeModelPackage",
        {"ModelPackageName": steps(ready, arn)["Register"]["Metadata"]["RegisterModel"]["Arn"]},
    )
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["MetadataProperties"]["GeneratedBy"] == arn
    model = package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
    identifier = arn.rpartition("/")[2]
    assert model.startswith(f"s3://artifacts/executions/{identifier}/Train/pipelines-{identifier}-Train-")


def test_a_bad_model_fails_with_the_reason(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    arn = start(ready, Least="9")
    execution = wait_for_end(ready, arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["FailureReason"] == "Step failure: One or multiple steps failed."
    rejected = steps(ready, arn)["Rejected"]
    assert rejected["FailureReason"] == "rows 4 below 9 because too few rows"
    assert rejected["Metadata"] == {"Fail": {"ErrorMessage": rejected["FailureReason"]}}
    assert not ready.call("ListModelPackages", {"ModelPackageGroupName": "flights"})[
        "ModelPackageSummaryList"
    ]


def test_events_tell_of_the_execution_and_its_steps(ready: SageMaker, host: DiskHost) -> None:
    create_pipeline(ready, training_pipeline())
    arn = start(ready)
    wait_for_end(ready, arn)
    assert ready.context.store.wait(lambda: not ready.context.store.outbox(), 5)
    kind = "SageMaker Model Building Pipeline Execution"
    execution = [d["currentPipelineExecutionStatus"] for k, d in host.events if k == f"{kind} Status Change"]
    assert execution == ["Executing", "Succeeded"]
    prepare = [
        (d.get("previousStepStatus"), d["currentStepStatus"])
        for k, d in host.events
        if k == f"{kind} Step Status Change" and d["stepName"] == "Prepare"
    ]
    assert prepare == [(None, "Starting"), ("Starting", "Executing"), ("Executing", "Succeeded")]


def test_a_failed_job_fails_its_step_and_nothing_after_it_begins(ready: SageMaker, host: DiskHost) -> None:
    document = training_pipeline()
    document["Steps"][0]["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["complain"]
    create_pipeline(ready, document)
    arn = start(ready)
    assert wait_for_end(ready, arn)["PipelineExecutionStatus"] == "Failed"
    assert statuses(ready, arn) == {"Prepare": "Failed"}
    reason = steps(ready, arn)["Prepare"]["FailureReason"]
    assert reason == "AlgorithmError: The column late is missing., exit code: 1"


@pytest.mark.parametrize(
    ("action", "step"),
    [
        ("sagemaker:CreateProcessingJob", "Prepare"),
        ("sagemaker:DescribeTrainingJob", "Train"),
        ("s3:GetObject", "Gate"),
        ("sagemaker:CreateModelPackage", "Register"),
    ],
)
def test_each_permission_of_the_pipeline_is_needed(
    ready: SageMaker, host: DiskHost, action: str, step: str
) -> None:
    host.denied.add((ROLE, action))
    create_pipeline(ready, training_pipeline())
    arn = start(ready)
    assert wait_for_end(ready, arn)["PipelineExecutionStatus"] == "Failed"
    failed = steps(ready, arn)[step]
    assert failed["StepStatus"] == "Failed"
    assert f"not authorized to perform: {action}" in failed["FailureReason"]


def test_the_same_token_starts_once(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    assert start(ready, "a") == start(ready, "a") != start(ready, "b")
    executions = ready.call("ListPipelineExecutions", {"PipelineName": "training"})
    assert len(executions["PipelineExecutionSummaries"]) == 2


def test_at_most_twenty_executions_run(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline(pause="30"))
    for number in range(20):
        start(ready, chr(ord("a") + number))
    with pytest.raises(ResourceLimitExceeded, match="is 20 Executions"):
        start(ready, "z")


def test_stopping_stops_the_job(ready: SageMaker) -> None:
    document = training_pipeline()
    document["Steps"][0]["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = ["sleepy"]
    create_pipeline(ready, document)
    arn = start(ready)
    assert ready.context.store.wait(lambda: statuses(ready, arn).get("Prepare") == "Executing", 10)
    with pytest.raises(ConflictException, match="running executions"):
        ready.call("DeletePipeline", {"PipelineName": "training", "ClientRequestToken": "d" * 32})
    ready.call("StopPipelineExecution", {"PipelineExecutionArn": arn, "ClientRequestToken": "e" * 32})
    assert wait_for_end(ready, arn)["PipelineExecutionStatus"] == "Stopped"
    assert statuses(ready, arn) == {"Prepare": "Stopped"}
    job = steps(ready, arn)["Prepare"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    described = ready.call("DescribeProcessingJob", {"ProcessingJobName": job})
    assert described["ProcessingJobStatus"] == "Stopped"


def test_a_retry_goes_on_after_what_has_succeeded(ready: SageMaker, host: DiskHost) -> None:
    host.denied.add((ROLE, "sagemaker:CreateTrainingJob"))
    create_pipeline(ready, training_pipeline())
    arn = start(ready)
    wait_for_end(ready, arn)
    prepared = steps(ready, arn)["Prepare"]
    host.denied.clear()
    ready.call("RetryPipelineExecution", {"PipelineExecutionArn": arn, "ClientRequestToken": "r" * 32})
    execution = wait_for_end(ready, arn)
    assert execution["PipelineExecutionStatus"] == "Succeeded"
    assert "FailureReason" not in execution
    assert steps(ready, arn)["Prepare"] == prepared


def retried(sagemaker: SageMaker, attempts: int) -> str:
    document = training_pipeline()
    policy = {
        "ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"],
        "MaxAttempts": attempts,
        "IntervalSeconds": 1,
    }
    document["Steps"][0]["RetryPolicies"] = [policy]
    create_pipeline(sagemaker, document)
    arn = start(sagemaker)
    wait_for_end(sagemaker, arn)
    return arn


def test_a_retry_policy_starts_other_jobs(ready: SageMaker, host: DiskHost) -> None:
    host.log_faults = 2
    arn = retried(ready, attempts=2)
    prepare = steps(ready, arn)["Prepare"]
    assert (prepare["StepStatus"], prepare["AttemptCount"]) == ("Succeeded", 3)
    jobs = ready.call("ListProcessingJobs", {"NameContains": "Prepare"})["ProcessingJobSummaries"]
    assert sorted(job["ProcessingJobStatus"] for job in jobs) == ["Completed", "Failed", "Failed"]


def test_a_retry_policy_gives_up(ready: SageMaker, host: DiskHost) -> None:
    host.log_faults = 2
    prepare = steps(ready, retried(ready, attempts=1))["Prepare"]
    assert (prepare["StepStatus"], prepare["AttemptCount"]) == ("Failed", 2)
    assert prepare["FailureReason"].startswith("InternalServerError: ")


def after(name: str, *dependencies: Any) -> dict[str, Any]:
    condition = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    return {
        "Name": name,
        "Type": "Condition",
        "DependsOn": list(dependencies),
        "Arguments": {"Conditions": [condition], "IfSteps": [], "ElseSteps": []},
    }


def test_a_step_may_follow_a_failure(ready: SageMaker) -> None:
    failing = {"Name": "Failing", "Type": "Fail", "Arguments": {"ErrorMessage": "no"}}
    document = {
        "Version": "2020-12-01",
        "Steps": [
            failing,
            after("Rescue", {"Step": "Failing", "Trigger": "Failed"}),
            after("Never", "Failing"),
        ],
    }
    create_pipeline(ready, document)
    arn = start(ready)
    assert wait_for_end(ready, arn)["PipelineExecutionStatus"] == "Failed"
    assert statuses(ready, arn) == {"Failing": "Failed", "Rescue": "Succeeded"}


def test_branches_run_side_by_side(ready: SageMaker) -> None:
    document = training_pipeline(pause="1")
    other = json.loads(json.dumps(document["Steps"][0]))
    other["Name"] = "PrepareToo"
    other["Arguments"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"] = "s3://artifacts/other"
    document["Steps"] = [document["Steps"][0], other]
    create_pipeline(ready, document)
    arn = start(ready)
    assert ready.context.store.wait(lambda: list(statuses(ready, arn).values()) == ["Executing"] * 2, 10)
    assert wait_for_end(ready, arn)["PipelineExecutionStatus"] == "Succeeded"


def test_an_update_is_a_new_version_and_old_executions_keep_theirs(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    old = start(ready, "o")
    document = training_pipeline()
    document["Steps"] = document["Steps"][:1]
    request = {"PipelineName": "training", "PipelineDefinition": json.dumps(document)}
    assert ready.call("UpdatePipeline", request)["PipelineVersionId"] == 2
    new = start(ready, "n")
    assert wait_for_end(ready, old)["PipelineVersionId"] == 1
    wait_for_end(ready, new)
    assert (len(steps(ready, old)), len(steps(ready, new))) == (5, 1)
    described = ready.call("DescribePipelineDefinitionForExecution", {"PipelineExecutionArn": old})
    assert json.loads(described["PipelineDefinition"]) == training_pipeline()


def test_names_and_parameters_are_checked(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    request = {
        "PipelineName": "training",
        "PipelineDefinition": json.dumps(training_pipeline()),
        "RoleArn": ROLE,
        "ClientRequestToken": "o" * 32,
    }
    with pytest.raises(ValidationException, match="Pipeline names must be unique"):
        ready.call("CreatePipeline", request)
    with pytest.raises(ValidationException, match="must be one of"):
        start(ready, Approval="Fine")
    with pytest.raises(ApiError, match="pipeline/absent' does not exist"):
        ready.call("DescribePipeline", {"PipelineName": "absent"})


def test_parameters_of_an_execution(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    arn = start(ready, Least="2")
    answer = ready.call("ListPipelineParametersForExecution", {"PipelineExecutionArn": arn})
    values = {parameter["Name"]: parameter["Value"] for parameter in answer["PipelineParameters"]}
    assert values == {
        "Input": "s3://data/incoming/",
        "Least": "2",
        "Approval": "PendingManualApproval",
    }


def test_a_deleted_pipeline_takes_its_executions_along(ready: SageMaker) -> None:
    create_pipeline(ready, training_pipeline())
    arn = start(ready)
    wait_for_end(ready, arn)
    ready.call("DeletePipeline", {"PipelineName": "training", "ClientRequestToken": "d" * 32})
    with pytest.raises(ApiError, match="does not exist"):
        ready.call("DescribePipelineExecution", {"PipelineExecutionArn": arn})
    create_pipeline(ready, training_pipeline())
    assert start(ready) != arn
