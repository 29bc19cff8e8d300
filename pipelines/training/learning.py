"""The steps that learn: a training job, or a tuning job that looks for the best one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from declaration import Tuning
from declaration.metrics import METRICS, metrics_for
from pipelines import requests
from pipelines.sdk import ExecutionVariables, Join, RequestStep
from pipelines.training.context import Context

# Long enough for a day's work on one model, and short enough that libraries and prices are still the same.
CACHED_FOR = "P30D"
_NUMBER = r"([-+0-9.eE]+)"
# What Hyperband deals out, by the names that algorithms have for it.
_RESOURCES = ("rounds", "epochs", "num_round", "num_epoch", "n_estimators", "mini_batch_epochs")
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperbandStrategyConfig.html
_MAX_RESOURCE = 20_000


@dataclass(frozen=True)
class Objective:
    """The metric that tuning improves, and the regular expressions that find metrics in the log."""

    metric: str
    maximize: bool
    definitions: Mapping[str, str]


def validation_objective(context: Context) -> Objective:
    """The first gate's metric on the validation rows, as programs print it; for a function the usual one."""
    project = context.project
    names = metrics_for(project.data.problem)
    judged = next((gate.name for gate in project.gates if not gate.function), names[0])
    definitions = {f"validation:{name}": f"validation-{name}={_NUMBER}" for name in names}
    return Objective(f"validation:{judged}", METRICS[judged].higher_is_better, definitions)


@dataclass(frozen=True)
class Lesson:
    """What a training reads and is told besides the hyperparameters of the declaration.

    `data` is the step that has prepared what it reads; None for data of the user, which may change in place.
    """

    data: RequestStep | None
    channels: Mapping[str, requests.Channel]
    fixed: Mapping[str, str]
    objective: Objective
    environment: Mapping[str, str]


def train(context: Context, lesson: Lesson, tuned: RequestStep | None = None) -> RequestStep:
    """One training, with what a tuning step has found."""
    algorithm = context.project.train
    hyperparameters = {**lesson.fixed, **context.parameters.hyperparameters, **_found(context, tuned)}
    checkpoints = _checkpoints(context, hyperparameters, lesson.data) if algorithm.checkpoints else None
    patience = requests.Patience(algorithm.managed_spot, checkpoints, algorithm.keep_alive_seconds)
    request = _request(context, lesson, hyperparameters, context.uri("train", "model"), patience)
    return RequestStep("Train", "Training", request, cached_for=CACHED_FOR if lesson.data else None)


def tune(context: Context, lesson: Lesson, tuning: Tuning) -> RequestStep:
    """Many trainings; a trial that loses its spot instance begins anew, as trials would share checkpoints."""
    algorithm = context.project.train
    hyperparameters = {**lesson.fixed, **context.parameters.hyperparameters}
    patience = requests.Patience(algorithm.managed_spot, None, algorithm.keep_alive_seconds)
    trial = _request(context, lesson, hyperparameters, context.uri("tune", "trials"), patience)
    request = requests.tuning(trial, _search(context, lesson.objective, tuning))
    return RequestStep("Tune", "Tuning", request, cached_for=CACHED_FOR if lesson.data else None)


def trials(tuned: RequestStep) -> Any:
    """Where a tuning step has put the artifacts of its trials, even if it comes from the cache."""
    return tuned.properties.TrainingJobDefinition.OutputDataConfig.S3OutputPath


def best_model(tuned: RequestStep) -> Any:
    """The artifact of the best training of a tuning step."""
    best = tuned.properties.BestTrainingJob.TrainingJobName
    return Join(on="/", values=[trials(tuned), best, "output/model.tar.gz"])


def _request(
    context: Context,
    lesson: Lesson,
    hyperparameters: Mapping[str, Any],
    output: Any,
    patience: requests.Patience,
) -> dict[str, Any]:
    return requests.training(
        context.training_job(),
        channels=lesson.channels,
        hyperparameters=hyperparameters,
        metrics=lesson.objective.definitions,
        output=output,
        patience=patience,
        environment=lesson.environment,
    )


def _found(context: Context, tuned: RequestStep | None) -> dict[str, Any]:
    if tuned is None:
        return {}
    return {
        name: tuned.properties.BestTrainingJob.TunedHyperParameters[name] for name in context.project.ranges
    }


def _search(context: Context, objective: Objective, tuning: Tuning) -> requests.Search:
    hyperband = tuning.strategy == "hyperband"
    return requests.Search(
        strategy=tuning.strategy.capitalize(),
        ranges=context.project.ranges,
        metric=objective.metric,
        maximize=objective.maximize,
        trials=None if tuning.strategy == "grid" else tuning.trials,
        parallel=tuning.parallel,
        early_stopping=tuning.early_stopping and not hyperband,
        seed=tuning.seed,
        resource=_resource(context.project.train.hyperparameters) if hyperband else None,
        warm_start=tuning.warm_start,
    )


def _resource(hyperparameters: Mapping[str, Any]) -> tuple[int, int] | None:
    most = next((hyperparameters[name] for name in _RESOURCES if name in hyperparameters), None)
    return None if most is None else (1, min(int(most), _MAX_RESOURCE))


def _checkpoints(context: Context, hyperparameters: Mapping[str, Any], data: RequestStep | None) -> Any:
    """A place for each combination of data, program and hyperparameters, and no other execution's.

    An interrupted training then goes on in another execution, too, and the step can come from the cache,
    whose key holds this place: https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-default-keys.html
    """
    base = f"s3://{context.bindings.artifacts_bucket}/checkpoints"
    if data is None:
        return Join(on="/", values=[base, ExecutionVariables.PIPELINE_EXECUTION_ID, "state"])
    fixed = {name: value for name, value in hyperparameters.items() if isinstance(value, str)}
    chosen = [value for value in hyperparameters.values() if not isinstance(value, str)]
    same = json.dumps([context.bindings.version, fixed, list(hyperparameters)])
    program = hashlib.sha256(same.encode()).hexdigest()[:16]
    return Join(on="/", values=[base, data.properties.ProcessingJobName, program, *chosen, "state"])
