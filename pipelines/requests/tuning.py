"""The request of a tuning job: a training job of which some hyperparameters are looked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from declaration.ranges import Categorical, Continuous, Integer, Range

_SCALES = {"linear": "Linear", "log": "Logarithmic", "reverse-log": "ReverseLogarithmic"}
# A trial that dies of a fault of the service is tried again; the step's own retry policy does not see it.
# https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
_FAULTS_PER_TRIAL = 3


@dataclass(frozen=True)
class Search:
    """How the hyperparameters are looked for; `strategy` as SageMaker names it.

    `trials` is None for a grid, whose points SageMaker counts itself. `resource` is what Hyperband deals out:
    the least and the most rounds of a trial. `warm_start` names earlier tuning jobs.
    """

    strategy: str
    ranges: Mapping[str, Range]
    metric: str
    maximize: bool
    trials: int | None
    parallel: int
    early_stopping: bool
    seed: int
    resource: tuple[int, int] | None = None
    warm_start: Sequence[str] = ()


def tuning(trial: Mapping[str, Any], search: Search) -> dict[str, Any]:
    """A CreateHyperParameterTuningJob request; `trial` is the CreateTrainingJob request of one training.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
    """
    definition = {name: value for name, value in trial.items() if name != "HyperParameters"}
    definition["StaticHyperParameters"] = trial["HyperParameters"]
    definition["RetryStrategy"] = {"MaximumRetryAttempts": _FAULTS_PER_TRIAL}
    request: dict[str, Any] = {
        "HyperParameterTuningJobConfig": _config(search),
        "TrainingJobDefinition": definition,
    }
    if search.warm_start:
        parents = [{"HyperParameterTuningJobName": name} for name in search.warm_start]
        # The data of an earlier job are never exactly the same.
        request["WarmStartConfig"] = {
            "ParentHyperParameterTuningJobs": parents,
            "WarmStartType": "TransferLearning",
        }
    return request


def _config(search: Search) -> dict[str, Any]:
    """https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTuningJobConfig.html"""
    config: dict[str, Any] = {
        "Strategy": search.strategy,
        "HyperParameterTuningJobObjective": {
            "Type": "Maximize" if search.maximize else "Minimize",
            "MetricName": search.metric,
        },
        "ResourceLimits": {
            **({"MaxNumberOfTrainingJobs": search.trials} if search.trials is not None else {}),
            "MaxParallelTrainingJobs": search.parallel,
        },
        "ParameterRanges": _ranges(search.ranges),
        "TrainingJobEarlyStoppingType": "Auto" if search.early_stopping else "Off",
        "RandomSeed": search.seed,
    }
    if search.resource:
        low, high = search.resource
        config["StrategyConfig"] = {"HyperbandStrategyConfig": {"MinResource": low, "MaxResource": high}}
    return config


def _ranges(ranges: Mapping[str, Range]) -> dict[str, Any]:
    grouped: dict[str, list[dict[str, Any]]] = {
        "IntegerParameterRanges": [],
        "ContinuousParameterRanges": [],
        "CategoricalParameterRanges": [],
    }
    for name, searched in ranges.items():
        match searched:
            case Categorical():
                values = [as_text(value) for value in searched.values]
                grouped["CategoricalParameterRanges"].append({"Name": name, "Values": values})
            case Integer():
                grouped["IntegerParameterRanges"].append(_interval(name, searched))
            case Continuous():
                grouped["ContinuousParameterRanges"].append(_interval(name, searched))
    return {kind: members for kind, members in grouped.items() if members}


def _interval(name: str, searched: Integer | Continuous) -> dict[str, str]:
    return {
        "Name": name,
        "MinValue": as_text(searched.low),
        "MaxValue": as_text(searched.high),
        "ScalingType": _SCALES[searched.scale],
    }


def as_text(value: str | int | float | bool) -> str:
    """A hyperparameter as the API takes it, which knows texts only; True is `true`, as in JSON."""
    return str(value).lower() if isinstance(value, bool) else str(value)
