"""The step that makes data sets of the uploaded files."""

from collections.abc import Sequence
from typing import Any, Literal

from declaration import Project
from pipelines import requests
from pipelines.sdk import Join, RequestStep
from pipelines.training.context import Context
from pipelines.training.intake import INTAKE

Layout = Literal["parquet", "csv", "label-first"]


def prepare(context: Context, layout: Layout) -> RequestStep:
    """The uploaded files become a training set, a hold-out and a schema, and what monitoring compares with.

    A program that is not ours also gets rows to validate with, and the rows of the hold-out to predict.
    """
    bindings, parameters = context.bindings, context.parameters
    outputs = ["train", "holdout", "schema", "intake", "baseline"]
    if layout != "parquet":
        outputs += ["validation", "features"]
    # A model of ours knows which files it comes of, and so which of today's are new.
    known = {"champion": parameters.champion} if context.project.train.family == "own" else {}
    request = requests.processing(
        context.processing_job(bindings.prepare_role_arn),
        program="prepare",
        arguments=[
            *_arguments(context.project, layout),
            "--cause",
            parameters.cause,
            "--snapshot",
            parameters.snapshot,
        ],
        inputs={
            "data": parameters.input_data,
            "snapshot": parameters.snapshot,
            **known,
            **preparing_code(context),
        },
        outputs={name: context.uri("prepare", name) for name in outputs},
        manifests=["data"],
        manifest_type=parameters.input_type,
    )
    # Not cached: new data lie below the same prefix.
    return RequestStep("Prepare", "Processing", request, property_files=[INTAKE])


def output(step: RequestStep, name: str) -> Any:
    """Where a processing step has put an output."""
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def file(folder: Any, name: str) -> Any:
    """The URI of a file in an output."""
    return Join(on="/", values=[folder, name])


def code(context: Context) -> dict[str, Any]:
    """The input with the user's functions, if there are any."""
    return {"code": context.bindings.code_uri} if context.bindings.code_uri else {}


def preparing_code(context: Context) -> dict[str, Any]:
    """The same, if one of them prepares the data or answers requests: it then goes with the model."""
    declared = context.project.code
    return code(context) if declared and declared.served else {}


def _arguments(project: Project, layout: Layout) -> list[str]:
    data = project.data
    arguments = ["--target", data.target, "--problem", data.problem, "--holdout", str(data.holdout)]
    arguments += _given("--time", [data.time] if data.time else [])
    arguments += _given("--group", [data.group] if data.group else [])
    arguments += _given("--series", data.series)
    arguments += _given("--drop", data.drop)
    if project.learn_from.span:
        arguments += ["--last", project.learn_from.span, "--by", project.learn_from.by]
    if project.learn_from.warm:
        arguments.append("--warm")
    if project.code and project.code.prepare:
        arguments += ["--code-prepare", project.code.prepare]
    if project.code and project.code.predict:
        arguments += ["--code-predict", project.code.predict]
    return arguments if layout == "parquet" else [*arguments, "--layout", layout]


def _given(flag: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (flag, value)]
