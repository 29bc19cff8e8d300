"""The algorithms that AWS serves as JumpStart models: an image, a script and a model, each at an address."""

from typing import Annotated

from pydantic import Field

from declaration.rules import Matching
from declaration.value import declared

S3Uri = Matching(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?", "an S3 address such as s3://bucket/prefix/")
ImageUri = Matching(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/[^\s]+:[^\s:]+", "the address of an image in ECR"
)
_IMAGE = "'763104351884.dkr.ecr.us-east-1.amazonaws.com/...'"


@declared
class JumpStart:
    """Where one version of a JumpStart model is, in one region.

    JumpStart's catalogue is online only: the SDK's `image_uris.retrieve`, `script_uris.retrieve` and
    `model_uris.retrieve` give the three addresses for a model id such as lightgbm-classification-model.
    https://docs.aws.amazon.com/sagemaker/latest/dg/jumpstart-foundation-models-use-python-sdk.html
    """

    image: Annotated[Annotated[str, ImageUri], Field(examples=[_IMAGE])]
    script: Annotated[Annotated[str, S3Uri], Field(examples=["'s3://jumpstart-cache-prod-us-east-1/...'"])]
    model: Annotated[Annotated[str, S3Uri], Field(examples=["'s3://jumpstart-cache-prod-us-east-1/...'"])]
