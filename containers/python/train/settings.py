"""The hyperparameters of a training job, which arrive as texts."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from learners import bounds, learner
from learners.bounds import among, within
from tabular.contract import DataError
from tabular.schema import Problem


@dataclass(frozen=True)
class Job:
    """What every job is told; with `refit` false it is a trial of a tuning, which leaves figures alone.

    A training that goes on from a model adds at most `warm_rounds` rounds; 0 means as many as a new one has.
    """

    target: str
    problem: Problem = among("binary", "binary", "multiclass", "regression", "ranking", "forecast")  # noqa: RUF009
    algorithm: str = "xgboost"
    seed: int = within(0, 0, 2**31 - 1)
    refit: bool = True
    warm_rounds: int = within(0, 0)


@dataclass(frozen=True)
class Hyperparameters:
    """The job's own, those of its algorithm as its `Settings`, and the texts of the latter in full."""

    job: Job
    algorithm: Any

    def limited(self) -> "Hyperparameters":
        """The same for a training that goes on from a model."""
        if not self.job.warm_rounds:
            return self
        name = "epochs" if hasattr(self.algorithm, "epochs") else "rounds"
        return replace(self, algorithm=replace(self.algorithm, **{name: self.job.warm_rounds}))

    @property
    def texts(self) -> dict[str, str]:
        """All of them by name, defaults included."""
        every = {**vars(self.job), **vars(self.algorithm)}
        if not self.job.warm_rounds:
            # Most trainings have nothing to do with it.
            del every["warm_rounds"]
        return {
            name: str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in every.items()
        }


def read(path: Path) -> Hyperparameters:
    """Read hyperparameters.json; DataError names the hyperparameter that is unknown or has no such value."""
    given: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    # Such as _tuning_objective_metric, which the tuning service adds.
    given = {name: text for name, text in given.items() if not name.startswith("_")}
    if "target" not in given:
        raise DataError("the hyperparameter 'target' is missing: it names the column to learn")
    common = {name: given.pop(name) for name in Job.__dataclass_fields__ if name in given}
    job: Job = bounds.read(Job, common)
    chosen = learner(job.algorithm)
    if job.problem not in chosen.PROBLEMS:
        raise DataError(
            f"{job.algorithm} does not learn a {job.problem} problem; it learns {', '.join(chosen.PROBLEMS)}"
        )
    return Hyperparameters(job, bounds.read(chosen.Settings, given))
