"""The trials of a tuning job: which hyperparameters, which training job, and what came of it.

A trial is kept as `TUNING JOB/NUMBER` with TrainingJobName, TunedHyperParameters, and Known: of how many
trials, from the first on, the results were known when this one began. The rest its training job tells.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from local.sagemaker.context import Context
from local.sagemaker.store import Record
from local.sagemaker.tuning.plan import Plan

TUNING, TRIAL, TRAINING = "hyper-parameter-tuning-job", "hyper-parameter-tuning-trial", "training-job"
RUNNING = ("InProgress", "Stopping")


def trials(context: Context, tuning_job: str) -> list[Record]:
    """The trials of a tuning job, in order."""
    return context.store.list(TRIAL, f"{tuning_job}/")


def keep(context: Context, tuning_job: str, number: int, trial: Record) -> None:
    """Write a trial, whose number counts from 0."""
    context.store.put(TRIAL, f"{tuning_job}/{number:06}", trial)


def values(job: Record) -> list[float]:
    """The objective values that the log of a training job gave, those that are numbers, oldest first."""
    return [value for value in job.get("ObjectiveValues", ()) if math.isfinite(value)]


def summaries(context: Context, tuning_job: str, plan: Plan) -> list[Record]:
    """The training jobs as HyperParameterTrainingJobSummary shows them, in order of their trials."""
    found = []
    for trial in trials(context, tuning_job):
        job = context.store.get(TRAINING, trial["TrainingJobName"])
        if job is not None:
            found.append(_summary(trial, job, plan))
    return found


def _summary(trial: Record, job: Record, plan: Plan) -> Record:
    summary = {**job, "TunedHyperParameters": trial["TunedHyperParameters"]}
    if job["TrainingJobStatus"] in RUNNING:
        return {**summary, "ObjectiveStatus": "Pending"}
    seen = values(job)
    if job["TrainingJobStatus"] == "Failed" or not seen:
        return {**summary, "ObjectiveStatus": "Failed"}
    metric = {"MetricName": plan.metric, "Value": seen[-1]}
    return {**summary, "ObjectiveStatus": "Succeeded", "FinalHyperParameterTuningJobObjectiveMetric": metric}


def objective(summary: Record) -> float | None:
    """The final objective value of a training job, None without one."""
    metric = summary.get("FinalHyperParameterTuningJobObjectiveMetric")
    return float(metric["Value"]) if metric else None


def best(found: Iterable[Record], plan: Plan) -> Record | None:
    """The summary with the best objective, of equals the first; None without any."""
    ranked = [summary for summary in found if objective(summary) is not None]
    return max(ranked, key=lambda summary: plan.gain(objective(summary) or 0.0), default=None)


def counters(found: Sequence[Record]) -> Record:
    """TrainingJobStatusCounters and ObjectiveStatusCounters."""
    status, objectives = Counter[str](), Counter(summary["ObjectiveStatus"] for summary in found)
    for summary in found:
        status[_counted(summary)] += 1
    names = ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped")
    return {
        "TrainingJobStatusCounters": {name: status[name] for name in names},
        "ObjectiveStatusCounters": {name: objectives[name] for name in ("Succeeded", "Pending", "Failed")},
    }


def _counted(summary: Record) -> str:
    status = str(summary["TrainingJobStatus"])
    if status == "Failed":
        internal = summary.get("FailureReason", "").startswith("InternalServerError")
        return "RetryableError" if internal else "NonRetryableError"
    return "InProgress" if status in RUNNING else status


def not_improving(gains: Iterable[float]) -> int:
    """How many of the newest gains in a row are not better than the best before by one percent or more."""
    count, best_gain = 0, -math.inf
    for gain in gains:
        better = math.isinf(best_gain) or gain - best_gain >= max(0.01 * abs(best_gain), math.ulp(0.0))
        count, best_gain = 0 if better else count + 1, max(gain, best_gain)
    return count
