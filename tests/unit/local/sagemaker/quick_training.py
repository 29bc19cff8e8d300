"""Training without containers: a function of the hyperparameters says what the log has, and when."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.small_cloud import JOB_ROLE, DiskHost, OneImage, put, training_request

Step = float | str | int
Train = Callable[[Mapping[str, str]], Iterator[Step]]
"""Yields pauses (float seconds), lines for the log (str), and an exit code (int) that ends it."""


class QuickContainer:
    """What a container is to a job: a thread that writes a log."""

    pid = 0

    def __init__(self, steps: Iterator[Step], log: Path) -> None:
        self._told_to_stop = threading.Event()
        self._ended = threading.Event()
        self._code = 0
        self._thread = threading.Thread(target=self._run, args=(steps, log), daemon=True)
        self._thread.start()

    def _run(self, steps: Iterator[Step], log: Path) -> None:
        for step in steps:
            if isinstance(step, int):
                self._code = step
                break
            if isinstance(step, float):
                if self._told_to_stop.wait(step):
                    self._code = 143
                    break
            else:
                with log.open("a") as file:
                    file.write(f"{step}\n")
        self._ended.set()

    @property
    def alive(self) -> bool:
        return not self._ended.is_set()

    def wait(self, timeout: float | None = None) -> int | None:
        return self._code if self._ended.wait(timeout) else None

    def stop(self, grace_seconds: float) -> int:
        return self.kill()

    def kill(self) -> int:
        self._told_to_stop.set()
        self._ended.wait()
        return self._code

    def connect(self, port: int, timeout: float = 1.0) -> Any:
        raise ConnectionRefusedError


class QuickStart:
    """Starts quick containers, and remembers the hyperparameters of each."""

    def __init__(self, train: Train) -> None:
        self._train = train
        self.began: list[dict[str, str]] = []

    def __call__(self, image: Any, *, ml: Path, log: Path, **_: Any) -> Any:
        given = json.loads((ml / "input/config/hyperparameters.json").read_text())
        self.began.append(given)
        return QuickContainer(self._train(given), log)


def quick_cloud(state: Path, train: Train, slots: int = 8) -> tuple[DiskHost, SageMaker, QuickStart]:
    """A small cloud that trains like this; not resumed yet."""
    host, start = DiskHost(state), QuickStart(train)
    host.sagemaker = SageMaker(host, OneImage(state), start)
    host.sagemaker.context.job_slots.free = slots
    put(host, "train/all.csv", "1\n")
    return host, host.sagemaker, start


def number(name: str, low: object, high: object, scale: str = "Linear") -> dict[str, str]:
    """A numeric range."""
    return {"Name": name, "MinValue": str(low), "MaxValue": str(high), "ScalingType": scale}


def tuning_request(name: str = "tune", **config: Any) -> dict[str, Any]:
    """Eight trials, two at once, over x, n and kind; `config` is of HyperParameterTuningJobConfig."""
    definition = {**training_request(), "StaticHyperParameters": {"rounds": "5"}, "RoleArn": JOB_ROLE}
    del definition["HyperParameters"]
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "validation:auc"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 8, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {
                "ContinuousParameterRanges": [number("x", 0.001, 1, "Logarithmic")],
                "IntegerParameterRanges": [number("n", 1, 9)],
                "CategoricalParameterRanges": [{"Name": "kind", "Values": ["a", "b"]}],
            },
            **config,
        },
        "TrainingJobDefinition": definition,
    }


def limits(jobs: int, parallel: int = 2) -> dict[str, Any]:
    """ResourceLimits."""
    return {"ResourceLimits": {"MaxNumberOfTrainingJobs": jobs, "MaxParallelTrainingJobs": parallel}}


def describe(sagemaker: SageMaker, name: str = "tune") -> dict[str, Any]:
    """The tuning job."""
    return sagemaker.call("DescribeHyperParameterTuningJob", {"HyperParameterTuningJobName": name})


def ended(sagemaker: SageMaker, name: str = "tune", seconds: float = 60) -> dict[str, Any]:
    """The tuning job, once it has ended."""

    def over() -> bool:
        return describe(sagemaker, name)["HyperParameterTuningJobStatus"] not in ("InProgress", "Stopping")

    assert sagemaker.context.store.wait(over, seconds), describe(sagemaker, name)
    return describe(sagemaker, name)


def training_jobs(sagemaker: SageMaker, name: str = "tune", **params: Any) -> list[dict[str, Any]]:
    """The training jobs of a tuning job, in the order of their names."""
    request = {"HyperParameterTuningJobName": name, "MaxResults": 100, **params}
    jobs: list[dict[str, Any]] = sagemaker.call("ListTrainingJobsForHyperParameterTuningJob", request)[
        "TrainingJobSummaries"
    ]
    return jobs


def tune(sagemaker: SageMaker, **request: Any) -> dict[str, Any]:
    """Run a tuning job to its end."""
    made = {**tuning_request(), **request}
    sagemaker.call("CreateHyperParameterTuningJob", made)
    return ended(sagemaker, made["HyperParameterTuningJobName"])


def score(given: Mapping[str, str]) -> float:
    """A smooth objective of x, n and kind."""
    return -abs(float(given["x"]) - 0.03) - abs(int(given["n"]) - 4) / 10 + (given["kind"] == "a") / 10


def train(given: Mapping[str, str]) -> Iterator[Step]:
    """Learn in one round."""
    yield f"[1] validation-auc={score(given)}"


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what no record tells of."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
