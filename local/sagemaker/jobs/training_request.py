"""What of a training job AWS refuses at once, and what the embedded AWS does not have."""

from botocore.exceptions import ClientError

from local.errors import ValidationException
from local.host import AccessDenied
from local.sagemaker.context import Context
from local.sagemaker.jobs.channels import has_objects, no_objects
from local.sagemaker.jobs.metrics import Metrics
from local.sagemaker.jobs.permissions import Permissions
from local.sagemaker.jobs.runner import client
from local.sagemaker.jobs.spot import check_spot
from local.sagemaker.operations import Params


def check_request(params: Params) -> None:
    """ValidationException for a request that cannot run."""
    if "TrainingImage" not in params.get("AlgorithmSpecification", {}):
        raise ValidationException("The embedded AWS trains with AlgorithmSpecification.TrainingImage only.")
    if (
        params.get("ResourceConfig", {}).get("InstanceCount") != 1
        or "InstanceType" not in params["ResourceConfig"]
    ):
        raise ValidationException(
            "The embedded AWS runs a training job on one instance: ResourceConfig needs "
            "InstanceType, and InstanceCount 1."
        )
    check_spot(params)
    Metrics(params["AlgorithmSpecification"].get("MetricDefinitions", []))
    for channel in params.get("InputDataConfig", []):
        if "S3DataSource" not in channel["DataSource"]:
            raise ValidationException(
                f"The embedded AWS reads channel {channel['ChannelName']} from S3 only."
            )
        mode = channel.get("InputMode", params["AlgorithmSpecification"]["TrainingInputMode"])
        if mode == "Pipe":
            raise ValidationException(
                f"The embedded AWS has no Pipe mode (channel {channel['ChannelName']})."
            )


def check_inputs(context: Context, params: Params) -> None:
    """ValidationException where a prefix has no objects: AWS looks when the job is created."""
    permissions = Permissions(context.host, params["RoleArn"])
    try:
        s3 = client(context, "s3", params["RoleArn"])
        for channel in params.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            if not has_objects(s3, source["S3Uri"]):
                raise ValidationException(no_objects(source["S3Uri"], permissions))
    except AccessDenied as denied:
        raise ValidationException(str(denied)) from None
    except ClientError as error:
        said = error.response["Error"]["Message"]
        raise ValidationException(no_objects(source["S3Uri"], permissions, said)) from None
