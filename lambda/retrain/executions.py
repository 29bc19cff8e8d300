"""The executions of one SageMaker Pipeline, and the champion that they compare their model with."""

from hashlib import sha256
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from retrain.decision import IN_FLIGHT, ExecutionStatus
from retrain.faults import patient
from retrain.measured import MANIFEST, SNAPSHOT
from retrain.state import Running

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeModelPackageOutputTypeDef, ParameterTypeDef

# How many of the newest executions are looked at for one that somebody else has started.
NEWEST = 20
# Of a model package: how long a row of its training data was, in bytes.
BYTES_PER_ROW = "bytes_per_row"


class Executions:
    """Starts and describes the executions of `pipeline`; every method raises Busy when AWS asks to wait."""

    def __init__(self, sagemaker: "SageMakerClient", pipeline: str, model_package_group: str) -> None:
        self._sagemaker = sagemaker
        self._pipeline = pipeline
        self._group = model_package_group

    def champion(self) -> str | None:
        """The model.tar.gz of the newest approved model package; None before the first approval."""
        package = self._approved()
        return package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] if package else None

    def bytes_per_row(self) -> float | None:
        """How long a row of the data was when the champion was trained; None where nothing says so."""
        package = self._approved()
        written = package.get("CustomerMetadataProperties", {}).get(BYTES_PER_ROW, "") if package else ""
        try:
            length = float(written)
        except ValueError:
            return None
        return length if length > 0 else None

    def in_flight(self) -> str | None:
        """The ARN of an execution that runs, whoever has started it; None when none does."""
        with patient():
            newest = self._sagemaker.list_pipeline_executions(
                PipelineName=self._pipeline,
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=NEWEST,
            )["PipelineExecutionSummaries"]
        for summary in newest:
            if summary["PipelineExecutionStatus"] in IN_FLIGHT:
                arn = summary["PipelineExecutionArn"]
                # A list may lag behind the event that tells of an end.
                if self.status(arn) in IN_FLIGHT:
                    return arn
        return None

    def definition(self) -> str:
        """16 digits that are the same as long as the pipeline's definition is."""
        with patient():
            described = self._sagemaker.describe_pipeline(PipelineName=self._pipeline)
        return sha256(described["PipelineDefinition"].encode()).hexdigest()[:16]

    def start(self, running: Running) -> str:
        """The ARN of the execution for `running.token`, started now or by an earlier call with this token."""
        with patient():
            return self._sagemaker.start_pipeline_execution(
                PipelineName=self._pipeline,
                ClientRequestToken=running.token,
                PipelineExecutionDescription=running.description,
                PipelineParameters=_parameters(running),
            )["PipelineExecutionArn"]

    def status(self, arn: str) -> ExecutionStatus:
        """Where the execution stands; "Gone" when it was deleted together with an earlier pipeline."""
        try:
            with patient():
                answer = self._sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFound":
                return "Gone"
            raise
        return cast(ExecutionStatus, answer["PipelineExecutionStatus"])

    def _approved(self) -> "DescribeModelPackageOutputTypeDef | None":
        with patient():
            approved = self._sagemaker.list_model_packages(
                ModelPackageGroupName=self._group,
                ModelApprovalStatus="Approved",
                SortBy="CreationTime",
                SortOrder="Descending",
                MaxResults=1,
            )["ModelPackageSummaryList"]
            if not approved:
                return None
            return self._sagemaker.describe_model_package(ModelPackageName=approved[0]["ModelPackageArn"])


def _parameters(running: Running) -> "list[ParameterTypeDef]":
    values = {}
    if running.champion:
        values["ChampionModelUri"] = running.champion
    if running.inputs:
        listed = running.inputs.endswith(f"/{MANIFEST}")
        values["InputDataUri"] = running.inputs
        values["InputDataType"] = "ManifestFile" if listed else "S3Prefix"
        values["Cause"] = running.cause
        if listed:
            values["SnapshotUri"] = running.inputs.removesuffix(MANIFEST) + SNAPSHOT
    return [{"Name": name, "Value": value} for name, value in values.items()]
