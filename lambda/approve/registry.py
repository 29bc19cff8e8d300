"""The model packages of one group: what they are worth, and whether they are approved."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

PENDING = "PendingManualApproval"
Status = Literal["Approved", "Rejected"]
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
DESCRIPTION_LENGTH = 1_024


@dataclass(frozen=True)
class Package:
    """A version of the model: whether it is approved, and the first gate's metric, value and threshold."""

    version: int
    arn: str
    approval: str
    metric: str = ""
    value: str = ""
    threshold: str = ""


class Registry:
    """Reads and decides on the versions below `prefix`, the ARN of a package without its version."""

    def __init__(self, sagemaker: "SageMakerClient", prefix: str) -> None:
        self._sagemaker, self._prefix = sagemaker, prefix

    def package(self, version: int) -> Package | None:
        """A version as it is now; None when there is none."""
        arn = f"{self._prefix}/{version}"
        try:
            found = self._sagemaker.describe_model_package(ModelPackageName=arn)
        except ClientError as error:
            if "does not exist" in error.response["Error"].get("Message", ""):
                return None
            raise
        told = found.get("CustomerMetadataProperties", {})
        scores = {name: told.get(name, "") for name in ("metric", "value", "threshold")}
        return Package(version, arn, found["ModelApprovalStatus"], **scores)

    def decide(self, package: Package, status: Status, why: str) -> None:
        """Approve or reject a version, with the reason where people look for it."""
        self._sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            ModelApprovalStatus=status,
            ApprovalDescription=" ".join(why.split())[:DESCRIPTION_LENGTH],
        )
