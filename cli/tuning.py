"""The tuning jobs of a project, and the trials of one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cli import executions
from cli.errors import CommandError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker.type_defs import HyperParameterTrainingJobSummaryTypeDef

# Executions that are looked through for their tuning jobs.
MOST_RUNS = 50
_RUNNING = ("InProgress", "Stopping")


@dataclass(frozen=True)
class Range:
    """What a hyperparameter is looked for in: numbers from `low` to `high`, or else `values`."""

    name: str
    low: float | None
    high: float | None
    integer: bool
    logarithmic: bool
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """A training with hyperparameters of its own; `objective` is None until it ends, and where it failed."""

    number: int
    name: str
    status: str
    objective: float | None
    seconds: float | None
    hyperparameters: Mapping[str, str]
    failure: str


@dataclass(frozen=True)
class Summary:
    """A tuning job in a list; `run` is the execution that made it."""

    name: str
    run: str
    status: str
    started: datetime
    ended: datetime | None
    trials: int
    best: float | None
    metric: str


@dataclass(frozen=True)
class TuningJob:
    """A tuning job with its trials, in the order in which they began; `wanted` is None for a grid."""

    name: str
    status: str
    strategy: str
    metric: str
    maximize: bool
    wanted: int | None
    started: datetime
    ended: datetime | None
    failure: str
    ranges: tuple[Range, ...]
    trials: tuple[Trial, ...]

    @property
    def running(self) -> bool:
        """Whether it goes on."""
        return self.status in _RUNNING

    @property
    def best(self) -> Trial | None:
        """The trial with the best objective, of equals the first."""
        scored = [trial for trial in self.trials if trial.objective is not None]
        return max(scored, key=lambda trial: self.quality(trial.objective or 0.0), default=None)

    def quality(self, objective: float) -> float:
        """An objective, such that higher is better."""
        return objective if self.maximize else -objective


def jobs(session: "boto3.Session", pipeline: str, *, limit: int) -> list[Summary]:
    """The tuning jobs of the newest executions, newest first, each where it was made."""
    found: list[Summary] = []
    for number, execution in enumerate(executions.newest_first(session, pipeline)):
        if number == MOST_RUNS or len(found) == limit:
            break
        found += [
            _summary(session, step.job_name, execution.id)
            for step in execution.steps
            if step.job_kind == "TuningJobs" and step.job_name and not step.taken_from
        ]
    return found


def find(session: "boto3.Session", pipeline: str, name: str | None) -> str:
    """The name of the tuning job that begins like this or that this run made, by default the newest.

    Raises CommandError when there is none.
    """
    for number, execution in enumerate(executions.newest_first(session, pipeline)):
        if number == MOST_RUNS:
            break
        for step in execution.steps:
            asked = name is None or step.job_name.startswith(name) or execution.id.startswith(name)
            if step.job_kind == "TuningJobs" and step.job_name and asked:
                return step.job_name
    if name is None:
        raise CommandError(
            f"Pipeline {pipeline} has not tuned yet: say tune=30 in app.py, deploy, and `sageloop run`."
        )
    raise CommandError(f"Pipeline {pipeline} has no tuning job {name}: see them with `sageloop tuning`.")


def describe(session: "boto3.Session", name: str) -> TuningJob:
    """A tuning job as it is now, with all its trials."""
    sagemaker = session.client("sagemaker")
    job = sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
        HyperParameterTuningJobName=name, SortBy="CreationTime", SortOrder="Ascending"
    )
    listed = [summary for page in pages for summary in page["TrainingJobSummaries"]]
    config = job["HyperParameterTuningJobConfig"]
    objective = config.get("HyperParameterTuningJobObjective", {"MetricName": "", "Type": "Maximize"})
    return TuningJob(
        name=name,
        status=job["HyperParameterTuningJobStatus"],
        strategy=config["Strategy"],
        metric=objective["MetricName"],
        maximize=objective["Type"] == "Maximize",
        wanted=config["ResourceLimits"].get("MaxNumberOfTrainingJobs"),
        started=job["CreationTime"],
        ended=job.get("HyperParameterTuningEndTime"),
        failure=job.get("FailureReason", ""),
        ranges=tuple(_ranges(config.get("ParameterRanges", {}))),
        trials=tuple(_trial(number, summary) for number, summary in enumerate(listed, start=1)),
    )


def _summary(session: "boto3.Session", name: str, run: str) -> Summary:
    job = session.client("sagemaker").describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    metric = job["HyperParameterTuningJobConfig"].get("HyperParameterTuningJobObjective", {})
    best = job.get("BestTrainingJob", {}).get("FinalHyperParameterTuningJobObjectiveMetric", {})
    return Summary(
        name=name,
        run=run,
        status=job["HyperParameterTuningJobStatus"],
        started=job["CreationTime"],
        ended=job.get("HyperParameterTuningEndTime"),
        trials=sum(count for count in job["TrainingJobStatusCounters"].values() if isinstance(count, int)),
        best=best.get("Value"),
        metric=metric.get("MetricName", ""),
    )


def _trial(number: int, summary: "HyperParameterTrainingJobSummaryTypeDef") -> Trial:
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
    begin, end = summary.get("TrainingStartTime"), summary.get("TrainingEndTime")
    return Trial(
        number=number,
        name=summary["TrainingJobName"],
        status=summary["TrainingJobStatus"],
        objective=metric["Value"] if metric else None,
        seconds=(end - begin).total_seconds() if begin and end else None,
        hyperparameters=dict(sorted(summary["TunedHyperParameters"].items())),
        failure=summary.get("FailureReason", ""),
    )


def _ranges(ranges: Mapping[str, Any]) -> Sequence[Range]:
    numbers = [
        Range(
            each["Name"],
            float(each["MinValue"]),
            float(each["MaxValue"]),
            integer=kind.startswith("Integer"),
            logarithmic=each.get("ScalingType") == "Logarithmic",
        )
        for kind in ("IntegerParameterRanges", "ContinuousParameterRanges")
        for each in ranges.get(kind, [])
    ]
    names = [
        Range(each["Name"], None, None, False, False, tuple(each["Values"]))
        for each in ranges.get("CategoricalParameterRanges", [])
    ]
    return [*numbers, *names]
