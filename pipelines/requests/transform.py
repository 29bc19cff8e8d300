"""The request of a transform job: predictions for every row of some files."""

from typing import Any

from pipelines.requests.job import Expression, Job


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
