"""What an execution has done so far: records of it and of its steps, on disk before it goes on."""

from typing import Any

from local.sagemaker.context import Context, now
from local.sagemaker.events import iso
from local.sagemaker.store import Record

EXECUTION, STEP = "pipeline-execution", "pipeline-execution-step"
ENDED = ("Succeeded", "Failed", "Stopped")
_EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
_STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"


class Journal:
    """The records of one execution, kept as `PIPELINE/ID` and `PIPELINE/ID/STEP`.

    A step's record has, beside what ListPipelineExecutionSteps shows: Job (the name of its job or model,
    chosen before there is one), Properties (what later steps refer to), Branch (of a condition), NotBefore
    (of a retry), Signature (of what caching compares) and Execution (the ARN of its execution).
    """

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._store = context.store
        self._name = name

    def execution(self) -> Record:
        """The execution."""
        record = self._store.get(EXECUTION, self._name)
        if record is None:
            raise KeyError(self._name)
        return record

    def steps(self) -> dict[str, Record]:
        """The steps that have begun, by name."""
        return {record["StepName"]: record for record in self._store.list(STEP, f"{self._name}/")}

    def set_status(self, status: str, **members: Any) -> None:
        """Move the execution to a status, and tell of it; a member None is removed."""
        with self._store.transaction():
            previous = self.execution()["PipelineExecutionStatus"]
            changed = {**members, "PipelineExecutionStatus": status, "LastModifiedTime": now()}
            announce(self._context, self._store.update(EXECUTION, self._name, **changed), previous)

    def set_step(self, name: str, kind: str, status: str, **members: Any) -> None:
        """Move a step to a status, and tell of it; the first call begins the step."""
        key = f"{self._name}/{name}"
        with self._store.transaction():
            earlier = self._store.get(STEP, key)
            record = earlier or self._new_step(name, kind)
            previous = record.get("StepStatus", "")
            record = {**record, **members, "StepStatus": status}
            if status in ENDED:
                record["EndTime"] = now()
            self._store.put(STEP, key, record)
            if status != previous:
                self._announce_step(record, previous)

    def borrow(self, name: str, record: Record) -> None:
        """Take over a step, as done at this moment, from another execution."""
        moment = now()
        self._store.put(STEP, f"{self._name}/{name}", {**record, "StartTime": moment, "EndTime": moment})

    def forget(self, name: str) -> None:
        """Drop a step, so that it runs again."""
        self._store.delete(STEP, f"{self._name}/{name}")

    def _new_step(self, name: str, kind: str) -> Record:
        execution = self.execution()["PipelineExecutionArn"]
        return {
            "StepName": name,
            "StepType": kind,
            "StartTime": now(),
            "AttemptCount": 1,
            "Execution": execution,
        }

    def _announce_step(self, record: Record, previous: str) -> None:
        execution = self.execution()
        detail = {
            "metadata": _lower_camel(record.get("Metadata", {})),
            "stepStartTime": iso(record["StartTime"]),
            "stepEndTime": iso(record["EndTime"]) if "EndTime" in record else None,
            "stepName": record["StepName"],
            "stepType": record["StepType"],
            "previousStepStatus": previous or None,
            "currentStepStatus": record["StepStatus"],
            "failureReason": record.get("FailureReason"),
            "pipelineArn": execution["PipelineArn"],
            "pipelineExecutionArn": execution["PipelineExecutionArn"],
        }
        _emit(self._context, _STEP_EVENT, detail, execution)


def announce(context: Context, record: Record, previous: str | None) -> None:
    """Send the event of an execution's status."""
    status = record["PipelineExecutionStatus"]
    detail = {
        "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
        "currentPipelineExecutionStatus": status,
        "previousPipelineExecutionStatus": previous,
        "executionStartTime": iso(record["CreationTime"]),
        "executionEndTime": iso(record["LastModifiedTime"]) if status in ENDED else None,
        "pipelineExecutionDescription": record.get("PipelineExecutionDescription"),
        "pipelineArn": record["PipelineArn"],
        "pipelineExecutionArn": record["PipelineExecutionArn"],
    }
    _emit(context, _EXECUTION_EVENT, detail, record)


def _emit(context: Context, detail_type: str, detail: Record, execution: Record) -> None:
    content = {key: value for key, value in detail.items() if value is not None}
    context.emit(detail_type, content, [execution["PipelineArn"], execution["PipelineExecutionArn"]])


def _lower_camel(metadata: Record) -> Record:
    return {
        key[0].lower() + key[1:]: _lower_camel(value) if isinstance(value, dict) else value
        for key, value in metadata.items()
    }
