"""The executions of one SageMaker Pipeline, and the champion that they compare their model with."""

from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from retrain.decision import ExecutionStatus
from retrain.state import Running

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ParameterTypeDef

# Account quotas (20 concurrent executions by default) and rates: they pass without anybody's help.
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StartPipelineExecution.html
PASSING = {"ThrottlingException", "Throttling", "ResourceLimitExceeded", "ConflictException"}
SERVICE_FAULT = 500


class Busy(Exception):
    """SageMaker cannot take the call now; its message says why."""


class Executions:
    """Starts and describes the executions of `pipeline`; every method raises Busy when AWS asks to wait."""

    def __init__(self, sagemaker: "SageMakerClient", pipeline: str, model_package_group: str) -> None:
        self._sagemaker = sagemaker
        self._pipeline = pipeline
        self._group = model_package_group

    def champion(self) -> str | None:
        """The model.tar.gz of the newest approved model package; None before the first approval."""
        try:
            approved = self._sagemaker.list_model_packages(
                ModelPackageGroupName=self._group,
                ModelApprovalStatus="Approved",
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=1,
            )["ModelPackageSummaryList"]
            if not approved:
                return None
            package = self._sagemaker.describe_model_package(ModelPackageName=approved[0]["ModelPackageArn"])
        except ClientError as error:
            raise _busy(error) from error
        return package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]

    def start(self, running: Running) -> str:
        """The ARN of the execution for `running.token`, started now or by an earlier call with this token."""
        parameters: list[ParameterTypeDef] = []
        if running.champion:
            parameters = [{"Name": "ChampionModelUri", "Value": running.champion}]
        try:
            return self._sagemaker.start_pipeline_execution(
                PipelineName=self._pipeline,
                ClientRequestToken=running.token,
                PipelineExecutionDescription=running.description,
                PipelineParameters=parameters,
            )["PipelineExecutionArn"]
        except ClientError as error:
            raise _busy(error) from error

    def status(self, arn: str) -> ExecutionStatus:
        """Where the execution stands; "Gone" when it was deleted together with an earlier pipeline."""
        try:
            answer = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return "Gone"
            raise _busy(error) from error
        return cast(ExecutionStatus, answer["PipelineExecutionStatus"])


def _busy(error: ClientError) -> Exception:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    passing = error.response["Error"]["Code"] in PASSING or status >= SERVICE_FAULT
    return Busy(str(error)) if passing else error
