"""The model that serves, since when, and what its training rows were like."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_sagemaker import SageMakerClient

PARAMETER = "ModelPackageArn"
ENDPOINT = "AWS::SageMaker::Endpoint"


@dataclass(frozen=True)
class Model:
    """A model package in service since an epoch second; the folders are S3 URIs that end with a slash.

    `baseline` holds what its training rows were like, `quality` what it predicted for the hold-out.
    """

    package: str
    version: int
    deployed_at: int
    baseline: str
    quality: str


class Service:
    """Reads the serving stack and the registry."""

    def __init__(
        self,
        cloudformation: "CloudFormationClient",
        sagemaker: "SageMakerClient",
        stack: str,
        report: Callable[..., object] = lambda *_args, **_fields: None,
    ) -> None:
        self._cloudformation, self._sagemaker, self._stack = cloudformation, sagemaker, stack
        self._report = report

    def model(self) -> Model | None:
        """The model in service; None before the first, while another takes over, and without a baseline."""
        stack = self._cloudformation.describe_stacks(StackName=self._stack)["Stacks"][0]
        values = {p["ParameterKey"]: p.get("ParameterValue", "") for p in stack.get("Parameters", [])}
        package = values.get(PARAMETER, "")
        if not package or stack["StackStatus"].endswith("_IN_PROGRESS"):
            return None
        folders = self._folders(package)
        if folders is None:
            self._report("This model has no baseline: train and approve a new one", package=package)
            return None
        return Model(package, int(package.rpartition("/")[2]), self._since(), *folders)

    def _since(self) -> int:
        """When the endpoint became what it is, since other updates of the stack leave it as it was.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackResource.html
        """
        resources = self._cloudformation.describe_stack_resources(StackName=self._stack)["StackResources"]
        return max(
            (int(found["Timestamp"].timestamp()) for found in resources if found["ResourceType"] == ENDPOINT),
            default=0,
        )

    def _folders(self, package: str) -> tuple[str, str] | None:
        """Where both lie: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DriftCheckBaselines.html."""
        answer = self._sagemaker.describe_model_package(ModelPackageName=package)
        known = answer.get("DriftCheckBaselines", {})
        rows = known.get("ModelDataQuality", {}).get("Statistics", {}).get("S3Uri", "")
        answers = known.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", "")
        return (_folder(rows), _folder(answers)) if rows and answers else None


def _folder(uri: str) -> str:
    return uri.rpartition("/")[0] + "/"
