"""The trials of a tuning job, as their trainings left them: one archive with a trial.json each."""

import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluate.metrics import LOWER_IS_BETTER

_FILE = "trial.json"
_MOST_BYTES = 16 << 20


@dataclass(frozen=True)
class Trial:
    """One training with its own hyperparameters; the metrics are those of its validation rows."""

    name: str
    hyperparameters: Mapping[str, str]
    metrics: Mapping[str, float]
    rounds: int
    seconds: float


def read(directory: Path) -> list[Trial]:
    """All trials in the order of their jobs' names; those that left no trial.json (stopped early) are out."""
    found = []
    for archive in sorted(directory.rglob("model.tar.gz")):
        try:
            with tarfile.open(archive, "r:gz") as tar:
                member = next((each for each in tar if each.name.removeprefix("./") == _FILE), None)
                file = tar.extractfile(member) if member and member.size <= _MOST_BYTES else None
                if file is None:
                    continue
                content = json.load(file)
            found.append(
                Trial(
                    archive.relative_to(directory).parts[0],
                    {name: str(value) for name, value in content["hyperparameters"].items()},
                    {name: float(value) for name, value in content["metrics"].items()},
                    int(content["rounds"]),
                    float(content["seconds"]),
                )
            )
        except (
            tarfile.TarError,
            OSError,
            EOFError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ) as error:
            # The report is worth having without one of many trials.
            print(f"the trial {archive.relative_to(directory)} cannot be read and is left out: {error}")
    return found


def objective(trials: list[Trial], preferred: str) -> str | None:
    """The metric that the trials are drawn by: the gate's, where they have it, else their first."""
    shared = (
        [name for name in trials[0].metrics if all(name in trial.metrics for trial in trials)]
        if trials
        else []
    )
    return preferred if preferred in shared else next(iter(shared), None)


def best_first(trials: list[Trial], metric: str) -> list[Trial]:
    """Sorted by the metric, the best one first."""
    sign = 1 if metric in LOWER_IS_BETTER else -1
    return sorted(trials, key=lambda trial: sign * trial.metrics[metric])
