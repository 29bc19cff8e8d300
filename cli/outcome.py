"""What an execution came to: its data, hyperparameters, metrics and verdict, from what its jobs have left."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cli import executions, storage
from cli.executions import Execution, Step
from cli.registry import version_of

if TYPE_CHECKING:
    import boto3

# As the training pipelines name them: the evaluation is in one of two branches where models are not ours.
PREPARE, TRAIN, TUNE = "Prepare", "Train", "Tune"
EVALUATIONS = ("Evaluate", "EvaluateChampion")
# A metric is better when it is higher, but for these.
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "rmse", "mae", "mase", "wape"})
# What a training is told about its data, not about how to learn.
_NO_HYPERPARAMETERS = frozenset({"algorithm", "problem", "target", "refit"})
_LONGEST_CHAIN = 20


@dataclass(frozen=True)
class Metric:
    """A figure of the hold-out, with its interval where one was computed."""

    value: float | None
    low: float | None
    high: float | None
    higher_is_better: bool


@dataclass(frozen=True)
class Verdict:
    """What a gate said."""

    metric: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Data:
    """What was learnt from and judged on; `digests` are those of the files that were read, by name."""

    digests: Mapping[str, str]
    train_rows: int
    holdout_rows: int
    cut: str | None
    features: tuple[str, ...]


@dataclass(frozen=True)
class Evaluation:
    """The metrics and verdicts of an evaluation, and where its report lies."""

    metrics: Mapping[str, Metric]
    verdicts: tuple[Verdict, ...]
    passed: bool
    reason: str
    report: str


@dataclass(frozen=True)
class Outcome:
    """An execution and all that is known of its model; None and empty is what it has not come to yet."""

    execution: Execution
    parameters: Mapping[str, str]
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    tuned: tuple[str, ...] = ()
    data: Data | None = None
    evaluation: Evaluation | None = None
    version: int | None = None


def outcome(session: "boto3.Session", execution: Execution) -> Outcome:
    """Read what the jobs of an execution, or of those that lent it their results, have left."""
    steps = _steps(session, execution)
    hyperparameters, tuned = _hyperparameters(session, steps)
    packages = [version_of(step.made) for step in execution.steps if ":model-package/" in step.made]
    return Outcome(
        execution=execution,
        parameters=executions.parameters(session, execution.arn),
        hyperparameters=hyperparameters,
        tuned=tuned,
        data=_data(session, steps.get(PREPARE)),
        evaluation=evaluation(session, execution),
        version=packages[0] if packages else None,
    )


def data(session: "boto3.Session", execution: Execution) -> Data | None:
    """What an execution has learnt from and was judged on; None when it has not come to that."""
    return _data(session, _steps(session, execution).get(PREPARE))


def evaluation(session: "boto3.Session", execution: Execution) -> Evaluation | None:
    """What the evaluation of an execution found; None when it has none, or has not ended well."""
    steps = _steps(session, execution)
    step = next((steps[name] for name in EVALUATIONS if name in steps), None)
    if step is None or step.status != "Succeeded":
        return None
    job = session.client("sagemaker").describe_processing_job(ProcessingJobName=step.job_name)
    folder = _output(job, "evaluation")
    found = storage.document(session, f"{folder}/metrics.json")
    if found is None:
        return None
    arguments = job["AppSpecification"].get("ContainerArguments", [])
    return read_evaluation(found, f"{folder}/report.html", arguments)


def read_evaluation(found: Mapping[str, Any], report: str, arguments: Sequence[str] = ()) -> Evaluation:
    """An evaluation out of its metrics.json; its `arguments` tell the direction of a user's own metrics."""
    asked = dict(_directions(arguments))
    intervals = found.get("intervals", {})
    metrics = {
        name: Metric(
            value,
            intervals.get(name, {}).get("low"),
            intervals.get(name, {}).get("high"),
            asked.get(name, name not in LOWER_IS_BETTER),
        )
        for name, value in found["metrics"].items()
    }
    gate = found["gate"]
    gates = [Verdict(each["metric"], bool(each["passed"]), each["reason"]) for each in found.get("gates", [])]
    return Evaluation(metrics, tuple(gates), bool(gate["passed"]), gate["reason"], report)


def _directions(arguments: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Of each `--gate auc>=0.7` the metric, and whether higher is better."""
    for flag, value in pairwise(arguments):
        for comparison in (">=", "<=") if flag == "--gate" else ():
            name, found, _ = value.partition(comparison)
            if found:
                yield name.rpartition(":")[2], comparison == ">="


def _steps(session: "boto3.Session", execution: Execution) -> dict[str, Step]:
    """The steps of an execution, and of the runs that lent it results those that it did not repeat."""
    found = {step.name: step for step in execution.steps}
    repeated: set[str] = set()
    for _ in range(_LONGEST_CHAIN):
        if not execution.source:
            break
        repeated |= set(execution.selected)
        execution = executions.describe(session, execution.source)
        found = {step.name: step for step in execution.steps if step.name not in repeated} | found
    return found


def _hyperparameters(
    session: "boto3.Session", steps: Mapping[str, Step]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the model was learnt with, and the names of those that a tuning job had found."""
    sagemaker = session.client("sagemaker")
    told: dict[str, str] = {}
    best: dict[str, str] = {}
    if (tune := steps.get(TUNE)) and tune.job_name:
        job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=tune.job_name)
        told = dict(job.get("TrainingJobDefinition", {}).get("StaticHyperParameters", {}))
        best = dict(job.get("BestTrainingJob", {}).get("TunedHyperParameters", {}))
    if (train := steps.get(TRAIN)) and train.job_name:
        told = dict(
            sagemaker.describe_training_job(TrainingJobName=train.job_name).get("HyperParameters", {})
        )
    shown = {
        name: value
        for name, value in {**best, **told}.items()
        if name not in _NO_HYPERPARAMETERS and not name.startswith(("_", "sagemaker_"))
    }
    return dict(sorted(shown.items())), tuple(sorted(best))


def _data(session: "boto3.Session", step: Step | None) -> Data | None:
    if step is None or step.status != "Succeeded":
        return None
    job = session.client("sagemaker").describe_processing_job(ProcessingJobName=step.job_name)
    found = storage.document(session, f"{_output(job, 'schema')}/schema.json")
    if found is None:
        return None
    split = found["split"]
    return Data(
        digests={file["name"]: file["sha256"] for file in found["files"]},
        train_rows=split["train_rows"],
        holdout_rows=split["holdout_rows"],
        cut=split.get("cut"),
        features=tuple(feature["name"] for feature in found["features"]),
    )


def _output(job: Mapping[str, Any], name: str) -> str:
    outputs = {each["OutputName"]: each["S3Output"] for each in job["ProcessingOutputConfig"]["Outputs"]}
    return str(outputs[name]["S3Uri"]).rstrip("/")
