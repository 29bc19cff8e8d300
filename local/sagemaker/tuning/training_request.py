"""The training job of a trial, as CreateTrainingJob would be asked for it."""

from collections.abc import Mapping
from typing import Any

from local.sagemaker.operations import Params
from local.sagemaker.store import Record
from local.sagemaker.tuning.plan import OBJECTIVE, Plan

_SHARED = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "VpcConfig",
    "StoppingCondition",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "EnableManagedSpotTraining",
    "RetryStrategy",
    "Environment",
)


def training_request(request: Mapping[str, Any], plan: Plan, name: str, texts: Mapping[str, str]) -> Params:
    """The request for the training job `name` with these tuned hyperparameters."""
    definition: Record = request["TrainingJobDefinition"]
    made = {member: definition[member] for member in _SHARED if member in definition}
    made |= {
        "TrainingJobName": name,
        "HyperParameters": {**plan.static, **texts, OBJECTIVE: plan.metric},
        "ResourceConfig": definition.get("ResourceConfig") or _first_choice(definition),
    }
    if checkpoint := definition.get("CheckpointConfig"):
        # Each job has checkpoints of its own, or it would begin with those of another.
        place = f"{checkpoint['S3Uri'].rstrip('/')}/{name}"
        made["CheckpointConfig"] = {**checkpoint, "S3Uri": place}
    if tags := request.get("Tags"):
        made["Tags"] = [*tags]
    return made


def _first_choice(definition: Record) -> Record:
    """The ResourceConfig of HyperParameterTuningResourceConfig: the instance that it prefers."""
    config: Record = definition["HyperParameterTuningResourceConfig"]
    first = next(iter(config.get("InstanceConfigs", [])), config)
    members = ("InstanceType", "InstanceCount", "VolumeSizeInGB")
    made = {member: first[member] for member in members if member in first}
    if key := config.get("VolumeKmsKeyId"):
        made["VolumeKmsKeyId"] = key
    return made
