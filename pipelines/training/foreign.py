"""The steps of a project whose model another image learns and serves: AWS's, or the user's own."""

from typing import Any

from pipelines import requests
from pipelines.sdk import ConditionEquals, ConditionStep, RequestStep
from pipelines.training.context import Context
from pipelines.training.evaluation import evaluate
from pipelines.training.gate import gate
from pipelines.training.intake import intake
from pipelines.training.learning import best_model, train, tune
from pipelines.training.preparation import code, output, prepare
from pipelines.training.programs import layout, lesson, predicted_as, told_to_serve
from pipelines.training.registration import Made


def steps(context: Context) -> list[Any]:
    """Prepare, and behind Intake Train or Tune, Model, Predict, and in two branches what judges the model.

    Only a batch transform can make such a model predict, so the reigning one, if there is one, needs its own.
    """
    prepared = prepare(context, layout(context))
    learnt = _learn(context, prepared)
    artifact = (
        best_model(learnt) if learnt.kind == "Tuning" else learnt.properties.ModelArtifacts.S3ModelArtifacts
    )
    container = _container(context, artifact)
    model = _model(context, "Model", container)
    predicted = _predict(context, "Predict", model, prepared)
    known = {
        "predictions": _predictions(predicted),
        "holdout": output(prepared, "holdout"),
        "schema": output(prepared, "schema"),
        **code(context),
    }
    trained = learnt if learnt.kind == "Training" else None
    alone = evaluate(context, "Evaluate", known, trained)
    has_champion = ConditionStep(
        name="HasChampion",
        conditions=[
            ConditionEquals(left=context.parameters.champion, right=context.bindings.no_champion_uri),
        ],
        if_steps=[alone, gate(context, Made(prepared, alone), container)],
        else_steps=_against_champion(context, prepared, known, container, trained),
    )
    return [prepared, intake(prepared, [learnt, model, predicted, has_champion])]


def _learn(context: Context, prepared: RequestStep) -> RequestStep:
    taught = lesson(context, prepared)
    tuning = context.project.tuning
    return tune(context, taught, tuning) if tuning else train(context, taught)


def _against_champion(
    context: Context,
    prepared: RequestStep,
    known: dict[str, Any],
    container: requests.ServedContainer,
    trained: RequestStep | None,
) -> list[Any]:
    champion = _model(context, "ChampionModel", _container(context, context.parameters.champion))
    predicted = _predict(context, "ChampionPredict", champion, prepared)
    inputs = {**known, "champion-predictions": _predictions(predicted)}
    evaluation = evaluate(context, "EvaluateChampion", inputs, trained)
    return [champion, predicted, evaluation, gate(context, Made(prepared, evaluation), container, "Champion")]


def _container(context: Context, artifact: Any) -> requests.ServedContainer:
    return requests.ServedContainer(context.bindings.serving_image_uri, artifact, told_to_serve(context))


def _model(context: Context, name: str, container: requests.ServedContainer) -> RequestStep:
    return RequestStep(name, "Model", requests.model(context.serving_job(), container))


def _predict(context: Context, name: str, model: RequestStep, prepared: RequestStep) -> RequestStep:
    request = requests.transform(
        context.serving_job(),
        model_name=model.properties.ModelName,
        rows=output(prepared, "features"),
        predictions=context.uri("predict", name.lower()),
        accept=predicted_as(context),
    )
    return RequestStep(name, "Transform", request)


def _predictions(predicted: RequestStep) -> Any:
    return predicted.properties.TransformOutput.S3OutputPath
