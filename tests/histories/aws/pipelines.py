"""SageMaker Pipelines in memory: executions that start by token and end when the history says so.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StartPipelineExecution.html
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from tests.histories.aws.bus import ACCOUNT, REGION
from tests.histories.aws.points import Refused

SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}"
CHANGED = "SageMaker Model Building Pipeline Execution Status Change"
# https://docs.aws.amazon.com/general/latest/gr/sagemaker.html
MOST_EXECUTIONS = 20
Status = Literal["Executing", "Stopped", "Failed", "Succeeded"]
Tell = Callable[[str, str, Mapping[str, Any]], object]


@dataclass
class Execution:
    """One execution; times are epoch seconds, `calls` how often it was asked for."""

    arn: str
    pipeline: str
    token: str
    parameters: dict[str, str]
    description: str
    started: float
    calls: int = 1
    status: Status = "Executing"
    ended: float = 0.0
    step: str = ""
    failure: str = ""

    @property
    def id(self) -> str:
        """What the pipeline's definition calls ExecutionId."""
        return self.arn.rpartition("/")[2]


@dataclass
class Pipelines:
    """Pipelines: their definitions by their names; executions in the order of their starts.

    `full` says that the account takes no more executions; `strange` is what no client should do.
    """

    definitions: dict[str, str]
    clock: Callable[[], float]
    tell: Tell
    started: Callable[[Execution], None] = lambda _: None
    executions: list[Execution] = field(default_factory=list)
    full: bool = False
    strange: list[str] = field(default_factory=list)

    def start_pipeline_execution(
        self,
        *,
        PipelineName: str,
        ClientRequestToken: str = "",
        PipelineParameters: Sequence[Mapping[str, str]] = (),
        PipelineExecutionDescription: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        """Start an execution, or name the one that this token has started."""
        self._require(PipelineName)
        parameters = {given["Name"]: given["Value"] for given in PipelineParameters}
        for found in self.executions:
            if ClientRequestToken and found.token == ClientRequestToken and found.pipeline == PipelineName:
                found.calls += 1
                if found.parameters != parameters:
                    self.strange.append(f"the token of {found.arn} came again with other parameters")
                return {"PipelineExecutionArn": found.arn}
        if self.full or len(self.executing()) >= MOST_EXECUTIONS:
            raise Refused(
                "ResourceLimitExceeded",
                "The account-level service limit 'Number of concurrent pipeline executions' is 20",
            )
        number = len(self.executions) + 1
        execution = Execution(
            f"{SAGEMAKER}:pipeline/{PipelineName}/execution/{number:012}",
            PipelineName,
            ClientRequestToken or f"{number:064}",
            parameters,
            PipelineExecutionDescription,
            self.clock(),
        )
        self.executions.append(execution)
        self.started(execution)
        return {"PipelineExecutionArn": execution.arn}

    def describe_pipeline(self, *, PipelineName: str, **_: Any) -> dict[str, Any]:
        """The pipeline's definition."""
        self._require(PipelineName)
        return {
            "PipelineName": PipelineName,
            "PipelineArn": f"{SAGEMAKER}:pipeline/{PipelineName}",
            "PipelineStatus": "Active",
            "PipelineDefinition": self.definitions[PipelineName],
            "CreationTime": _time(0),
            "LastModifiedTime": _time(0),
        }

    def describe_pipeline_execution(self, *, PipelineExecutionArn: str, **_: Any) -> dict[str, Any]:
        """Where an execution stands."""
        found = self._find(PipelineExecutionArn)
        return {
            "PipelineArn": f"{SAGEMAKER}:pipeline/{found.pipeline}",
            **self._summary(found),
            **({"FailureReason": found.failure} if found.failure else {}),
        }

    def list_pipeline_executions(
        self,
        *,
        PipelineName: str,
        SortOrder: str = "Descending",
        MaxResults: int = 10,
        NextToken: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        """A page of executions, by the time of their creation."""
        self._require(PipelineName)
        found = [execution for execution in self.executions if execution.pipeline == PipelineName]
        if SortOrder == "Descending":
            found.reverse()
        first = int(NextToken or 0)
        page = found[first : first + MaxResults]
        more = {"NextToken": f"{first + MaxResults}"} if found[first + MaxResults :] else {}
        return {"PipelineExecutionSummaries": [self._listed(one) for one in page], **more}

    def list_pipeline_parameters_for_execution(
        self, *, PipelineExecutionArn: str, **_: Any
    ) -> dict[str, Any]:
        """The parameters that an execution was started with."""
        given = self._find(PipelineExecutionArn).parameters
        return {"PipelineParameters": [{"Name": name, "Value": value} for name, value in given.items()]}

    def list_pipeline_execution_steps(self, *, PipelineExecutionArn: str, **_: Any) -> dict[str, Any]:
        """The step that failed, if one did."""
        found = self._find(PipelineExecutionArn)
        failed = {"StepName": found.step, "StepStatus": "Failed", "FailureReason": found.failure}
        return {"PipelineExecutionSteps": [failed] if found.step else []}

    def executing(self, pipeline: str = "") -> list[Execution]:
        """What is under way."""
        return [
            found
            for found in self.executions
            if found.status == "Executing" and pipeline in ("", found.pipeline)
        ]

    def end(self, execution: Execution, status: Status, *, step: str = "", failure: str = "") -> None:
        """An execution ends, and an event tells so; it may have failed in a step.

        https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html
        """
        execution.status, execution.ended = status, self.clock()
        execution.step, execution.failure = step, failure
        detail = {
            "pipelineArn": f"{SAGEMAKER}:pipeline/{execution.pipeline}",
            "pipelineExecutionArn": execution.arn,
            "pipelineExecutionDisplayName": execution.id,
            "currentPipelineExecutionStatus": status,
            "previousPipelineExecutionStatus": "Executing",
            "executionStartTime": f"{_time(execution.started):%Y-%m-%dT%H:%M:%SZ}",
            "executionEndTime": f"{_time(execution.ended):%Y-%m-%dT%H:%M:%SZ}",
        }
        self.tell("aws.sagemaker", CHANGED, detail)

    def _listed(self, execution: Execution) -> dict[str, Any]:
        summary = self._summary(execution)
        return {
            "StartTime": summary["CreationTime"],
            **{
                name: value
                for name, value in summary.items()
                if name not in ("CreationTime", "LastModifiedTime")
            },
        }

    def _summary(self, execution: Execution) -> dict[str, Any]:
        return {
            "PipelineExecutionArn": execution.arn,
            "PipelineExecutionStatus": execution.status,
            "PipelineExecutionDescription": execution.description,
            "PipelineExecutionDisplayName": execution.id,
            "CreationTime": _time(execution.started),
            "LastModifiedTime": _time(execution.ended or execution.started),
        }

    def _find(self, arn: str) -> Execution:
        for execution in self.executions:
            if execution.arn == arn:
                return execution
        raise Refused("ResourceNotFound", f"Pipeline execution with ARN {arn} does not exist.")

    def _require(self, pipeline: str) -> None:
        if pipeline not in self.definitions:
            raise Refused("ResourceNotFound", f"Pipeline with ARN {SAGEMAKER}:pipeline/{pipeline} not found.")


def _time(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)
