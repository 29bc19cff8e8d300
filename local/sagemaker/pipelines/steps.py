"""What each type of step does: begin, and for those that run a job, follow and stop it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.sagemaker.pipelines.calls import Caller, StepFailed
from local.sagemaker.pipelines.definition import Step
from local.sagemaker.store import Record

_TOP_JOBS = 50
"""Training jobs that a Tuning step keeps: the SDK's TuningStep.get_top_model_s3_uri."""
_JOB_FAILURES = {
    "InternalServerError": "SageMaker.JOB_INTERNAL_ERROR",
    "CapacityError": "SageMaker.CAPACITY_ERROR",
}


@dataclass(frozen=True)
class Made:
    """What a step has made: Metadata as the API shows it, and the properties that other steps may use."""

    metadata: Record
    properties: Record = field(default_factory=dict)


@dataclass(frozen=True)
class JobKind:
    """The names of a kind of job: `noun` is as in CreateTrainingJob and TrainingJobName."""

    noun: str
    kind: str
    """As in the ARN, and in the store."""

    def create(self, caller: Caller, name: str, arguments: Mapping[str, Any], tags: list[Record]) -> Made:
        """Start the job; one that has this name already was started before a crash, and is ours."""
        request = {**arguments, f"{self.noun}Name": name, "Tags": [*arguments.get("Tags", []), *tags]}
        try:
            answer = caller.sagemaker(f"Create{self.noun}", **request)
        except StepFailed as failure:
            if failure.code != "ResourceInUse":
                raise
            answer = self.describe(caller, name)
        return Made({self.noun: {"Arn": answer[f"{self.noun}Arn"]}})

    def describe(self, caller: Caller, name: str) -> Record:
        """The job as its Describe operation shows it."""
        return caller.sagemaker(f"Describe{self.noun}", **{f"{self.noun}Name": name})

    def stop(self, caller: Caller, name: str) -> None:
        """Ask the job to stop; one that has ended meanwhile is left alone."""
        try:
            caller.sagemaker(f"Stop{self.noun}", **{f"{self.noun}Name": name})
        except StepFailed as failure:
            if failure.code != "ValidationException":
                raise

    def status(self, record: Record) -> str:
        """The status of a record of this kind."""
        return str(record[f"{self.noun}Status"])

    def ended(self, job: Record) -> Record:
        """The properties of a step whose job has completed; StepFailed if it ended in another way."""
        status = self.status(job)
        if status == "Completed":
            return job
        reason = (
            job.get("FailureReason") or f"ClientError: {self.noun} {job[f'{self.noun}Name']} was stopped."
        )
        raise StepFailed(reason, _JOB_FAILURES.get(reason.partition(":")[0], ""))


class TuningKind(JobKind):
    """A tuning job, whose step has as properties also its best training jobs, the best first."""

    def create(self, caller: Caller, name: str, arguments: Mapping[str, Any], tags: list[Record]) -> Made:
        """Start the tuning job, which the metadata of a step call TuningJob."""
        made = super().create(caller, name, arguments, tags)
        return Made({"TuningJob": made.metadata[self.noun]})

    def describe(self, caller: Caller, name: str) -> Record:
        """The tuning job, with TrainingJobSummaries as an expression refers to them."""
        job = super().describe(caller, name)
        objective = job.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
        listed = caller.sagemaker(
            "ListTrainingJobsForHyperParameterTuningJob",
            HyperParameterTuningJobName=name,
            SortBy="FinalObjectiveMetricValue",
            SortOrder="Ascending" if objective.get("Type") == "Minimize" else "Descending",
            MaxResults=_TOP_JOBS,
        )
        return {**job, "TrainingJobSummaries": listed["TrainingJobSummaries"]}


JOBS = {
    "Processing": JobKind("ProcessingJob", "processing-job"),
    "Training": JobKind("TrainingJob", "training-job"),
    "Tuning": TuningKind("HyperParameterTuningJob", "hyper-parameter-tuning-job"),
    "Transform": JobKind("TransformJob", "transform-job"),
}


def register_model(caller: Caller, execution_arn: str, step: Step, arguments: Mapping[str, Any]) -> Made:
    """Register the package: once for an execution and a step, however often this is called."""
    for container in arguments.get("InferenceSpecification", {}).get("Containers", []):
        if model := container.get("ModelDataUrl"):
            caller.check_readable(model)
    generated = {"GeneratedBy": execution_arn, **arguments.get("MetadataProperties", {})}
    token = hashlib.sha256(f"{execution_arn}/{step.name}".encode()).hexdigest()[:36]
    request = {**arguments, "MetadataProperties": generated, "ClientToken": token}
    answer = caller.sagemaker("CreateModelPackage", **request)
    properties = {**arguments, **answer}
    return Made({"RegisterModel": {"Arn": answer["ModelPackageArn"]}}, properties)


def create_model(caller: Caller, name: str, arguments: Mapping[str, Any], tags: list[Record]) -> Made:
    """Create the model, or find the one that was made before a crash."""
    request = {**arguments, "ModelName": name, "Tags": [*arguments.get("Tags", []), *tags]}
    try:
        answer = caller.sagemaker("CreateModel", **request)
    except StepFailed as failure:
        if "already existing model" not in str(failure):
            raise
        answer = caller.sagemaker("DescribeModel", ModelName=name)
    return Made({"Model": {"Arn": answer["ModelArn"]}}, {**arguments, **answer, "ModelName": name})


def call_function(caller: Caller, step: Step, arguments: Mapping[str, Any]) -> Made:
    """Invoke a Lambda function and check that its answer has the outputs that the step declares."""
    function = step.raw["FunctionArn"]
    answer = caller.invoke(function, arguments)
    names = [output["OutputName"] for output in step.raw.get("OutputParameters", [])]
    if missing := [name for name in names if not isinstance(answer, dict) or name not in answer]:
        raise StepFailed(f"ClientError: {function} did not answer with {', '.join(missing)}.")
    outputs = {name: answer[name] for name in names}
    listed = [{"Name": name, "Value": str(value)} for name, value in outputs.items()]
    return Made({"Lambda": {"Arn": function, "OutputParameters": listed}}, {"OutputParameters": outputs})
