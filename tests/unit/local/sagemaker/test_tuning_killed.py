"""A tuning job has the same trials whatever the timing, and after kill -9 at any moment."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local.sagemaker.service import SageMaker
from tests.unit.local.sagemaker.quick_training import (
    Step,
    Train,
    ended,
    limits,
    quick_cloud,
    score,
    train,
    training_jobs,
    tune,
    tuning_request,
    wait_until,
)

PROGRAM = Path(__file__).with_name("killed_tuning.py")
CHECKOUT = Path(__file__).parents[4]


def tried(sagemaker: SageMaker) -> list[dict[str, str]]:
    return [job["TunedHyperParameters"] for job in training_jobs(sagemaker)]


def undisturbed(state: Path, **config: Any) -> list[dict[str, str]]:
    _, sagemaker, _ = quick_cloud(state, train)
    sagemaker.resume()
    tune(sagemaker, **tuning_request(**config))
    found = tried(sagemaker)
    sagemaker.close()
    return found


@pytest.mark.parametrize("strategy", ["Bayesian", "Random"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_timing_of_the_training_jobs_changes_nothing(tmp_path: Path, strategy: str, seed: int) -> None:
    uneven = random.Random(seed)  # noqa: S311 - no secret

    def learn(given: Mapping[str, str]) -> Iterator[Step]:
        yield uneven.uniform(0, 0.1)
        yield from train(given)

    config = {"Strategy": strategy, "RandomSeed": 5, **limits(24, 4)}
    _, sagemaker, _ = quick_cloud(tmp_path / "uneven", learn)
    sagemaker.resume()
    tune(sagemaker, **tuning_request(**config))
    assert tried(sagemaker) == undisturbed(tmp_path / "even", **config)
    sagemaker.close()


def test_early_stopping_teaches_the_same_whether_or_not_the_stop_comes_in_time(tmp_path: Path) -> None:
    def learn(pause: float) -> Train:
        def learn(given: Mapping[str, str]) -> Iterator[Step]:
            for epoch in range(1, 7):
                yield f"[{epoch}] validation-auc={score(given) * (1 - epoch / 20)}"
                yield pause

        return learn

    found = []
    config = {"TrainingJobEarlyStoppingType": "Auto", **limits(20, 2)}
    for pause in (0.0, 0.12):
        _, sagemaker, _ = quick_cloud(tmp_path / str(pause), learn(pause))
        sagemaker.resume()
        job = tune(sagemaker, **tuning_request(**config))
        found.append((tried(sagemaker), job["TrainingJobStatusCounters"]["Stopped"]))
        sagemaker.close()
    assert found[0][0] == found[1][0]
    assert found[0][1] == 0
    assert found[1][1] > 0


def test_another_seed_tries_other_hyperparameters(tmp_path: Path) -> None:
    one = undisturbed(tmp_path / "1", RandomSeed=1)
    assert one != undisturbed(tmp_path / "2", RandomSeed=2)


def test_a_closed_service_goes_on_where_it_was(tmp_path: Path) -> None:
    begun = count()

    def held(given: Mapping[str, str]) -> Iterator[Step]:
        yield from train(given)
        if next(begun) > 4:
            yield 60.0

    _, sagemaker, start = quick_cloud(tmp_path / "a", held)
    sagemaker.resume()
    sagemaker.call("CreateHyperParameterTuningJob", tuning_request(**limits(12)))
    # One or two are under way: a trial that waits for an earlier one to be told begins later.
    wait_until(lambda: len(training_jobs(sagemaker, StatusEquals="Completed")) == 5 < len(start.began))
    sagemaker.close()
    _, sagemaker, start = quick_cloud(tmp_path / "a", train)
    sagemaker.resume()
    ended(sagemaker)
    # Those that were under way run again, and those that had not begun; the finished five do not.
    assert len(start.began) == 7
    assert tried(sagemaker) == undisturbed(tmp_path / "b", **limits(12))
    sagemaker.close()


def launch(state: Path) -> subprocess.Popen[bytes]:
    paths = os.pathsep.join([str(CHECKOUT), str(PROGRAM.parent)])
    # A killed process leaves its temporary files.
    environment = {**os.environ, "PYTHONPATH": paths, "TMPDIR": str(state)}
    process = subprocess.Popen([sys.executable, PROGRAM, state], env=environment, stdout=subprocess.PIPE)
    assert process.stdout is not None
    while process.stdout.readline() != b"running\n":
        assert process.poll() is None
    return process


def finished(state: Path) -> dict[str, float]:
    """When each training job that is done was done."""
    _, sagemaker, _ = quick_cloud(state, train)
    try:
        jobs = training_jobs(sagemaker, StatusEquals="Completed")
        return {job["TrainingJobName"]: job["TrainingEndTime"] for job in jobs}
    finally:
        sagemaker.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_tuning_job_ends_as_if_nothing_had_happened(tmp_path: Path, seed: int) -> None:
    random_moment = random.Random(seed)  # noqa: S311 - no secret
    before: dict[str, float] = {}
    for _ in range(5):
        process = launch(tmp_path / "killed")
        time.sleep(random_moment.uniform(0, 0.4))
        process.kill()
        process.wait()
        after = finished(tmp_path / "killed")
        assert after.items() >= before.items(), "a training job that was done has run again"
        before = after
    assert launch(tmp_path / "killed").wait(60) == 0
    assert finished(tmp_path / "killed").items() >= before.items()
    _, sagemaker, _ = quick_cloud(tmp_path / "killed", train)
    assert tried(sagemaker) == undisturbed(tmp_path / "whole", **limits(16, 3))
    assert len(sagemaker.call("ListTrainingJobs", {"MaxResults": 100})["TrainingJobSummaries"]) == 16
    sagemaker.close()
