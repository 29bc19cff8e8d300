"""A Tuning step of a pipeline, and the steps that take its best hyperparameters."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.errors import ValidationException
from local.sagemaker.pipelines.definition import parse
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.quick_training import (
    QuickStart,
    describe,
    limits,
    quick_cloud,
    train,
    training_jobs,
    tuning_request,
)
from tests.unit.local.sagemaker.small_cloud import (
    ROLE,
    DiskHost,
    create_pipeline,
    start,
    steps,
    training_request,
    wait_for_end,
)

Cloud = tuple[DiskHost, SageMaker, QuickStart]
BEST = "Steps.Tune.BestTrainingJob.TunedHyperParameters['x']"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    opened = quick_cloud(tmp_path, train)
    opened[1].resume()
    yield opened
    opened[1].close()


def definition(**config: Any) -> dict[str, Any]:
    tune = tuning_request(**limits(4), **config)
    del tune["HyperParameterTuningJobName"]
    second = {"Get": "Steps.Tune.TrainingJobSummaries[1].TrainingJobName"}
    chosen = {"x": {"Get": BEST}, "n": "4", "kind": "a", "after": second}
    train_best = {**training_request(), "HyperParameters": chosen}
    return {
        "Version": "2020-12-01",
        "Parameters": [],
        "Steps": [
            {"Name": "Tune", "Type": "Tuning", "Arguments": tune},
            {"Name": "Train", "Type": "Training", "Arguments": train_best},
        ],
    }


@pytest.mark.parametrize("direction", ["Maximize", "Minimize"])
def test_the_next_step_trains_with_the_best_hyperparameters(cloud: Cloud, direction: str) -> None:
    _, sagemaker, began = cloud
    objective = {"Type": direction, "MetricName": "validation:auc"}
    create_pipeline(sagemaker, definition(HyperParameterTuningJobObjective=objective))
    execution = start(sagemaker)
    assert wait_for_end(sagemaker, execution)["PipelineExecutionStatus"] == "Succeeded", steps(
        sagemaker, execution
    )
    step = steps(sagemaker, execution)["Tune"]
    (arn,) = [metadata["Arn"] for metadata in [step["Metadata"]["TuningJob"]]]
    name = arn.rpartition("/")[2]
    assert len(name) <= 32
    assert name.startswith(execution.rpartition("/")[2] + "-Tune-")
    order = "Descending" if direction == "Maximize" else "Ascending"
    ranked = training_jobs(sagemaker, name, SortBy="FinalObjectiveMetricValue", SortOrder=order)
    best = describe(sagemaker, name)["BestTrainingJob"]
    assert ranked[0]["TrainingJobName"] == best["TrainingJobName"]
    assert began.began[-1]["x"] == best["TunedHyperParameters"]["x"]
    assert began.began[-1]["after"] == ranked[1]["TrainingJobName"]
    tags = sagemaker.call("ListTags", {"ResourceArn": arn})["Tags"]
    assert {"Key": "sagemaker:pipeline-step-name", "Value": "Tune"} in tags


def test_the_pipeline_needs_the_right_to_see_the_training_jobs(cloud: Cloud) -> None:
    host, sagemaker, _ = cloud
    host.denied.add((ROLE, "sagemaker:ListTrainingJobsForHyperParameterTuningJob"))
    create_pipeline(sagemaker, definition())
    execution = start(sagemaker)
    assert wait_for_end(sagemaker, execution)["PipelineExecutionStatus"] == "Failed"
    reason = steps(sagemaker, execution)["Tune"]["FailureReason"]
    assert "not authorized to perform: sagemaker:ListTrainingJobsForHyperParameterTuningJob" in reason


def test_a_tuning_step_is_checked_when_the_pipeline_is_created() -> None:
    broken = definition()
    del broken["Steps"][0]["Arguments"]["HyperParameterTuningJobConfig"]["Strategy"]
    with pytest.raises(ValidationException, match=r"Step Tune.*strategy"):
        parse(json.dumps(broken))
