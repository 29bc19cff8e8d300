"""The CreateHyperParameterTuningJob request that a declaration with `tune=` makes."""

from typing import Any

from benchmarks.tuning.data_sets import DataSet
from benchmarks.tuning.training import pattern, static
from declaration import Tuning
from pipelines import requests
from pipelines.requests.tuning import Search


def tuning_request(
    data_set: DataSet, tuning: Tuning, name: str, training_job: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The request; `training_job` is where and on what its trainings run, for a service that runs them."""
    metric = f"validation:{data_set.metric}"
    trial: dict[str, Any] = {
        "HyperParameters": static(data_set),
        "RoleArn": "arn:aws:iam::123456789012:role/tuning",
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        "AlgorithmSpecification": {
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": metric, "Regex": pattern(data_set.metric)}],
        },
    }
    if training_job is not None:
        specification = {**trial["AlgorithmSpecification"], **training_job["AlgorithmSpecification"]}
        trial = {**trial, **training_job, "AlgorithmSpecification": specification}
    search = Search(
        strategy=tuning.strategy.capitalize(),
        ranges=data_set.algorithm.ranges,
        metric=metric,
        maximize=data_set.maximize,
        trials=tuning.trials,
        parallel=tuning.parallel,
        early_stopping=tuning.early_stopping,
        seed=tuning.seed,
    )
    return {"HyperParameterTuningJobName": name, **requests.tuning(trial, search)}
