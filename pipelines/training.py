"""The training pipeline: Prepare, Train, Evaluate, and a Gate that registers the model or fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from declaration import Data, Endpoint, Gate, Project
from pipelines import requests
from pipelines.sdk import (
    ConditionGreaterThanOrEqualTo,
    ConditionLessThanOrEqualTo,
    ConditionStep,
    ExecutionVariables,
    FailStep,
    Join,
    JsonGet,
    ParameterString,
    PropertyFile,
    RequestStep,
    compiled,
)

# Evaluate writes this file; the gate reads `gate.value`, `gate.passed` (1.0 or 0.0) and `gate.reason`.
METRICS = PropertyFile(name="Metrics", output_name="evaluation", path="metrics.json")
APPROVAL_STATUSES = ["PendingManualApproval", "Approved", "Rejected"]
_NUMBER = r"([-+0-9.eE]+)"
_VALIDATION_METRICS = {
    "binary": ("auc", "logloss"),
    "multiclass": ("mlogloss", "merror"),
    "regression": ("rmse", "mae"),
}


@dataclass(frozen=True)
class TrainingBindings:
    """What the pipeline finds in its surroundings; every text may be a CDK token."""

    region: str
    image_uri: str
    incoming_bucket: str
    artifacts_bucket: str
    no_champion_uri: str
    kms_key_arn: str
    subnets: Sequence[str]
    security_groups: Sequence[str]
    prepare_role_arn: str
    train_role_arn: str
    evaluate_role_arn: str
    model_package_group: str


def definition(project: Project, bindings: TrainingBindings) -> str:
    """The definition of the pipeline `<project>-training` as JSON text, the same for the same input."""
    return _TrainingPipeline(project, bindings).compile()


class _TrainingPipeline:
    """The steps; each refers to the ones before it."""

    def __init__(self, project: Project, bindings: TrainingBindings) -> None:
        self.project = project
        self.bindings = bindings
        self.input_data = ParameterString(
            "InputDataUri", default_value=f"s3://{bindings.incoming_bucket}/data/"
        )
        self.champion = ParameterString("ChampionModelUri", default_value=bindings.no_champion_uri)
        self.approval = ParameterString(
            "ModelApprovalStatus", default_value=APPROVAL_STATUSES[0], enum_values=APPROVAL_STATUSES
        )

    def compile(self) -> str:
        """All steps as JSON text."""
        prepare = self.prepare()
        train = self.train(prepare)
        evaluate = self.evaluate(prepare, train)
        gate = ConditionStep(
            name="Gate",
            conditions=_passes(self.project.gate),
            if_steps=[self.register(train)],
            else_steps=[FailStep(name="Rejected", error_message=_rejection(self.project.gate))],
        )
        return compiled(
            f"{self.project.name}-training",
            self.bindings.region,
            [self.input_data, self.champion, self.approval],
            [prepare, train, evaluate, gate],
        )

    def prepare(self) -> RequestStep:
        """The uploaded files become a training set, a hold-out and a schema."""
        request = requests.processing(
            self._processing_job(self.bindings.prepare_role_arn),
            program="prepare",
            arguments=_prepare_arguments(self.project.data),
            inputs={"data": self.input_data},
            outputs={name: self._uri("prepare", name) for name in ("train", "holdout", "schema")},
        )
        return RequestStep("Prepare", "Processing", request)

    def train(self, prepare: RequestStep) -> RequestStep:
        """The training set becomes a model."""
        data, algorithm = self.project.data, self.project.train
        request = requests.training(
            self._job(self.bindings.train_role_arn, algorithm.instance),
            channels={
                "train": requests.Channel(_output(prepare, "train"), "application/x-parquet"),
                "schema": requests.Channel(_output(prepare, "schema"), "application/json"),
            },
            hyperparameters={
                "problem": data.problem,
                "target": data.target,
                "rounds": algorithm.rounds,
                "max_depth": algorithm.max_depth,
                "eta": algorithm.eta,
                "subsample": algorithm.subsample,
                "colsample_bytree": algorithm.colsample_bytree,
                "early_stopping": algorithm.early_stopping,
                "seed": algorithm.seed,
            },
            metrics={
                f"validation:{name}": f"validation-{name}={_NUMBER}"
                for name in _VALIDATION_METRICS[data.problem]
            },
            output=self._uri("train", "model"),
        )
        return RequestStep("Train", "Training", request)

    def evaluate(self, prepare: RequestStep, train: RequestStep) -> RequestStep:
        """The new model and the reigning one predict the same hold-out."""
        request = requests.processing(
            self._processing_job(self.bindings.evaluate_role_arn),
            program="evaluate",
            arguments=_evaluate_arguments(self.project.gate),
            inputs={
                "model": train.properties.ModelArtifacts.S3ModelArtifacts,
                "champion": self.champion,
                "holdout": _output(prepare, "holdout"),
                "schema": _output(prepare, "schema"),
            },
            outputs={"evaluation": self._uri("evaluate", "evaluation")},
        )
        return RequestStep("Evaluate", "Processing", request, [METRICS])

    def register(self, train: RequestStep) -> RequestStep:
        """The model becomes a version in the registry, with its metrics."""
        gate, endpoint = self.project.gate, self.project.endpoint
        request = requests.model_package(
            group=self.bindings.model_package_group,
            image_uri=self.bindings.image_uri,
            model=train.properties.ModelArtifacts.S3ModelArtifacts,
            approval=self.approval,
            statistics=self._uri("evaluate", "evaluation", "metrics.json"),
            report=self._uri("evaluate", "evaluation", "report.html"),
            instance=endpoint.instance if isinstance(endpoint, Endpoint) else "ml.c5.large",
            properties={
                "project": self.project.name,
                "metric": gate.metric,
                "value": Join(on="", values=[_metric("value")]),
                "threshold": str(gate.threshold),
            },
        )
        return RequestStep("Register", "RegisterModel", request)

    def _processing_job(self, role_arn: str) -> requests.Job:
        return self._job(role_arn, self.project.data.instance)

    def _job(self, role_arn: str, instance: str) -> requests.Job:
        return requests.Job(
            image_uri=self.bindings.image_uri,
            role_arn=role_arn,
            instance=instance,
            volume_gb=self.project.data.volume_gb,
            kms_key_arn=self.bindings.kms_key_arn,
            subnets=self.bindings.subnets,
            security_groups=self.bindings.security_groups,
        )

    def _uri(self, *path: str) -> Any:
        # Each execution writes below its own id, so that no two can meet.
        base = f"s3://{self.bindings.artifacts_bucket}/executions"
        return Join(on="/", values=[base, ExecutionVariables.PIPELINE_EXECUTION_ID, *path])


def _output(step: RequestStep, name: str) -> Any:
    return step.properties.ProcessingOutputConfig.Outputs[name].S3Output.S3Uri


def _metric(name: str) -> Any:
    return JsonGet(step_name="Evaluate", property_file=METRICS, json_path=f"gate.{name}")


def _prepare_arguments(data: Data) -> list[str]:
    arguments = ["--target", data.target, "--problem", data.problem, "--holdout", str(data.holdout)]
    if data.time is not None:
        arguments += ["--time", data.time]
    for column in data.drop:
        arguments += ["--drop", column]
    return arguments


def _evaluate_arguments(gate: Gate) -> list[str]:
    bound = "--at-least" if gate.judged_by.higher_is_better else "--at-most"
    arguments = ["--metric", gate.metric, bound, str(gate.threshold)]
    if gate.beats_champion:
        arguments.append("--beats-champion")
    return [*arguments, "--margin", str(gate.margin)]


def _passes(gate: Gate) -> list[Any]:
    """The threshold, which needs no trust in the container, and its verdict, which includes the champion."""
    bound = ConditionGreaterThanOrEqualTo if gate.judged_by.higher_is_better else ConditionLessThanOrEqualTo
    return [
        bound(left=_metric("value"), right=gate.threshold),
        ConditionGreaterThanOrEqualTo(left=_metric("passed"), right=1.0),
    ]


def _rejection(gate: Gate) -> Any:
    """The message of a refused model; the reason holds its value, and the champion's."""
    way = "at least" if gate.judged_by.higher_is_better else "at most"
    asked = f"The gate on {gate.metric} ({way} {gate.threshold}) refused this model: "
    return Join(on="", values=[asked, _metric("reason")])
