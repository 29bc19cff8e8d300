"""Whether an example's endpoint predicts what the training library does, on every row of its hold-out."""

import io
import json
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np

from examples import hold_out, library
from examples.flights.demo.platform import DemoFailed

MOST = 1e-6
"""The largest difference allowed: of a probability, or of a value relative to the largest of them."""


@dataclass(frozen=True)
class Parity:
    """The largest difference over the rows, in the target's unit, and relative to the largest value."""

    rows: int
    library: str
    difference: float
    relative: float
    probability: bool

    def __str__(self) -> str:
        return f"{self.rows:,} held-out rows, at most {self.difference:.1e} from {self.library} itself" + (
            "" if self.probability else f", {self.relative:.1e} of the largest value"
        )

    @property
    def same(self) -> bool:
        """Whether the difference is allowed."""
        return (self.difference if self.probability else self.relative) <= MOST


def measure(project: str, data: Sequence[Path], *, header: bool) -> Parity:
    """Ask the endpoint and the library about the hold-out; DemoFailed when they differ or cannot be asked."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            found = _measure(project, data, Path(directory), header=header)
        except ValueError as error:
            raise DemoFailed(f"the predictions cannot be compared: {error}") from error
    if not found.same:
        raise DemoFailed(f"the endpoint predicts something else: {found}; {MOST:g} is allowed")
    return found


def _measure(project: str, data: Sequence[Path], directory: Path, *, header: bool) -> Parity:
    sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
    model, schema_file, held_out = _fetched(sagemaker, s3, project, directory)
    schema = json.loads(schema_file.read_text())
    rows = hold_out.rows(data, schema, held_out).drop(schema["target"])
    asked = rows.write_csv(include_header=header).encode()
    answered = boto3.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=project, ContentType="text/csv", Accept="text/csv", Body=asked
    )
    served = np.loadtxt(io.BytesIO(answered["Body"].read()), delimiter=",", ndmin=2)
    name, expected = library.predictions(model, rows, schema)
    expected = expected.reshape(len(expected), -1)
    if served.shape != expected.shape:
        raise ValueError(f"the endpoint answered with {served.shape}, the library with {expected.shape}")
    difference = float(np.abs(served - expected).max())
    if not np.isfinite(difference):
        raise ValueError("there are predictions that are no number")
    relative = difference / float(np.abs(expected).max())
    return Parity(len(served), name, difference, relative, probability=bool(schema["classes"]))


def _fetched(sagemaker: Any, s3: Any, project: str, directory: Path) -> tuple[Path, Path, Path]:
    """The files of the newest model, the schema and the hold-out of the execution that made it."""
    [package, *_] = sagemaker.list_model_packages(ModelPackageGroupName=project)["ModelPackageSummaryList"]
    described = sagemaker.describe_model_package(ModelPackageName=package["ModelPackageArn"])
    archive = _read(s3, described["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
    model = directory / "model"
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(model, filter="data")
    [execution, *_] = sagemaker.list_pipeline_executions(PipelineName=f"{project}-training")[
        "PipelineExecutionSummaries"
    ]
    steps = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=execution["PipelineExecutionArn"])
    [prepare] = [step for step in steps["PipelineExecutionSteps"] if step["StepName"] == "Prepare"]
    arn = prepare["Metadata"]["ProcessingJob"]["Arn"]
    job = sagemaker.describe_processing_job(ProcessingJobName=arn.rpartition("/")[2])
    places = {
        output["OutputName"]: output["S3Output"]["S3Uri"]
        for output in job["ProcessingOutputConfig"]["Outputs"]
    }
    for place, name in (("schema", "schema.json"), ("holdout", "holdout.parquet")):
        (directory / name).write_bytes(_read(s3, f"{places[place].rstrip('/')}/{name}"))
    return model, directory / "schema.json", directory / "holdout.parquet"


def _read(s3: Any, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content
