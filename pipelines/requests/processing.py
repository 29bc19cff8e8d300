"""The request of a processing job of our image."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pipelines.requests.job import HOUR, Expression, Job

_PROCESSING = "/opt/ml/processing"


def processing(
    job: Job,
    *,
    program: str,
    arguments: Sequence[Expression],
    inputs: Mapping[str, Expression],
    outputs: Mapping[str, Expression],
    manifests: Collection[str] = (),
    manifest_type: Expression = "ManifestFile",
) -> dict[str, Any]:
    """A CreateProcessingJob request; inputs and outputs map names to S3 URIs, below /opt/ml/processing.

    An input is all that lies below its URI. The URI of one of `manifests` is that of a file that lists the
    objects, or what the expression `manifest_type` makes of it: ManifestFile or S3Prefix.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProcessingS3Input.html
    """
    types = dict.fromkeys(manifests, manifest_type)
    return {
        "ProcessingResources": {"ClusterConfig": job.cluster},
        "AppSpecification": {
            "ImageUri": job.image_uri,
            "ContainerEntrypoint": [program],
            "ContainerArguments": list(arguments),
        },
        "RoleArn": job.role_arn,
        "ProcessingInputs": [_input(name, uri, types.get(name, "S3Prefix")) for name, uri in inputs.items()],
        "ProcessingOutputConfig": {
            "Outputs": [_output(name, uri) for name, uri in outputs.items()],
            "KmsKeyId": job.kms_key_arn,
        },
        "NetworkConfig": {
            "EnableInterContainerTrafficEncryption": True,
            "EnableNetworkIsolation": True,
            "VpcConfig": job.vpc,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": 4 * HOUR},
    }


def _input(name: str, uri: Expression, data_type: Expression) -> dict[str, Any]:
    return {
        "InputName": name,
        "AppManaged": False,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{_PROCESSING}/input/{name}",
            "S3DataType": data_type,
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
            "S3CompressionType": "None",
        },
    }


def _output(name: str, uri: Expression) -> dict[str, Any]:
    return {
        "OutputName": name,
        "AppManaged": False,
        "S3Output": {
            "S3Uri": uri,
            "LocalPath": f"{_PROCESSING}/output/{name}",
            "S3UploadMode": "EndOfJob",
        },
    }
