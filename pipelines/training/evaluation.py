"""The step that judges a model on the hold-out."""

from collections.abc import Mapping
from typing import Any

from declaration import Project
from pipelines import requests
from pipelines.sdk import Join, JsonGet, PropertyFile, RequestStep
from pipelines.training.context import Context
from pipelines.training.preparation import file, output

# Evaluate writes this file; the gate reads `gate.value`, `gate.passed` (1.0 or 0.0) and `gate.reason`.
METRICS = PropertyFile(name="Metrics", output_name="evaluation", path="metrics.json")
_OUTPUT = "evaluation"


def evaluate(
    context: Context, name: str, inputs: Mapping[str, Any], trained: RequestStep | None = None
) -> RequestStep:
    """The new model and the reigning one, or what they predicted, against the same hold-out.

    With the training job that made the model the report tells what it cost.
    """
    request = requests.processing(
        context.processing_job(context.bindings.evaluate_role_arn),
        program="evaluate",
        arguments=[*_arguments(context), *(_cost(context.project, trained) if trained else [])],
        inputs=inputs,
        # Of two evaluations in two branches only one is made.
        outputs={_OUTPUT: context.uri("evaluate", _OUTPUT)},
    )
    return RequestStep(name, "Processing", request, property_files=[METRICS])


def verdict(step: RequestStep, name: str) -> Any:
    """What an evaluation says: the first gate's `value`, whether all have `passed`, and the `reason`."""
    return JsonGet(step_name=step.name, property_file=METRICS, json_path=f"gate.{name}")


def evidence(prepared: RequestStep, evaluation: RequestStep) -> requests.Evidence:
    """What the two steps have found out, wherever they ran: another execution may have lent them."""
    return requests.Evidence(
        statistics=file(output(evaluation, _OUTPUT), "metrics.json"),
        report=file(output(evaluation, _OUTPUT), "report.html"),
        predictions=file(output(evaluation, _OUTPUT), "predictions.parquet"),
        baseline=file(output(prepared, "baseline"), "statistics.json"),
        constraints=file(output(prepared, "baseline"), "constraints.json"),
    )


def described(evaluation: RequestStep) -> Any:
    """Where the evaluation of a model of ours puts the description of its API."""
    return file(output(evaluation, _OUTPUT), "openapi.json")


def _arguments(context: Context) -> list[Any]:
    project, first = context.project, context.project.gates[0]
    arguments = [part for gate in project.gates for part in ("--gate", gate.expression)]
    if first.beats_champion:
        arguments.append("--beats-champion")
    arguments += ["--margin", str(first.margin)]
    if first.confidence is not None:
        arguments += ["--confidence", str(first.confidence)]
    if first.slices:
        arguments += [part for column in first.slices for part in ("--slice", column)]
        arguments += ["--slice-tolerance", str(first.slice_tolerance)]
    arguments += [part for fair in first.fair for part in ("--fair", fair.expression)]
    return [*arguments, "--project", project.name, "--image", context.bindings.training_image_uri]


def _cost(project: Project, trained: RequestStep) -> list[Any]:
    compute = project.train.compute
    seconds = Join(on="", values=[trained.properties.BillableTimeInSeconds])
    price = [] if compute.usd_per_hour is None else ["--price", str(compute.usd_per_hour)]
    spot = ["--spot"] if project.train.managed_spot else []
    return ["--seconds", seconds, "--instance", compute.instance_type, *price, *spot]
