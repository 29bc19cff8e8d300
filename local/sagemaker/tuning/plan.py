"""What a request asks a tuning job to do, checked as AWS checks it."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from local.errors import ResourceLimitExceeded, ValidationException
from local.sagemaker.tuning.ranges import Category, Space, parse
from local.sagemaker.tuning.stopping import Hyperband

OBJECTIVE = "_tuning_objective_metric"
"""The hyperparameter in which a training job of a tuning job finds the name of the objective metric."""
_MOST_JOBS, _MOST_PARALLEL = 750, 100
"""Quotas of a tuning job (docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html)."""
_MOST_HYPERPARAMETERS = 100
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")
"""Where Hyperband finds its MaxResource (API_HyperbandStrategyConfig)."""
_MOST_EPOCHS = 20_000


@dataclass(frozen=True)
class Plan:
    """How a tuning job searches, and when it ends."""

    strategy: Literal["Bayesian", "Random", "Grid", "Hyperband"]
    space: Space
    static: Mapping[str, str]
    metric: str
    maximize: bool
    jobs: int
    parallel: int
    max_seconds: float | None
    stops_early: bool
    hyperband: Hyperband | None
    target: float | None
    patience: int | None
    """Jobs in a row without an improvement of one percent, after which the tuning job is complete."""
    seed: int

    def gain(self, value: float) -> float:
        """The objective turned so that more is better."""
        return value if self.maximize else -value


def plan(request: Mapping[str, Any]) -> Plan:
    """The plan of a CreateHyperParameterTuningJob request; ValidationException where AWS refuses it."""
    definition = _definition(request)
    config = request["HyperParameterTuningJobConfig"]
    objective = config.get("HyperParameterTuningJobObjective", definition.get("TuningObjective"))
    ranges = config.get("ParameterRanges", definition.get("HyperParameterRanges"))
    if objective is None or ranges is None:
        missing = "HyperParameterTuningJobObjective" if objective is None else "ParameterRanges"
        raise ValidationException(f"HyperParameterTuningJobConfig needs {missing}.")
    space, static = parse(ranges), definition.get("StaticHyperParameters", {})
    _check_names(space, static)
    _check_objective(objective["MetricName"], definition)
    criteria = config.get("TuningJobCompletionCriteria", {})
    if criteria.get("ConvergenceDetected", {}).get("CompleteOnConvergence") == "Enabled":
        raise ValidationException(
            "The embedded AWS does not detect convergence: use BestObjectiveNotImproving instead."
        )
    jobs, parallel = _limits(config, space, bool(criteria))
    return Plan(
        strategy=config["Strategy"],
        space=space,
        static=static,
        metric=objective["MetricName"],
        maximize=objective["Type"] == "Maximize",
        jobs=jobs,
        parallel=parallel,
        max_seconds=config["ResourceLimits"].get("MaxRuntimeInSeconds"),
        stops_early=config.get("TrainingJobEarlyStoppingType", "Off") == "Auto",
        hyperband=_hyperband(config, static),
        target=criteria.get("TargetObjectiveMetricValue"),
        patience=criteria.get("BestObjectiveNotImproving", {}).get("MaxNumberOfTrainingJobsNotImproving"),
        seed=config.get("RandomSeed", _seed(request["HyperParameterTuningJobName"])),
    )


def _definition(request: Mapping[str, Any]) -> Mapping[str, Any]:
    if "Autotune" in request:
        raise ValidationException("The embedded AWS does not have Autotune: give ParameterRanges instead.")
    if "TrainingJobDefinitions" in request or "TrainingJobDefinition" not in request:
        raise ValidationException("The embedded AWS tunes one algorithm: it needs TrainingJobDefinition.")
    definition: Mapping[str, Any] = request["TrainingJobDefinition"]
    if ("ResourceConfig" in definition) == ("HyperParameterTuningResourceConfig" in definition):
        raise ValidationException(
            "TrainingJobDefinition needs either ResourceConfig or HyperParameterTuningResourceConfig."
        )
    return definition


def _check_names(space: Space, static: Mapping[str, str]) -> None:
    if OBJECTIVE in static or OBJECTIVE in (parameter.name for parameter in space):
        raise ValidationException(f"The hyperparameter {OBJECTIVE} is set by hyperparameter tuning itself.")
    if both := sorted({parameter.name for parameter in space} & set(static)):
        raise ValidationException(
            f"Hyperparameters cannot be both static and tuned, but these are: {', '.join(both)}."
        )
    if len(space) + len(static) > _MOST_HYPERPARAMETERS:
        raise ValidationException(f"A training job can have at most {_MOST_HYPERPARAMETERS} hyperparameters.")


def _check_objective(metric: str, definition: Mapping[str, Any]) -> None:
    algorithm = definition["AlgorithmSpecification"]
    names = [each["Name"] for each in algorithm.get("MetricDefinitions", [])]
    account = definition["RoleArn"].split(":")[4]
    # Amazon's own algorithms, whose images are in other accounts, bring their metrics along.
    own = algorithm.get("TrainingImage", "").startswith(f"{account}.dkr.ecr.")
    if metric not in names and (names or own):
        raise ValidationException(
            f"The objective metric {metric} is not in the MetricDefinitions of AlgorithmSpecification, which "
            f"have: {', '.join(names) or 'none'}."
        )


def _limits(config: Mapping[str, Any], space: Space, criteria: bool) -> tuple[int, int]:
    """The number of training jobs, and how many of them run at once."""
    limits = config["ResourceLimits"]
    jobs, parallel = limits.get("MaxNumberOfTrainingJobs"), limits["MaxParallelTrainingJobs"]
    if config["Strategy"] == "Grid":
        jobs = _grid(space, jobs)
    elif jobs is None and "MaxRuntimeInSeconds" not in limits and not criteria:
        raise ValidationException(
            "ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds, or the tuning job needs "
            "TuningJobCompletionCriteria."
        )
    if jobs is not None and parallel > jobs:
        raise ValidationException(
            f"MaxParallelTrainingJobs must not exceed MaxNumberOfTrainingJobs, but {parallel} exceeds {jobs}."
        )
    for count, most, name in ((jobs, _MOST_JOBS, "number of"), (parallel, _MOST_PARALLEL, "parallel")):
        if count is not None and count > most:
            raise ResourceLimitExceeded(
                f"The account-level service limit '{name} training jobs per hyperparameter tuning job' is "
                f"{most}, but the request asks for {count}."
            )
    return jobs or _MOST_JOBS, parallel


def _grid(space: Space, jobs: int | None) -> int:
    sizes = []
    for parameter in space:
        if not isinstance(parameter, Category):
            raise ValidationException(
                f"Grid search takes only categorical hyperparameters, but {parameter.name} is numeric."
            )
        sizes.append(len(parameter.values))
    if jobs not in (None, math.prod(sizes)):
        raise ValidationException(
            f"Grid search of these values takes {math.prod(sizes)} training jobs: leave "
            f"MaxNumberOfTrainingJobs out, or set it to that instead of {jobs}."
        )
    return math.prod(sizes)


def _hyperband(config: Mapping[str, Any], static: Mapping[str, str]) -> Hyperband | None:
    given = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
    if config["Strategy"] != "Hyperband":
        if given is not None:
            raise ValidationException("HyperbandStrategyConfig goes with the strategy Hyperband only.")
        return None
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise ValidationException(
            "TrainingJobEarlyStoppingType must be Off with Hyperband, which stops training jobs by itself."
        )
    texts = [static[name] for name in _EPOCHS if name in static]
    inferred = int(texts[0]) if texts and texts[0].isdecimal() else None
    least, most = (given or {}).get("MinResource", 1), (given or {}).get("MaxResource", inferred)
    if most is None:
        raise ValidationException(
            "Hyperband needs MaxResource in HyperbandStrategyConfig, or one of the static hyperparameters "
            f"{', '.join(_EPOCHS)}."
        )
    if not least <= most <= _MOST_EPOCHS:
        raise ValidationException(
            f"Hyperband needs MinResource <= MaxResource <= {_MOST_EPOCHS}, but they are {least} and {most}."
        )
    return Hyperband(least, most)


def _seed(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
