"""Our arm: the tuning engine of the embedded SageMaker, without its containers."""

import threading
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.tuning.arms import Evaluate, Trial
from local.sagemaker.store import Record, Store
from local.sagemaker.tuning.plan import OBJECTIVE
from local.sagemaker.tuning.trials import TRAINING, TUNING
from local.sagemaker.tuning.tuner import Tuner

_ARN = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/"


class _TrainingJobs:
    """Training jobs that are over when they have begun."""

    tuner: Tuner

    def __init__(self, store: Store, evaluate: Evaluate, static: Mapping[str, str]) -> None:
        self._store = store
        self._evaluate = evaluate
        self._untuned = {*static, OBJECTIVE}
        self._stopped: set[str] = set()
        self.trials: list[Trial] = []

    def begin(self, request: Record, **members: Any) -> None:
        """Train, tell the tuner of each value as the log gives it, and keep the job as one that has ended."""
        name, given = request["TrainingJobName"], request["HyperParameters"]
        texts = {each: text for each, text in given.items() if each not in self._untuned}
        seen: list[float] = []
        for value in self._evaluate(texts):
            seen.append(value)
            self.tuner.progressed(name, seen)
            if name in self._stopped:
                break
        self.trials.append(Trial(texts, seen[-1], name in self._stopped))
        status = "Stopped" if name in self._stopped else "Completed"
        job = {**request, **members, "TrainingJobStatus": status, "ObjectiveValues": seen}
        self._store.put(TRAINING, name, job)
        self.tuner.wake()

    def stop(self, params: Record) -> None:
        """End the job with the value that it has given last."""
        self._stopped.add(params["TrainingJobName"])


def search(request: Mapping[str, Any], evaluate: Evaluate) -> list[Trial]:
    """The trials of a CreateHyperParameterTuningJob request, in order.

    The service's own Tuner chooses the hyperparameters and stops trials that promise nothing; only the
    training jobs are run here, at once, instead of in containers.
    """
    name = request["HyperParameterTuningJobName"]
    store = Store(Path(":memory:"))
    jobs = _TrainingJobs(store, evaluate, request["TrainingJobDefinition"]["StaticHyperParameters"])
    record = {**request, "HyperParameterTuningJobArn": _ARN + name, "CreationTime": 0.0}
    store.put(TUNING, name, {**record, "HyperParameterTuningJobStatus": "InProgress"})
    outcomes: list[tuple[str, str | None]] = []
    context = SimpleNamespace(store=store, closing=threading.Event())
    tuner = Tuner(
        cast(Any, context), cast(Any, jobs), record, lambda _, status, why: outcomes.append((status, why))
    )
    jobs.tuner = tuner
    tuner.run()
    store.close()
    if outcomes != [("Completed", None)]:
        raise RuntimeError(f"The tuning job {name} ended as {outcomes}.")
    return jobs.trials
