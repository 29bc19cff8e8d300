import json
from typing import Any

import pytest

from local.errors import ApiError, ValidationException
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

ALL = ["Prepare", "Train", "Evaluate", "Gate", "Register"]


@pytest.fixture
def source(sagemaker: SageMaker, host: DiskHost) -> str:
    """An execution that has succeeded."""
    put(host, "incoming/a.csv", "1\n2\n3\n4\n")
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "flights"})
    create_pipeline(sagemaker, training_pipeline())
    arn = start(sagemaker)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    return arn


def select(
    sagemaker: SageMaker, names: list[str], source: str | None = None, letter: str = "x", **parameters: str
) -> str:
    config: dict[str, Any] = {"SelectedSteps": [{"StepName": name} for name in names]}
    if source:
        config["SourcePipelineExecutionArn"] = source
    request = {
        "PipelineName": "training",
        "ClientRequestToken": letter * 32,
        "SelectiveExecutionConfig": config,
        "PipelineParameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
    }
    return str(sagemaker.call("StartPipelineExecution", request)["PipelineExecutionArn"])


def test_selected_steps_use_the_results_of_the_others(sagemaker: SageMaker, source: str) -> None:
    arn = select(sagemaker, ["Evaluate", "Gate", "Register", "Rejected"], source, Least="9")
    execution = wait_for_end(sagemaker, arn)
    assert execution["PipelineExecutionStatus"] == "Failed"
    assert execution["SelectiveExecutionConfig"]["SourcePipelineExecutionArn"] == source
    made, lent = steps(sagemaker, arn), steps(sagemaker, source)
    assert set(made) == {"Train", "Evaluate", "Gate", "Rejected"}
    assert made["Rejected"]["FailureReason"] == "rows 4 below 9 because too few rows"
    assert made["Train"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert made["Train"]["Metadata"] == lent["Train"]["Metadata"]
    assert not any("SelectiveExecutionResult" in made[name] for name in ("Evaluate", "Gate", "Rejected"))
    assert len(sagemaker.call("ListTrainingJobs", {})["TrainingJobSummaries"]) == 1
    assert len(sagemaker.call("ListProcessingJobs", {})["ProcessingJobSummaries"]) == 3


def test_what_follows_the_selected_steps_does_not_run(sagemaker: SageMaker, source: str) -> None:
    arn = select(sagemaker, ["Train"], source)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(steps(sagemaker, arn)) == {"Prepare", "Train"}


def test_the_first_steps_need_no_source(sagemaker: SageMaker, source: str) -> None:
    arn = select(sagemaker, ["Prepare", "Train"])
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(steps(sagemaker, arn)) == {"Prepare", "Train"}


def test_a_failed_execution_lends_what_has_succeeded(
    sagemaker: SageMaker, host: DiskHost, source: str
) -> None:
    host.denied.add((ROLE, "sagemaker:CreateTrainingJob"))
    failed = start(sagemaker, "f")
    assert wait_for_end(sagemaker, failed)["PipelineExecutionStatus"] == "Failed"
    host.denied.clear()
    arn = select(sagemaker, ["Train", "Evaluate", "Gate", "Register", "Rejected"], failed)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(steps(sagemaker, arn)) == set(ALL)
    with pytest.raises(ValidationException, match=r"dependencies on \[Train\], which did not succeed in it"):
        select(sagemaker, ["Evaluate"], failed, "y")


def test_a_failed_selection_can_be_retried(sagemaker: SageMaker, host: DiskHost, source: str) -> None:
    host.denied.add((ROLE, "sagemaker:CreateTrainingJob"))
    arn = select(sagemaker, ["Train"], source)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Failed"
    host.denied.clear()
    sagemaker.call("RetryPipelineExecution", {"PipelineExecutionArn": arn, "ClientRequestToken": "r" * 32})
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert set(steps(sagemaker, arn)) == {"Prepare", "Train"}


def test_a_selection_lends_in_its_turn(sagemaker: SageMaker, source: str) -> None:
    middle = select(sagemaker, ["Train"], source)
    wait_for_end(sagemaker, middle)
    arn = select(sagemaker, ["Train", "Evaluate"], middle, "y")
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    result = steps(sagemaker, arn)["Prepare"]["SelectiveExecutionResult"]
    assert result == {"SourcePipelineExecutionArn": middle}


def test_a_selection_with_gaps_is_refused(sagemaker: SageMaker, source: str) -> None:
    def refused(names: list[str], sentence: str, source: str | None = source) -> None:
        with pytest.raises(ApiError, match=sentence):
            select(sagemaker, names, source)

    refused(["Train", "Gate"], r"all paths between two selected steps .* but \[Evaluate\] are missing")
    refused(["Prepare", "Register"], r"\[Train, Evaluate, Gate\] are missing")
    refused(["Absent"], r"the pipeline has no steps \[Absent\]")
    needed = (
        r"SourcePipelineExecutionArn: null. The selected steps \[Train\] have dependencies on \[Prepare\]"
    )
    refused(["Train"], needed, None)
    refused(["Train"], "absent' does not exist", source.rpartition("/")[0] + "/absent")
    executions = sagemaker.call("ListPipelineExecutions", {"PipelineName": "training"})
    assert len(executions["PipelineExecutionSummaries"]) == 1


def test_a_branch_that_was_not_taken_cannot_be_gone_on_with(sagemaker: SageMaker, source: str) -> None:
    with pytest.raises(ValidationException, match=r"\[Rejected\] are in a branch that .* did not take"):
        select(sagemaker, ["Rejected"], source)
    arn = select(sagemaker, ["Register"], source)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert steps(sagemaker, arn)["Register"]["StepStatus"] == "Succeeded"


def test_the_source_must_be_of_the_pipeline_and_have_ended(sagemaker: SageMaker, source: str) -> None:
    create_pipeline(sagemaker, training_pipeline(), name="other")
    request = {"PipelineName": "other", "ClientRequestToken": "o" * 32}
    foreign = sagemaker.call("StartPipelineExecution", request)["PipelineExecutionArn"]
    wait_for_end(sagemaker, foreign)
    with pytest.raises(ValidationException, match="is not an execution of pipeline training"):
        select(sagemaker, ["Train"], foreign)
    document = training_pipeline(pause="30")
    update = {"PipelineName": "training", "PipelineDefinition": json.dumps(document)}
    sagemaker.call("UpdatePipeline", update)
    running = start(sagemaker, "r")
    with pytest.raises(ValidationException, match="is Executing; it must have succeeded or failed"):
        select(sagemaker, ["Train"], running)
