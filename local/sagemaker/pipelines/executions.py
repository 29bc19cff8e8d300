"""Executions of pipelines: the operations on them, and the threads that run them."""

import secrets
import string
import threading
from typing import Any

from local.errors import ResourceLimitExceeded, ResourceNotFound, ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.pipelines.catalog import PIPELINE, TOKEN, VERSION, find_pipeline, find_version
from local.sagemaker.pipelines.definition import Definition, parse
from local.sagemaker.pipelines.execution import Execution
from local.sagemaker.pipelines.journal import ENDED, EXECUTION, Journal, announce
from local.sagemaker.pipelines.selection import borrowed
from local.sagemaker.store import Record

_LIMIT = 20
"""Executions at once: an account's default (docs.aws.amazon.com/general/latest/gr/sagemaker.html)."""
_LETTERS = string.ascii_lowercase + string.digits


class Executions:
    """Start, describe, list, stop and retry executions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._threads: list[threading.Thread] = []

    @operation("StartPipelineExecution")
    def start(self, params: Params) -> Answer:
        """Start an execution of the newest version; the same ClientRequestToken starts it once."""
        pipeline = find_pipeline(self._context, params["PipelineName"])
        name, token = pipeline["PipelineName"], params["ClientRequestToken"]
        with self._store.transaction():
            if earlier := self._store.get(TOKEN, f"{name}/{token}"):
                return {"PipelineExecutionArn": earlier["PipelineExecutionArn"]}
            self._check_quota()
            number = int(params.get("PipelineVersionId") or pipeline["LastVersion"])
            version = find_version(self._context, name, number)
            definition = parse(version["PipelineDefinition"])
            values = definition.values(params.get("PipelineParameters", []))
            selection = params.get("SelectiveExecutionConfig")
            lent = borrowed(self._context, name, definition, selection) if selection else {}
            record = self._new(pipeline, version, params, values)
            arn = record["PipelineExecutionArn"]
            key = self._key(arn)
            self._store.put(EXECUTION, key, record)
            for step, done in lent.items():
                Journal(self._context, key).borrow(step, done)
            self._store.put(TOKEN, f"{name}/{token}", {"PipelineExecutionArn": arn})
            self._store.update(VERSION, f"{name}/{number}", LastExecutionPipelineExecutionArn=arn)
            self._store.update(PIPELINE, name, LastRunTime=record["CreationTime"])
            announce(self._context, record, None)
        self._run(key)
        return {"PipelineExecutionArn": arn}

    @operation("DescribePipelineExecution")
    def describe(self, params: Params) -> Answer:
        """The execution."""
        return self._execution(params["PipelineExecutionArn"])

    @operation("ListPipelineExecutions")
    def list(self, params: Params) -> Answer:
        """Page through the executions of a pipeline, the newest first."""
        pipeline = find_pipeline(self._context, params["PipelineName"])
        records = [
            {
                **record,
                "StartTime": record["CreationTime"],
                "PipelineExecutionFailureReason": record.get("FailureReason"),
            }
            for record in self._store.list(EXECUTION, f"{pipeline['PipelineName']}/")
        ]
        summaries, token = page(listed(records, params, name="PipelineExecutionArn"), params)
        return {"PipelineExecutionSummaries": summaries, "NextToken": token}

    @operation("ListPipelineExecutionSteps")
    def list_steps(self, params: Params) -> Answer:
        """Page through the steps that have begun, the newest first."""
        record = self._execution(params["PipelineExecutionArn"])
        steps = Journal(self._context, self._key(record["PipelineExecutionArn"])).steps().values()
        ordered = sorted(
            ({"Metadata": {}, **step} for step in steps),
            key=lambda step: float(step["StartTime"]),
            reverse=params.get("SortOrder", "Descending") == "Descending",
        )
        found, token = page(ordered, params)
        return {"PipelineExecutionSteps": found, "NextToken": token}

    @operation("ListPipelineParametersForExecution")
    def list_parameters(self, params: Params) -> Answer:
        """The parameters of an execution, with the values that it runs with."""
        values = self._execution(params["PipelineExecutionArn"])["Parameters"]
        parameters = [{"Name": name, "Value": _text(value)} for name, value in values.items()]
        found, token = page(parameters, params)
        return {"PipelineParameters": found, "NextToken": token}

    @operation("DescribePipelineDefinitionForExecution")
    def describe_definition(self, params: Params) -> Answer:
        """The definition that an execution runs."""
        return self._version(self._execution(params["PipelineExecutionArn"]))

    @operation("UpdatePipelineExecution")
    def update(self, params: Params) -> Answer:
        """Change the display name, the description or the parallelism of an execution."""
        arn = params.pop("PipelineExecutionArn")
        with self._store.transaction():
            self._execution(arn)
            self._store.update(EXECUTION, self._key(arn), **params, LastModifiedTime=now())
        return {"PipelineExecutionArn": arn}

    @operation("StopPipelineExecution")
    def stop(self, params: Params) -> Answer:
        """Stop an execution and the jobs that it waits for."""
        arn = params["PipelineExecutionArn"]
        with self._store.transaction():
            record = self._execution(arn)
            status = record["PipelineExecutionStatus"]
            if status in ENDED:
                raise ValidationException(f"Pipeline execution with ARN {arn} has already ended: {status}.")
            if status == "Executing":
                Journal(self._context, self._key(arn)).set_status("Stopping")
        return {"PipelineExecutionArn": arn}

    @operation("RetryPipelineExecution")
    def retry(self, params: Params) -> Answer:
        """Run the steps that failed, were stopped or did not begin; what has succeeded stays."""
        arn = params["PipelineExecutionArn"]
        with self._store.transaction():
            status = self._execution(arn)["PipelineExecutionStatus"]
            if status not in ("Failed", "Stopped"):
                raise ValidationException(
                    f"Pipeline execution with ARN {arn} cannot be retried in status {status}; only "
                    "executions that have failed or were stopped can."
                )
            self._check_quota()
            journal = Journal(self._context, self._key(arn))
            for name, step in journal.steps().items():
                if step["StepStatus"] != "Succeeded":
                    journal.forget(name)
            journal.set_status("Executing", FailureReason=None)
        self._run(self._key(arn))
        return {"PipelineExecutionArn": arn}

    def resume(self) -> None:
        """Go on with the executions that had not ended."""
        for record in self._store.list(EXECUTION):
            if record["PipelineExecutionStatus"] not in ENDED:
                self._run(self._key(record["PipelineExecutionArn"]))

    def close(self) -> None:
        """Wait for the threads, which end when the context is closing."""
        for thread in self._threads:
            thread.join(timeout=10)

    def _run(self, key: str) -> None:
        journal = Journal(self._context, key)
        execution = Execution(self._context, journal, self._definition(journal.execution()))
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(self._context.spawn(execution.run, name=f"execution-{key}"))

    def _new(self, pipeline: Record, version: Record, params: Params, values: dict[str, Any]) -> Record:
        identifier = "".join(secrets.choice(_LETTERS) for _ in range(12))
        started = now()
        parallelism = params.get("ParallelismConfiguration", pipeline.get("ParallelismConfiguration", {}))
        return {
            "PipelineExecutionDisplayName": f"execution-{round(started * 1000)}",
            **{key: params[key] for key in params if key.startswith("PipelineExecution")},
            "PipelineArn": pipeline["PipelineArn"],
            "PipelineExecutionArn": f"{pipeline['PipelineArn']}/execution/{identifier}",
            "PipelineExecutionStatus": "Executing",
            "CreationTime": started,
            "LastModifiedTime": started,
            "CreatedBy": {},
            "LastModifiedBy": {},
            "PipelineVersionId": version["PipelineVersionId"],
            **({"ParallelismConfiguration": parallelism} if parallelism else {}),
            **{key: params[key] for key in ("SelectiveExecutionConfig",) if key in params},
            "RoleArn": pipeline["RoleArn"],
            "Parameters": values,
        }

    def _check_quota(self) -> None:
        running = sum(
            record["PipelineExecutionStatus"] not in ENDED for record in self._store.list(EXECUTION)
        )
        if running >= _LIMIT:
            raise ResourceLimitExceeded(
                "The account-level service limit 'Maximum number of concurrent pipeline executions allowed "
                f"per account' is {_LIMIT} Executions, with current utilization of {running} Executions and "
                "a request delta of 1 Executions."
            )

    def _key(self, arn: str) -> str:
        """The name of an execution's record: PIPELINE/ID."""
        return self._context.name(PIPELINE, arn).replace("/execution/", "/")

    def _execution(self, arn: str) -> Record:
        missing = ResourceNotFound(f"Pipeline execution '{arn}' does not exist.")
        return self._context.find(EXECUTION, self._key(arn), missing)

    def _version(self, record: Record) -> Record:
        name = self._context.name(PIPELINE, record["PipelineArn"])
        return find_version(self._context, name, record["PipelineVersionId"])

    def _definition(self, record: Record) -> Definition:
        return parse(self._version(record)["PipelineDefinition"])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
