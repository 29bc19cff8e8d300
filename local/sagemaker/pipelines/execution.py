"""One execution: begins the steps whose needs are met, follows their jobs, and ends with the last of them."""

import logging
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import HTTPClientError

from local.errors import ApiError
from local.sagemaker.context import Context, now
from local.sagemaker.events import iso
from local.sagemaker.pipelines.cache import hit, signature
from local.sagemaker.pipelines.calls import Caller, StepFailed, made_name
from local.sagemaker.pipelines.definition import Definition, Retry, Step
from local.sagemaker.pipelines.expressions import ExpressionError, Scope, evaluate, holds, look_up
from local.sagemaker.pipelines.journal import ENDED, Journal
from local.sagemaker.pipelines.selection import selected
from local.sagemaker.pipelines.steps import JOBS, Made, call_function, create_model, register_model
from local.sagemaker.store import Record

_LOOK_SECONDS = 1.0
_PARALLEL_STEPS = 50
_FAILURE = "Step failure: One or multiple steps failed."
_TRIGGERS = {
    "Completed": ("Succeeded",),
    "Failed": ("Failed",),
    "Stopped": ("Stopped",),
    "Any": ENDED,
}
# SageMaker retries these by itself: docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
_OWN_RETRY = Retry(("Step.SERVICE_FAULT", "Step.THROTTLING"))

logger = logging.getLogger(__name__)


class Execution:
    """Runs one execution in the thread that calls `run`; what its journal has as done is never done again."""

    def __init__(self, context: Context, journal: Journal, definition: Definition) -> None:
        self._context = context
        self._journal = journal
        self._definition = definition
        record = journal.execution()
        self._arn: str = record["PipelineExecutionArn"]
        self._id = self._arn.rpartition("/")[2]
        self._role: str = record["RoleArn"]
        self._variables = _variables(record, self._id)
        self._parameters: Mapping[str, Any] = record["Parameters"]
        self._selected = selected(record)
        self._callers: dict[str, Caller] = {}

    def run(self) -> None:
        """Go on until the execution has ended or the service closes."""
        closing = self._context.closing
        while not closing.is_set():
            seen = self._seen()
            try:
                if self._advance():
                    return
            except HTTPClientError:
                logger.warning("execution %s waits for the cloud", self._arn, exc_info=True)
            except Exception:
                # Nothing that happens here may leave an execution behind that never ends.
                logger.exception("execution %s", self._arn)
                if not closing.is_set():
                    self._journal.set_status("Failed", FailureReason="Internal error of the embedded AWS.")
                return
            self._wait(seen)

    def _wait(self, seen: list[Any]) -> None:
        closing = self._context.closing
        self._context.store.wait(lambda: closing.is_set() or self._seen() != seen, _LOOK_SECONDS)

    def _seen(self) -> list[Any]:
        """What wakes an execution: its own status, those of its steps, and those of the jobs it waits for."""
        steps = self._journal.steps()
        jobs = [
            JOBS[state["StepType"]].status(job)
            for state in steps.values()
            if state["StepStatus"] not in ENDED and (job := self._job(state))
        ]
        statuses = [state["StepStatus"] for state in steps.values()]
        return [self._journal.execution()["PipelineExecutionStatus"], statuses, jobs]

    def _job(self, state: Record) -> Record | None:
        kind = JOBS.get(state["StepType"])
        return self._context.store.get(kind.kind, state["Job"]) if kind and "Job" in state else None

    def _advance(self) -> bool:
        """Do what can be done now; whether the execution has ended."""
        stopping = self._journal.execution()["PipelineExecutionStatus"] == "Stopping"
        for name, state in self._journal.steps().items():
            if state["StepStatus"] not in ENDED:
                self._follow(self._definition.steps[name], state, stopping)
        while not stopping and (step := self._next()):
            self._begin(step)
        statuses = {state["StepStatus"] for state in self._journal.steps().values()}
        if not statuses <= set(ENDED):
            return False
        if stopping:
            self._journal.set_status("Stopped")
        elif statuses <= {"Succeeded"}:
            self._journal.set_status("Succeeded")
        else:
            self._journal.set_status("Failed", FailureReason=_FAILURE)
        return True

    def _next(self) -> Step | None:
        """A step that can begin now."""
        states = self._journal.steps()
        parallel = self._journal.execution().get("ParallelismConfiguration", {})
        running = sum(state["StepStatus"] not in ENDED for state in states.values())
        if running >= parallel.get("MaxParallelExecutionSteps", _PARALLEL_STEPS):
            return None
        failed = any(state["StepStatus"] in ("Failed", "Stopped") for state in states.values())
        for step in self._definition.steps.values():
            if self._selected is not None and step.name not in self._selected:
                continue
            # After a failure only steps begin that were declared to follow one.
            wanted = not failed or set(step.dependencies.values()) - {"Completed"}
            if step.name not in states and wanted and _ready(step, states):
                return step
        return None

    def _begin(self, step: Step) -> None:
        # The name is on disk before there is a job: after a crash that job is looked for, not another made.
        self._journal.set_step(
            step.name, step.type, "Starting", Job=made_name(self._id, step.name, step.type)
        )
        self._start(step, self._journal.steps()[step.name])

    def _follow(self, step: Step, state: Record, stopping: bool) -> None:
        job = self._job(state)
        kind = JOBS.get(step.type)
        try:
            if state["StepStatus"] == "Starting" or job is None or kind is None:
                if stopping and job is None:
                    self._journal.set_step(step.name, step.type, "Stopped")
                elif now() >= state.get("NotBefore", 0):
                    self._start(step, state)
            elif kind.status(job) in ("InProgress", "Stopping"):
                if stopping and state["StepStatus"] != "Stopping":
                    kind.stop(self._caller(step), state["Job"])
                    self._journal.set_step(step.name, step.type, "Stopping")
            elif stopping and kind.status(job) == "Stopped":
                self._journal.set_step(step.name, step.type, "Stopped")
            else:
                properties = kind.ended(kind.describe(self._caller(step), state["Job"]))
                self._journal.set_step(step.name, step.type, "Succeeded", Properties=properties)
        except StepFailed as failure:
            self._failed(step, state, failure)

    def _start(self, step: Step, state: Record) -> None:
        try:
            if step.type == "Condition":
                self._decide(step)
            elif step.type in JOBS:
                self._start_job(step, state)
            else:
                self._journal.set_step(step.name, step.type, "Executing")
                made = self._make(step, state, evaluate(step.arguments, self._scope(step)))
                # What was made must outlive a crash before the step can count as done.
                self._context.host.checkpoint()
                self._journal.set_step(
                    step.name, step.type, "Succeeded", Metadata=made.metadata, Properties=made.properties
                )
        except StepFailed as failure:
            self._failed(step, state, failure)
        except (ExpressionError, ApiError) as error:
            self._failed(step, state, StepFailed(f"ClientError: {error}"))

    def _start_job(self, step: Step, state: Record) -> None:
        """Create the job, unless an earlier run of the step has results that still count."""
        arguments = evaluate(step.arguments, self._scope(step))
        wanted = signature(step.type, arguments)
        # A job that is there already was started before a crash.
        if step.cached_seconds is not None and wanted and self._job(state) is None:
            pipeline = self._variables["PipelineName"]
            if run := hit(self._context, pipeline, step.name, wanted, step.cached_seconds):
                self._journal.set_step(
                    step.name,
                    step.type,
                    "Succeeded",
                    Metadata=run["Metadata"],
                    Properties=run["Properties"],
                    CacheHitResult={"SourcePipelineExecutionArn": run["Execution"]},
                )
                return
        made = JOBS[step.type].create(self._caller(step), state["Job"], arguments, self._tags(step))
        self._journal.set_step(step.name, step.type, "Executing", Metadata=made.metadata, Signature=wanted)

    def _decide(self, step: Step) -> None:
        scope = self._scope(step)
        outcome = all(holds(condition, scope) for condition in step.arguments["Conditions"])
        self._journal.set_step(
            step.name,
            step.type,
            "Succeeded",
            Metadata={"Condition": {"Outcome": str(outcome)}},
            Properties={"Outcome": str(outcome).lower()},
            Branch="IfSteps" if outcome else "ElseSteps",
        )

    def _make(self, step: Step, state: Record, arguments: Any) -> Made:
        caller = self._caller(step)
        if step.type == "Fail":
            message = str(arguments["ErrorMessage"])
            self._journal.set_step(
                step.name, step.type, "Executing", Metadata={"Fail": {"ErrorMessage": message}}
            )
            raise StepFailed(message)
        if step.type == "RegisterModel":
            return register_model(caller, self._arn, step, arguments)
        if step.type == "Lambda":
            return call_function(caller, step, arguments)
        return create_model(caller, state["Job"], arguments, self._tags(step))

    def _failed(self, step: Step, state: Record, failure: StepFailed) -> None:
        """The step has failed, or starts again where a retry policy says so."""
        job = self._job(state)
        again = job is not None and JOBS[step.type].status(job) in ("Failed", "Stopped")
        attempt = state["AttemptCount"]
        policy = next((p for p in (*step.retries, _OWN_RETRY) if failure.kind in p.exceptions), None)
        if policy is None or not _may_retry(policy, attempt, now() - state["StartTime"], self._context.speed):
            self._journal.set_step(step.name, step.type, "Failed", FailureReason=str(failure))
            return
        delay = policy.interval_seconds * policy.backoff_rate ** (attempt - 1) / self._context.speed
        self._journal.set_step(
            step.name,
            step.type,
            "Starting",
            AttemptCount=attempt + 1,
            # Another job only after one that ended: a call that failed may still have made its job.
            Job=made_name(self._id, step.name, step.type) if again else state["Job"],
            NotBefore=now() + delay,
        )

    def _caller(self, step: Step) -> Caller:
        if step.name not in self._callers:
            self._callers[step.name] = Caller(self._context, self._role, self._id, step.name)
        return self._callers[step.name]

    def _tags(self, step: Step) -> list[Record]:
        """The tags that Pipelines puts on what it makes."""
        return [
            {"Key": "sagemaker:pipeline-execution-arn", "Value": self._arn},
            {"Key": "sagemaker:pipeline-step-name", "Value": step.name},
        ]

    def _scope(self, step: Step) -> Scope:
        caller = self._caller(step)

        def properties(name: str) -> Record:
            found: Record = self._journal.steps().get(name, {}).get("Properties", {})
            return found

        def property_file(name: str, file: str) -> str:
            content = self._definition.steps[name].property_file(file)
            path = f"ProcessingOutputConfig.Outputs['{content['OutputName']}'].S3Output.S3Uri"
            folder = look_up(properties(name), path)
            return caller.text(f"{folder.rstrip('/')}/{content['FilePath']}")

        variables = {**self._variables, "CurrentDateTime": iso(now())}
        return Scope(self._parameters, variables, properties, property_file, caller.text)


def _ready(step: Step, states: Mapping[str, Record]) -> bool:
    for name, trigger in step.dependencies.items():
        if states.get(name, {}).get("StepStatus") not in _TRIGGERS[trigger]:
            return False
    return step.parent is None or states[step.parent[0]]["Branch"] == step.parent[1]


def _may_retry(policy: Retry, attempt: int, elapsed: float, speed: float) -> bool:
    if policy.expire_after_minutes is not None and elapsed > policy.expire_after_minutes * 60 / speed:
        return False
    return attempt <= policy.max_attempts


def _variables(record: Record, identifier: str) -> dict[str, str]:
    return {
        "PipelineName": record["PipelineArn"].rpartition("/")[2],
        "PipelineArn": record["PipelineArn"],
        "PipelineExecutionId": identifier,
        "PipelineExecutionArn": record["PipelineExecutionArn"],
        "StartDateTime": iso(record["CreationTime"]),
    }
