"""The model packages of a project."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef

# How promotion begins the reason of such a rejection, and `sageloop rollback` that of its own.
ROLLED_BACK = "Rolled back:"
NOT_DEPLOYED = "Not deployed:"
BY_HAND = "Rolled back by hand"
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UpdateModelPackage.html
LONGEST_DESCRIPTION = 1024


@dataclass(frozen=True)
class Summary:
    """A version of the model, and whether it is approved: Approved, Rejected or PendingManualApproval."""

    version: int
    arn: str
    approval: str


@dataclass(frozen=True)
class Package(Summary):
    """A version of the model: what it scored, and what was decided about it."""

    metric: str
    value: float | None
    created: datetime
    note: str

    def rejected_as(self, *beginnings: str) -> str:
        """Why it was rejected, if its reason begins in one of these ways; else an empty text."""
        if self.approval == "Rejected":
            for beginning in beginnings:
                if self.note.startswith(beginning):
                    return self.note.removeprefix(beginning).strip()
        return ""


def packages(session: "boto3.Session", group: str, *, limit: int = 100) -> list[Package]:
    """The newest model packages of the group, newest first."""
    sagemaker = session.client("sagemaker")
    answer = sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=limit
    )
    return [
        _package(sagemaker.describe_model_package(ModelPackageName=summary["ModelPackageArn"]))
        for summary in answer["ModelPackageSummaryList"]
    ]


def package(session: "boto3.Session", arn: str) -> Package:
    """One model package, as it is now."""
    return _package(session.client("sagemaker").describe_model_package(ModelPackageName=arn))


def summaries(session: "boto3.Session", group: str) -> Iterator[Summary]:
    """All versions of the group, newest first."""
    pages = (
        session.client("sagemaker")
        .get_paginator("list_model_packages")
        .paginate(ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending")
    )
    for page in pages:
        for each in page["ModelPackageSummaryList"]:
            yield Summary(
                each["ModelPackageVersion"], each["ModelPackageArn"], each.get("ModelApprovalStatus", "")
            )


def find(session: "boto3.Session", group: str, version: int | None) -> Package:
    """The package of this version, by default the newest that waits for approval; raises CommandError."""
    versions: list[int] = []
    for each in summaries(session, group):
        waits = each.approval == "PendingManualApproval"
        if each.version == version or (version is None and waits):
            return package(session, each.arn)
        versions.append(each.version)
    if not versions:
        raise CommandError(
            f"Nothing to approve: {group} has no model package yet (see its runs with `sageloop runs`)."
        )
    if version is None:
        raise CommandError(f"Nothing to approve: no version of {group} waits for approval.")
    if version < versions[0]:
        raise CommandError(f"Version {version} of {group} was deleted: approve another one.")
    raise CommandError(f"There is no version {version} of {group}: the newest is {versions[0]}.")


def arn_of(session: "boto3.Session", group: str, version: int | None) -> str:
    """The ARN of this version, by default of the newest; raises CommandError when it is not there."""
    for each in summaries(session, group):
        if version in (None, each.version):
            return each.arn
    if version is None:
        raise CommandError(f"{group} has no model package yet: name a run of `sageloop runs` instead.")
    raise CommandError(f"There is no version {version} of {group}: see `sageloop status`.")


def decide(
    session: "boto3.Session", arn: str, status: Literal["Approved", "Rejected"], description: str
) -> None:
    """Approve or reject a package, with the reason where a person will look for it."""
    session.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus=status,
        ApprovalDescription=" ".join(description.split())[:LONGEST_DESCRIPTION],
    )


def version_of(arn: str) -> int | None:
    """The version at the end of a model package's ARN; None for an empty ARN."""
    number = arn.rpartition("/")[2]
    return int(number) if number.isdigit() else None


def _package(answer: "DescribeModelPackageOutputTypeDef") -> Package:
    properties = answer.get("CustomerMetadataProperties", {})
    return Package(
        version=answer["ModelPackageVersion"],
        arn=answer["ModelPackageArn"],
        approval=answer["ModelApprovalStatus"],
        metric=properties.get("metric", ""),
        value=_number(properties.get("value", "")),
        created=answer["CreationTime"],
        note=answer.get("ApprovalDescription", ""),
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
