"""SageMaker's model packages and endpoint in memory.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeModelPackage.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from tests.histories.aws.pipelines import SAGEMAKER, Tell
from tests.histories.aws.points import Refused

REVIEWED = "SageMaker Model Package State Change"


class Service(Protocol):
    """What is in service: the names of the endpoint's configuration and its model, empty before the first."""

    @property
    def config(self) -> str: ...

    @property
    def model(self) -> str: ...


@dataclass
class Registry:
    """One model package group: its packages by their versions; `serves` says what the endpoint does."""

    group: str
    clock: Callable[[], float]
    tell: Tell
    serves: Callable[[], Service]
    packages: dict[int, dict[str, Any]] = field(default_factory=dict)

    def list_model_packages(
        self,
        *,
        ModelPackageGroupName: str = "",
        ModelApprovalStatus: str = "",
        SortOrder: str = "Ascending",
        MaxResults: int = 10,
        NextToken: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        """A page of packages, by the time of their creation."""
        assert ModelPackageGroupName in ("", self.group)
        versions = [
            version
            for version in sorted(self.packages)
            if ModelApprovalStatus in ("", self.packages[version]["ModelApprovalStatus"])
        ]
        if SortOrder == "Descending":
            versions.reverse()
        first = int(NextToken or 0)
        page = versions[first : first + MaxResults]
        more = {"NextToken": f"{first + MaxResults}"} if versions[first + MaxResults :] else {}
        return {"ModelPackageSummaryList": [self._summary(version) for version in page], **more}

    def describe_model_package(self, *, ModelPackageName: str, **_: Any) -> dict[str, Any]:
        """One package, by its ARN."""
        return dict(self.packages[self._version(ModelPackageName)])

    def update_model_package(self, *, ModelPackageArn: str, **changes: Any) -> dict[str, Any]:
        """Change a package; a change of its approval is an event."""
        package = self.packages[self._version(ModelPackageArn)]
        before = package["ModelApprovalStatus"]
        package |= changes | {"LastModifiedTime": self._now()}
        if package["ModelApprovalStatus"] != before:
            self._told(package)
        return {"ModelPackageArn": ModelPackageArn}

    def describe_endpoint(self, *, EndpointName: str) -> dict[str, Any]:
        """The configuration that is in service."""
        if not (config := self.serves().config):
            raise Refused("ValidationException", f'Could not find endpoint "{SAGEMAKER}:endpoint/x".')
        return {
            "EndpointName": EndpointName,
            "EndpointArn": f"{SAGEMAKER}:endpoint/{EndpointName}",
            "EndpointConfigName": config,
            "EndpointStatus": "InService",
            "CreationTime": self._now(),
            "LastModifiedTime": self._now(),
        }

    def describe_inference_component(self, *, InferenceComponentName: str) -> dict[str, Any]:
        """The model of the component that is in service."""
        if not (model := self.serves().model):
            raise Refused("ValidationException", f'Could not find inference component "{SAGEMAKER}:x".')
        return {
            "InferenceComponentName": InferenceComponentName,
            "InferenceComponentArn": f"{SAGEMAKER}:inference-component/{InferenceComponentName}",
            "EndpointName": InferenceComponentName,
            "EndpointArn": f"{SAGEMAKER}:endpoint/{InferenceComponentName}",
            "Specification": {"ModelName": model},
            "CreationTime": self._now(),
            "LastModifiedTime": self._now(),
        }

    def register(self, status: str, model: str, **more: Any) -> int:
        """A pipeline registers a model; returns its version."""
        version = len(self.packages) + 1
        package = {
            "ModelPackageName": self.group,
            "ModelPackageGroupName": self.group,
            "ModelPackageArn": self.arn(version),
            "ModelPackageVersion": version,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": status,
            "CreationTime": self._now(),
            "InferenceSpecification": {"Containers": [{"Image": "image", "ModelDataUrl": model}]},
            **more,
        }
        self.packages[version] = package
        self._told(package)
        return version

    def status(self, version: int) -> str:
        """A package's approval, for those who look at a history from outside."""
        return str(self.packages[version]["ModelApprovalStatus"])

    def arn(self, version: int) -> str:
        """The ARN of a version."""
        return f"{SAGEMAKER}:model-package/{self.group}/{version}"

    def _summary(self, version: int) -> dict[str, Any]:
        named = (
            "ModelPackageGroupName",
            "ModelPackageArn",
            "ModelPackageVersion",
            "ModelPackageStatus",
            "ModelApprovalStatus",
            "CreationTime",
        )
        return {name: self.packages[version][name] for name in named}

    def _version(self, arn: str) -> int:
        number = arn.rpartition("/")[2]
        version = int(number) if number.isdigit() else 0
        if version not in self.packages or arn != self.arn(version):
            raise Refused("ValidationException", f"ModelPackage {arn} does not exist.")
        return version

    def _told(self, package: Mapping[str, Any]) -> None:
        detail = {
            "ModelPackageGroupName": self.group,
            "ModelPackageVersion": package["ModelPackageVersion"],
            "ModelPackageArn": package["ModelPackageArn"],
            "ModelPackageStatus": package["ModelPackageStatus"],
            "ModelApprovalStatus": package["ModelApprovalStatus"],
        }
        self.tell("aws.sagemaker", REVIEWED, detail)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)
