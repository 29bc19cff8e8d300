"""The model package group: which packages are approved."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from promote.decision import PROMOTION, Failure, Package

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

# ApprovalDescription takes 1,024 characters on one line.
DESCRIPTION_LENGTH = 1024


class Registry:
    """The model packages of one group; of those approved, only which `suffice` holds for may be deployed."""

    def __init__(
        self, sagemaker: "SageMakerClient", group: str, suffice: Callable[[int], bool] | None = None
    ) -> None:
        self._sagemaker = sagemaker
        self._group = group
        self._suffice = suffice or (lambda _: True)

    def approved(self, failure: Failure | None) -> list[Package]:
        """The newest approved package and, if it is still approved, the one whose update failed."""
        packages: list[Package] = []
        for version, arn in self._newest_first():
            failed = failure and failure.token.startswith(f"{PROMOTION}{version}-")
            if failed or (not packages and self._suffice(version)):
                packages += self._approved(arn)
            if packages and not failure:
                break
        return packages

    def lacking(self, newer_than: int) -> int | None:
        """The newest approved version, if it is newer than this one and may not be deployed."""
        version, _ = next(self._newest_first(), (0, ""))
        return version if version > newer_than and not self._suffice(version) else None

    def reject(self, package: Package, why: str) -> None:
        """Mark the package rejected, with the reason where a person will look for it."""
        self._sagemaker.update_model_package(
            ModelPackageArn=package.arn,
            ModelApprovalStatus="Rejected",
            ApprovalDescription=" ".join(why.split())[:DESCRIPTION_LENGTH],
        )

    def _newest_first(self) -> Iterator[tuple[int, str]]:
        """The versions and ARNs of the approved packages."""
        pages = self._sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self._group,
            ModelApprovalStatus="Approved",
            SortBy="CreationTime",
            SortOrder="Descending",
        )
        for page in pages:
            for summary in page["ModelPackageSummaryList"]:
                yield summary["ModelPackageVersion"], summary["ModelPackageArn"]

    def _approved(self, arn: str) -> list[Package]:
        package = self._sagemaker.describe_model_package(ModelPackageName=arn)
        if package["ModelApprovalStatus"] != "Approved":  # changed since it was listed
            return []
        approved_at = package.get("LastModifiedTime", package["CreationTime"])
        return [Package(arn, package["ModelPackageVersion"], int(approved_at.timestamp()))]
