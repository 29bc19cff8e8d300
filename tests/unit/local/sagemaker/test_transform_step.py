from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.errors import ValidationException
from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.serving_cloud import (
    model_request,
    put_model,
    serving_cloud,
    transform_request,
)
from tests.unit.local.sagemaker.small_cloud import (
    DiskHost,
    create_pipeline,
    outputs_of,
    processing_input,
    processing_output,
    processing_request,
    put,
    start,
    steps,
    wait_for_end,
)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[DiskHost]:
    host, sagemaker = serving_cloud(tmp_path)
    sagemaker.resume()
    yield host
    sagemaker.close()


@pytest.fixture
def sagemaker(host: DiskHost) -> SageMaker:
    assert host.sagemaker is not None
    return host.sagemaker


def predicting_pipeline(artifact: str) -> dict[str, Any]:
    """Model, Predict and a step that gathers the predictions."""
    predict = transform_request({"Get": "Steps.Model.ModelName"})
    predict["TransformOutput"]["S3OutputPath"] = outputs_of("predictions")
    predictions = {"Get": "Steps.Predict.TransformOutput.S3OutputPath"}
    return {
        "Version": "2020-12-01",
        "Steps": [
            {"Name": "Model", "Type": "Model", "Arguments": model_request(artifact)},
            {"Name": "Predict", "Type": "Transform", "Arguments": predict},
            {
                "Name": "Gather",
                "Type": "Processing",
                "Arguments": {
                    **processing_request("prepare"),
                    "ProcessingInputs": [processing_input("data", predictions)],
                    "ProcessingOutputConfig": {"Outputs": [processing_output("train", "s3://out/all")]},
                },
            },
        ],
    }


def test_a_pipeline_predicts_with_the_model_that_it_made(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "1,2\n3,4\n")
    create_pipeline(sagemaker, predicting_pipeline(put_model(host)))
    arn = start(sagemaker)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Succeeded"
    assert (host.state / "s3/out/all/all.csv").read_text() == "3.0\n7.0\n"
    made = steps(sagemaker, arn)
    job = made["Predict"]["Metadata"]["TransformJob"]["Arn"]
    identifier = arn.rpartition("/")[2]
    assert job.rpartition("/")[2].startswith(f"pipelines-{identifier}-Predict-")
    tags = sagemaker.call("ListTags", {"ResourceArn": job})["Tags"]
    assert {"Key": "sagemaker:pipeline-step-name", "Value": "Predict"} in tags


def test_a_failed_transform_fails_its_step(sagemaker: SageMaker, host: DiskHost) -> None:
    put(host, "in/a.csv", "bad\n")
    create_pipeline(sagemaker, predicting_pipeline(put_model(host)))
    arn = start(sagemaker)
    assert wait_for_end(sagemaker, arn)["PipelineExecutionStatus"] == "Failed"
    reason = steps(sagemaker, arn)["Predict"]["FailureReason"]
    assert reason == "ClientError: See job logs for more information"


def test_the_arguments_of_a_transform_are_checked(sagemaker: SageMaker, host: DiskHost) -> None:
    document = predicting_pipeline(put_model(host))
    document["Steps"][1]["Arguments"]["TransformOutput"]["AssembleWith"] = "Tab"
    with pytest.raises(ValidationException, match=r"Step Predict: .*Member must satisfy enum value set"):
        create_pipeline(sagemaker, document)
