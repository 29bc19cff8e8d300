"""The API requests of the steps; every job is isolated, in the network and encrypted, always."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# A value of a request: a text, which may be a CDK token, or an expression of the SDK.
Expression = Any

_HOUR = 3600
_PROCESSING = "/opt/ml/processing"


@dataclass(frozen=True)
class Job:
    """What every job has: its image and role, one instance, and the guards around it."""

    image_uri: str
    role_arn: str
    instance: str
    volume_gb: int
    kms_key_arn: str
    subnets: Sequence[str]
    security_groups: Sequence[str]

    @property
    def vpc(self) -> dict[str, Any]:
        """The VpcConfig of the job."""
        return {"SecurityGroupIds": list(self.security_groups), "Subnets": list(self.subnets)}

    @property
    def cluster(self) -> dict[str, Any]:
        """The instance of the job, its disk encrypted."""
        return {
            "InstanceCount": 1,
            "InstanceType": self.instance,
            "VolumeSizeInGB": self.volume_gb,
            "VolumeKmsKeyId": self.kms_key_arn,
        }


@dataclass(frozen=True)
class Channel:
    """An input of a training job: everything below an S3 URI, and its media type."""

    uri: Expression
    content_type: str


def processing(
    job: Job,
    *,
    program: str,
    arguments: Sequence[str],
    inputs: Mapping[str, Expression],
    outputs: Mapping[str, Expression],
) -> dict[str, Any]:
    """A CreateProcessingJob request; inputs and outputs map names to S3 URIs, below /opt/ml/processing.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    """
    return {
        "ProcessingResources": {"ClusterConfig": job.cluster},
        "AppSpecification": {
            "ImageUri": job.image_uri,
            "ContainerEntrypoint": [program],
            "ContainerArguments": list(arguments),
        },
        "RoleArn": job.role_arn,
        "ProcessingInputs": [_processing_input(name, uri) for name, uri in inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [_processing_output(name, uri) for name, uri in outputs.items()],
            "KmsKeyId": job.kms_key_arn,
        },
        "NetworkConfig": {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": True,
            "VpcConfig": job.vpc,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 4 * _HOUR},
    }


def _processing_input(name: str, uri: Expression) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{_PROCESSING}/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _processing_output(name: str, uri: Expression) -> dict[str, Any]:
    return {
        "OutputName": name,
        "AppManaged": False,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"{_PROCESSING}/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }


def training(
    job: Job,
    *,
    channels: Mapping[str, Channel],
    hyperparameters: Mapping[str, object],
    metrics: Mapping[str, str],
    output: Expression,
) -> dict[str, Any]:
    """A CreateTrainingJob request; `metrics` maps names to the regular expressions that find them in the log.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
    """
    return {
        "AlgorithmSpecification": {
            "TrainingImage": job.image_uri,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": name, "Regex": regex} for name, regex in metrics.items()],
        },
        "RoleArn": job.role_arn,
        "InputDataConfig": [_channel(name, channel) for name, channel in channels.items()],
        "OutputDataConfig": {"S3OutputPath": output, "KmsKeyId": job.kms_key_arn},
        "ResourceConfig": job.cluster,
        "VpcConfig": job.vpc,
        "StoppingCondition": {"MaxRuntimeInSeconds": 24 * _HOUR},
        # The API takes hyperparameters as texts only.
        "HyperParameters": {name: str(value) for name, value in hyperparameters.items()},
        "EnableNetworkIsolation": True,
        "EnableInterContainerTrafficEncryption": True,
    }


def _channel(name: str, channel: Channel) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": channel.content_type,
        "InputMode": "File",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": channel.uri,
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def model_package(
    *,
    group: str,
    image_uri: str,
    model: Expression,
    approval: Expression,
    statistics: Expression,
    report: Expression,
    instance: str,
    properties: Mapping[str, Expression],
) -> dict[str, Any]:
    """A CreateModelPackage request for a real-time model that reads CSV and JSON.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModelPackage.html
    """
    return {
        "ModelPackageGroupName": group,
        "ModelApprovalStatus": approval,
        "InferenceSpecification": {
            "Containers": [{"Image": image_uri, "ModelDataUrl": model}],
            "SupportedContentTypes": ["text/csv", "application/json"],
            "SupportedResponseMIMETypes": ["text/csv", "application/json"],
            "SupportedRealtimeInferenceInstanceTypes": [instance],
        },
        "ModelMetrics": {
            "ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": statistics}},
            "Explainability": {"Report": {"ContentType": "text/html", "S3Uri": report}},
        },
        "CustomerMetadataProperties": dict(properties),
    }
