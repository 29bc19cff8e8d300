"""The steps of a project whose model our own image learns and serves."""

from typing import Any

from declaration import WarmStart
from pipelines import requests
from pipelines.sdk import RequestStep
from pipelines.training.context import Context
from pipelines.training.evaluation import evaluate
from pipelines.training.gate import gate
from pipelines.training.intake import intake
from pipelines.training.learning import Lesson, train, trials, tune, validation_objective
from pipelines.training.preparation import code, output, prepare, preparing_code
from pipelines.training.registration import Made


def steps(context: Context) -> list[Any]:
    """Prepare, and behind Intake Tune where the project says so, Train, Evaluate and Gate."""
    prepared = prepare(context, "parquet")
    tuning = context.project.tuning
    # A trial learns once and keeps its metrics alone; the best hyperparameters then learn from all rows.
    tuned = tune(context, _lesson(context, prepared, refit="false"), tuning) if tuning else None
    trained = train(context, _lesson(context, prepared), tuned)
    model = trained.properties.ModelArtifacts.S3ModelArtifacts
    evaluation = evaluate(
        context,
        "Evaluate",
        {
            "model": model,
            "champion": context.parameters.champion,
            "holdout": output(prepared, "holdout"),
            "schema": output(prepared, "schema"),
            **code(context),
            **({"trials": trials(tuned)} if tuned else {}),
        },
        trained,
    )
    container = requests.ServedContainer(context.bindings.serving_image_uri, model)
    learnt = [tuned, trained] if tuned else [trained]
    judged = gate(context, Made(prepared, evaluation), container)
    return [prepared, intake(prepared, [*learnt, evaluation, judged])]


def _lesson(context: Context, prepared: RequestStep, **told: str) -> Lesson:
    data, learnt_from = context.project.data, context.project.learn_from
    warm = {"champion": requests.Channel(context.parameters.champion)} if learnt_from.warm else {}
    if isinstance(learnt_from, WarmStart) and learnt_from.rounds:
        told["warm_rounds"] = str(learnt_from.rounds)
    return Lesson(
        data=prepared,
        channels={
            "train": requests.Channel(output(prepared, "train"), "application/x-parquet"),
            "schema": requests.Channel(output(prepared, "schema"), "application/json"),
            **{name: requests.Channel(uri) for name, uri in preparing_code(context).items()},
            **warm,
        },
        fixed={
            "algorithm": context.project.train.program,
            "problem": data.problem,
            "target": data.target,
            **told,
        },
        objective=validation_objective(context),
        environment={},
    )
