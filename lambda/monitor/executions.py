"""The executions of the monitoring pipeline."""

from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from monitor.decision import ExecutionStatus
from monitor.state import Running

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient


class Executions:
    """Starts and describes the executions of `pipeline`."""

    def __init__(self, sagemaker: "SageMakerClient", pipeline: str) -> None:
        self._sagemaker, self._pipeline = sagemaker, pipeline

    def start(self, running: Running) -> str:
        """The ARN of the execution for `running.token`, started now or by an earlier call with this token."""
        return self._sagemaker.start_pipeline_execution(
            PipelineName=self._pipeline,
            ClientRequestToken=running.token,
            PipelineExecutionDescription=f"Look at the calls until {running.window}",
            PipelineParameters=[
                {"Name": "Window", "Value": running.folder},
                {"Name": "Baseline", "Value": running.baseline},
                {"Name": "Quality", "Value": running.quality},
            ],
        )["PipelineExecutionArn"]

    def status(self, arn: str) -> ExecutionStatus:
        """Where the execution stands; "Gone" when it was deleted together with an earlier pipeline."""
        return cast(ExecutionStatus, self._describe(arn)[0])

    def failure(self, arn: str) -> str:
        """Why an execution did not succeed, in AWS's words."""
        return self._describe(arn)[1]

    def _describe(self, arn: str) -> tuple[str, str]:
        try:
            answer = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return "Gone", "its pipeline was deleted"
            raise
        status = answer["PipelineExecutionStatus"]
        return status, answer.get("FailureReason", f"the execution is {status}")
