"""The requests of transform jobs: predictions for every row of some files."""

from typing import Any

from pipelines.requests.job import Expression, Job, disk_key

# What one request of a transform job holds at most.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
_LARGEST_MB = 100


def transform(
    job: Job, *, model_name: Expression, rows: Expression, predictions: Expression, accept: str
) -> dict[str, Any]:
    """A CreateTransformJob request: CSV lines below one S3 URI become `<file>.out` below another.

    The network and its isolation are the model's. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """
    return {
        "ModelName": model_name,
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": rows}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": predictions,
            "Accept": accept,
            "AssembleWith": "Line",
            "KmsKeyId": job.kms_key_arn,
        },
        "TransformResources": {
            "InstanceType": job.instance,
            "InstanceCount": job.instances,
            **job.disk_key,
        },
    }


def transform_files(
    *,
    model_name: Expression,
    files: Expression,
    predictions: Expression,
    instance: str,
    instances: int,
    kms_key_arn: str,
) -> dict[str, Any]:
    """A CreateTransformJob request: each file is sent whole, so that its header counts for all of it.

    What lies below one S3 URI becomes `<file>.out` below another, a line for each row.
    """
    return {
        "ModelName": model_name,
        "MaxPayloadInMB": _LARGEST_MB,
        # A server that begins to read a large body must not be given a second one.
        "MaxConcurrentTransforms": 1,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": files}},
            "ContentType": "text/csv",
            "SplitType": "None",
        },
        "TransformOutput": {
            "S3OutputPath": predictions,
            "Accept": "text/csv",
            "KmsKeyId": kms_key_arn,
        },
        "TransformResources": {
            "InstanceType": instance,
            "InstanceCount": instances,
            **disk_key(instance, kms_key_arn),
        },
    }
