"""The request of a training job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.requests.job import HOUR, Expression, Job

_LONGEST = 24 * HOUR
# Waiting for spot capacity is not paid for, so it may take as long again as the training itself.
_LONGEST_ON_SPOT = 2 * _LONGEST


@dataclass(frozen=True)
class Channel:
    """An input of a training job: everything below an S3 URI, its media type, and how instances get it."""

    uri: Expression
    content_type: str | None = None
    mode: str = "File"
    distribution: str = "FullyReplicated"


@dataclass(frozen=True)
class Patience:
    """What saves money or time: spot capacity with checkpoints below an S3 URI, or instances kept warm.

    https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
    https://docs.aws.amazon.com/sagemaker/latest/dg/train-warm-pools.html
    """

    spot: bool = False
    checkpoints: Expression | None = None
    keep_alive_seconds: int | None = None


def training(
    job: Job,
    *,
    channels: Mapping[str, Channel],
    hyperparameters: Mapping[str, Expression],
    metrics: Mapping[str, str],
    output: Expression,
    patience: Patience,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """A CreateTrainingJob request; `metrics` maps names to the regular expressions that find them in the log.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    warm = patience.keep_alive_seconds
    request: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": job.image_uri, "TrainingInputMode": "File"},
        "RoleArn": job.role_arn,
        "InputDataConfig": [_channel(name, channel) for name, channel in channels.items()],
        "OutputDataConfig": {"S3OutputPath": output, "KmsKeyId": job.kms_key_arn},
        "ResourceConfig": {**job.cluster, **({"KeepAlivePeriodInSeconds": warm} if warm else {})},
        "VpcConfig": job.vpc,
        "StoppingCondition": {"MaxRuntimeInSeconds": _LONGEST},
        "HyperParameters": dict(hyperparameters),
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }
    if metrics:
        definitions = [{"Name": name, "Regex": regex} for name, regex in metrics.items()]
        request["AlgorithmSpecification"]["MetricDefinitions"] = definitions
    if environment:
        request["Environment"] = dict(environment)
    if patience.spot:
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = _LONGEST_ON_SPOT
    if patience.checkpoints is not None:
        request["CheckpointConfig"] = {"S3Uri": patience.checkpoints}
    return request


def _channel(name: str, channel: Channel) -> dict[str, Any]:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": channel.uri,
        "S3DataDistributionType": channel.distribution,
    }
    return {
        "ChannelName": name,
        **({"ContentType": channel.content_type} if channel.content_type else {}),
        "InputMode": channel.mode,
        "DataSource": {"S3DataSource": source},
    }
