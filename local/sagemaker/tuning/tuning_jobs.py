"""Hyperparameter tuning jobs: the operations, and the threads that run the jobs."""

import threading
from collections.abc import Sequence
from typing import Any

from local.errors import ResourceInUse, ResourceNotFound, ValidationException
from local.sagemaker.context import Context, now
from local.sagemaker.events import detail, milliseconds
from local.sagemaker.jobs.training import TrainingJobs
from local.sagemaker.operations import Answer, Params, operation
from local.sagemaker.pagination import listed, page
from local.sagemaker.store import Record
from local.sagemaker.tags import forget_tags, set_tags
from local.sagemaker.tuning.plan import Plan, plan
from local.sagemaker.tuning.training_request import training_request
from local.sagemaker.tuning.trials import (
    RUNNING,
    TRIAL,
    TUNING,
    best,
    counters,
    not_improving,
    objective,
    summaries,
)
from local.sagemaker.tuning.tuner import Tuner
from local.sagemaker.tuning.warm_start import inherit

_EVENT = "SageMaker HyperParameter Tuning Job State Change"


class TuningJobs:
    """Hyperparameter tuning jobs: many training jobs, and the best of them."""

    def __init__(self, context: Context, training: TrainingJobs) -> None:
        self._context = context
        self._store = context.store
        self._training = training
        self._tuners: dict[str, tuple[Tuner, threading.Thread]] = {}
        training.watchers.append(self)

    @operation("CreateHyperParameterTuningJob")
    def create(self, params: Params) -> Answer:
        """Start a tuning job; what is wrong with the request or its training jobs is said at once."""
        name = params["HyperParameterTuningJobName"]
        arn = self._context.arn(TUNING, name)
        tags = params.get("Tags")
        made = plan(params)
        self._training.check(training_request(params, made, name, {}))
        with self._store.transaction():
            if self._store.get(TUNING, name):
                raise ResourceInUse(
                    "Hyper parameter tuning job names must be unique within an AWS account and region, and a "
                    f"hyper parameter tuning job with this name already exists ({arn})"
                )
            set_tags(self._context, arn, tags)
            record = {
                **params,
                "HyperParameterTuningJobArn": arn,
                "CreationTime": now(),
                "Inherited": inherit(self._context, params, made),
            }
            self._save({**record, "HyperParameterTuningJobStatus": "InProgress"})
        self._run(name)
        return {"HyperParameterTuningJobArn": arn}

    @operation("DescribeHyperParameterTuningJob")
    def describe(self, params: Params) -> Answer:
        """The tuning job, how many training jobs it has, and the best of them."""
        return self._described(self._get(params))

    @operation("ListHyperParameterTuningJobs")
    def list(self, params: Params) -> Answer:
        """Page through the tuning jobs."""
        records = [
            {**record, "Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
            for record in self._store.list(TUNING)
            if params.get("StatusEquals") in (None, record["HyperParameterTuningJobStatus"])
            for config in [record["HyperParameterTuningJobConfig"]]
        ]
        asked = {"SortBy": "Name", **params}
        found, token = page(
            listed(records, asked, name="HyperParameterTuningJobName", order="Ascending"), params
        )
        shown = [{**record, **counters(self._summaries(record))} for record in found]
        return {"HyperParameterTuningJobSummaries": shown, "NextToken": token}

    @operation("ListTrainingJobsForHyperParameterTuningJob")
    def list_training_jobs(self, params: Params) -> Answer:
        """Page through the training jobs of a tuning job."""
        found = [
            summary
            for summary in self._summaries(self._get(params))
            if params.get("StatusEquals") in (None, summary["TrainingJobStatus"])
        ]
        if params.get("SortBy") == "FinalObjectiveMetricValue":
            ranked = [summary for summary in found if objective(summary) is not None]
            descending = params.get("SortOrder", "Ascending") == "Descending"
            ordered = sorted(ranked, key=lambda summary: objective(summary) or 0.0, reverse=descending)
        else:
            asked = {"SortBy": "Name", **params}
            ordered = listed(found, asked, name="TrainingJobName", order="Ascending")
        shown, token = page(ordered, params)
        return {"TrainingJobSummaries": shown, "NextToken": token}

    @operation("StopHyperParameterTuningJob")
    def stop(self, params: Params) -> Answer:
        """Stop a tuning job and its running training jobs."""
        with self._store.transaction():
            record = self._get(params)
            status = record["HyperParameterTuningJobStatus"]
            if status != "InProgress":
                raise ValidationException(
                    f"The request was rejected because the hyper parameter tuning job is in status {status}."
                )
            self._save({**record, "HyperParameterTuningJobStatus": "Stopping"})
        self._wake(record["HyperParameterTuningJobName"])
        return {}

    @operation("DeleteHyperParameterTuningJob")
    def delete(self, params: Params) -> Answer:
        """Remove a tuning job that has ended; its training jobs and their artifacts stay."""
        with self._store.transaction():
            record = self._get(params)
            name, status = record["HyperParameterTuningJobName"], record["HyperParameterTuningJobStatus"]
            if status in RUNNING:
                raise ValidationException(
                    f"The request was rejected because the hyper parameter tuning job is in status {status}."
                )
            self._store.delete(TUNING, name)
            self._store.delete_all(TRIAL, f"{name}/")
            forget_tags(self._context, record["HyperParameterTuningJobArn"])
        return {}

    def progressed(self, job: Record, seen: Sequence[float]) -> None:
        """A training job has given objective values; `seen` are all of them so far."""
        if (name := job.get("TuningJobName")) in self._tuners:
            self._tuners[name][0].progressed(job["TrainingJobName"], seen)

    def ended(self, job: Record) -> None:
        """A training job has ended."""
        if name := job.get("TuningJobName"):
            self._wake(name)

    def resume(self) -> None:
        """Go on with the tuning jobs that had not ended."""
        for record in self._store.list(TUNING):
            if record["HyperParameterTuningJobStatus"] in RUNNING:
                self._run(record["HyperParameterTuningJobName"])

    def close(self) -> None:
        """Wait for the threads, which end when the context is closing."""
        for tuner, thread in [*self._tuners.values()]:
            tuner.wake()
            thread.join(timeout=10)

    def _run(self, name: str) -> None:
        record = self._get({"HyperParameterTuningJobName": name})
        tuner = Tuner(self._context, self._training, record, self._finish)
        thread = threading.Thread(target=tuner.run, name=f"tuning-{name}", daemon=True)
        self._tuners[name] = tuner, thread
        thread.start()

    def _wake(self, name: str) -> None:
        if name in self._tuners:
            self._tuners[name][0].wake()

    def _finish(self, name: str, status: str, reason: str | None) -> None:
        """Commit the final status, and tell of it."""
        with self._store.transaction():
            record = self._get({"HyperParameterTuningJobName": name})
            ended: dict[str, Any] = {"HyperParameterTuningJobStatus": status}
            if reason is not None:
                ended["FailureReason"] = reason
            self._save({**record, **ended, "HyperParameterTuningEndTime": now()})
        self._tuners.pop(name, None)

    def _get(self, params: Params) -> Record:
        name = params["HyperParameterTuningJobName"]
        missing = ResourceNotFound(f"The hyper parameter tuning job {name} does not exist.")
        return self._context.find(TUNING, name, missing)

    def _save(self, record: Record) -> None:
        """Keep the record in its next status, and tell of it."""
        record = {**record, "LastModifiedTime": now()}
        self._store.put(TUNING, record["HyperParameterTuningJobName"], record)
        content = detail("DescribeHyperParameterTuningJob", self._described(record), milliseconds)
        self._context.emit(_EVENT, content, [record["HyperParameterTuningJobArn"]])

    def _summaries(self, record: Record) -> Sequence[Record]:
        return summaries(self._context, record["HyperParameterTuningJobName"], plan(record))

    def _described(self, record: Record) -> Record:
        made = plan(record)
        found = self._summaries(record)
        described = {**record, **counters(found)}
        gains = [made.gain(value) for summary in found if (value := objective(summary)) is not None]
        described["TuningJobCompletionDetails"] = {
            "NumberOfTrainingJobsObjectiveNotImproving": not_improving(gains)
        }
        until = record.get("HyperParameterTuningEndTime", now())
        described["ConsumedResources"] = {"RuntimeInSeconds": int(until - record["CreationTime"])}
        if top := _ranked(best(found, made), made):
            described["BestTrainingJob"] = {key: top[key] for key in top if key != "TuningJobName"}
        others = record["Inherited"].get("Best", [])
        if others and (overall := _ranked(best([*found, *others], made), made)):
            described["OverallBestTrainingJob"] = overall
        return described


def _ranked(summary: Record | None, made: Plan) -> Record | None:
    """The summary of a best training job, which tells what its objective is for."""
    if summary is None:
        return None
    metric = summary["FinalHyperParameterTuningJobObjectiveMetric"]
    direction = "Maximize" if made.maximize else "Minimize"
    return {**summary, "FinalHyperParameterTuningJobObjectiveMetric": {**metric, "Type": direction}}
