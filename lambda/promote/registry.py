"""The model package group: which packages are approved."""

from typing import TYPE_CHECKING

from promote.decision import PROMOTION, Failure, Package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# ApprovalDescription takes 1,024 characters on one line.
DESCRIPTION_LENGTH = 1024


class Registry:
    """The model packages of one group."""

    def __init__(self, sagemaker: "SageMakerClient", group: str) -> None:
        self._sagemaker = sagemaker
        self._group = group

    def approved(self, failure: Failure | None) -> list[Package]:
        """The newest approved package and, if it is still approved, the one whose update failed."""
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        packages: list[Package] = []
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                version = summary["ModelPackageVersion"]
                if not packages or (failure and failure.token.startswith(f"{PROMOTION}{version}-")):
                    packages += self._approved(summary["ModelPackageArn"])
            if packages and not failure:
                break
        return packages

    def reject(self, package: Package, why: str) -> None:
        """Mark the package rejected, with the reason where a person will look for it."""
        self._sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            ModelApprovalStatus="Rejected",
            ApprovalDescription=" ".join(why.split())[:DESCRIPTION_LENGTH],
        )

    def _approved(self, arn: str) -> list[Package]:
        package = self._sagemaker.describe_model_package(ModelPackageName=arn)
        if package["ModelApprovalStatus"] != "Approved":  # changed since it was listed
            return []
        approved_at = package.get("LastModifiedTime", package["CreationTime"])
        return [Package(arn, package["ModelPackageVersion"], int(approved_at.timestamp()))]
