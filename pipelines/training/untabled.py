"""The steps of a project whose algorithm reads no table: a metric of its own judges it."""

from typing import Any

from declaration import DeclarationError, Gate, Problem, Project
from declaration.builtin import BuiltIn
from declaration.errors import one_of
from pipelines import requests
from pipelines.sdk import ConditionStep, FailStep, Join, RequestStep
from pipelines.training.context import Context
from pipelines.training.gate import asked, reaches
from pipelines.training.learning import best_model, train, tune
from pipelines.training.programs import emitted, lesson_from_channels
from pipelines.training.registration import register


def steps(context: Context, algorithm: BuiltIn) -> list[Any]:
    """Train or Tune on the user's channels, and a Gate on what the job itself has measured.

    There is no hold-out, and the metrics of two jobs are of different data, so no champion is asked.
    """
    taught = lesson_from_channels(context, algorithm)
    tuning = context.project.tuning
    learnt = tune(context, taught, tuning) if tuning else train(context, taught)
    artifact = best_model(learnt) if tuning else learnt.properties.ModelArtifacts.S3ModelArtifacts
    container = requests.ServedContainer(context.bindings.serving_image_uri, artifact)
    if _is_open(context.project, algorithm):
        return [learnt, register(context, "Register", container, value="none", made=None)]
    return [learnt, _gate(context, algorithm, learnt, container)]


def _is_open(project: Project, algorithm: BuiltIn) -> bool:
    """Whether nobody asked for a gate, and that by default asks what the algorithm does not measure."""
    default = Project(project.name, data=project.data).gate
    return project.gate == default and emitted(algorithm, project.gates[0].name) is None


def _gate(
    context: Context, algorithm: BuiltIn, learnt: RequestStep, container: requests.ServedContainer
) -> ConditionStep:
    judged = {gate: _measured(context, algorithm, learnt, gate) for gate in context.project.gates}
    said = [part for gate, value in judged.items() for part in (f"{asked(gate)}:", value)]
    value = judged[context.project.gates[0]]
    refused = Join(on=" ", values=["The gate refused this model; asked and measured were", *said])
    return ConditionStep(
        name="Gate",
        conditions=[reaches(gate, value) for gate, value in judged.items()],
        if_steps=[register(context, "Register", container, value=value, made=None)],
        else_steps=[FailStep(name="Rejected", error_message=refused)],
    )


def _measured(context: Context, algorithm: BuiltIn, learnt: RequestStep, gate: Gate) -> Any:
    """The value of a gate's metric, as the job emits it; of a tuning job only the objective is known."""
    name = None if gate.function else emitted(algorithm, gate.name)
    known = list(algorithm.metrics)
    if name is None:
        rule = f"{algorithm.name} measures {one_of(known) if known else 'nothing'}"
        fix = "gate on one of these, or choose an algorithm that reads tables"
        where = f'Project "{context.project.name}", gate.metric'
        raise DeclarationError([Problem(where, repr(gate.name), rule, fix)])
    if learnt.kind == "Training":
        return learnt.properties.FinalMetricDataList[name].Value
    if gate is not context.project.gates[0]:
        rule = "of a tuning job only the metric is known that it improves, the first gate's"
        where = f'Project "{context.project.name}", gate'
        raise DeclarationError([Problem(where, repr(gate.name), rule, "keep the first gate")])
    return learnt.properties.BestTrainingJob.FinalHyperParameterTuningJobObjectiveMetric.Value
