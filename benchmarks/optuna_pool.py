"""Trainings by the image's own code under plain Optuna, in a pool of processes, as a script has them."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

PROGRAMS = Path(__file__).resolve().parents[1] / "containers" / "python"
PARALLEL, SEED = 2, 7
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
LONGEST_PER_TRIAL = 20.0
RANGES = {
    "ContinuousParameterRanges": [
        {"Name": "eta", "MinValue": "0.02", "MaxValue": "0.3", "ScalingType": "Logarithmic"},
        {"Name": "subsample", "MinValue": "0.6", "MaxValue": "1.0", "ScalingType": "Linear"},
        {"Name": "colsample_bytree", "MinValue": "0.6", "MaxValue": "1.0", "ScalingType": "Linear"},
    ],
    "IntegerParameterRanges": [
        {"Name": "max_depth", "MinValue": "4", "MaxValue": "7", "ScalingType": "Linear"}
    ],
}


@dataclass(frozen=True)
class Searched:
    """How long a search took, in seconds, and the objective of each trial's hyperparameters, in order."""

    seconds: float
    trials: list[tuple[dict[str, str], float]]

    @property
    def best(self) -> tuple[dict[str, str], float]:
        """The first of the best trials."""
        return max(self.trials, key=lambda trial: trial[1])


def pooled(channels: Path, static: Mapping[str, str], asked: Sequence[dict[str, str]]) -> Searched:
    """The same trainings as a script of a user's runs them: ask, a pool of processes, tell."""
    started = time.monotonic()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
    for texts in asked:
        search.enqueue_trial({name: float(text) for name, text in texts.items()})
    found: dict[int, float] = {}
    with pool_of(PARALLEL, channels) as pool:
        running: dict[Future[float], optuna.Trial] = {}
        while len(found) < len(asked):
            while len(running) < PARALLEL and len(found) + len(running) < len(asked):
                trial = search.ask(_distributions())
                texts = {name: _text(value) for name, value in trial.params.items()}
                running[pool.submit(_trained, {**static, **texts})] = trial
            done = wait(running, timeout=LONGEST_PER_TRIAL, return_when=FIRST_COMPLETED).done
            if not done:
                raise TimeoutError("A training in the pool did not end in time.")
            for future in done:
                trial = running.pop(future)
                found[trial.number] = future.result()
                search.tell(trial, found[trial.number])
    seconds = time.monotonic() - started
    return Searched(seconds, [(dict(texts), found[number]) for number, texts in enumerate(asked)])


def _distributions() -> dict[str, optuna.distributions.BaseDistribution]:
    made: dict[str, optuna.distributions.BaseDistribution] = {}
    for item in RANGES["ContinuousParameterRanges"]:
        log = item["ScalingType"] == "Logarithmic"
        made[item["Name"]] = optuna.distributions.FloatDistribution(
            float(item["MinValue"]), float(item["MaxValue"]), log=log
        )
    for item in RANGES["IntegerParameterRanges"]:
        made[item["Name"]] = optuna.distributions.IntDistribution(
            int(item["MinValue"]), int(item["MaxValue"])
        )
    return made


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(value)


def pool_of(processes: int, channels: Path) -> ProcessPoolExecutor:
    """Processes that load libraries and data once, and use one thread."""
    # Their environment is read when they load their libraries.
    os.environ.update(ONE_THREAD)
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=spawn, initializer=_load, initargs=(str(channels),))


def _load(channels: str) -> None:
    """In a process of the pool: load libraries and data once."""
    global _data  # noqa: PLW0603 - what a process of a pool keeps
    sys.path.append(str(PROGRAMS))
    import polars as pl

    from tabular.schema import Schema

    schema = Schema.read(Path(channels, "schema/schema.json"))
    _data = pl.read_parquet(sorted(Path(channels, "train").glob("*.parquet"))), schema


_data: Any = None


def _trained(texts: dict[str, str]) -> float:
    """One training; the objective."""
    from learners import learner
    from learners.progress import Progress
    from train import settings
    from train.learning import training

    path = Path("/dev/shm" if Path("/dev/shm").is_dir() else ".", f"tuning-overhead-{os.getpid()}.json")  # noqa: S108
    path.write_text(json.dumps(texts), encoding="utf-8")
    parsed = settings.read(path)
    path.unlink()
    rows, schema = _data
    # A script of a user's would not print each round.
    with Path(os.devnull).open("w") as nothing, contextlib.redirect_stdout(nothing):
        learnt = learner(parsed.job.algorithm).learn(
            training(rows, schema, parsed.job), parsed.algorithm, Progress(parsed.job.problem)
        )
    return round(learnt.metrics["auc"], 6)


def timed(texts: dict[str, str]) -> float:
    """Processor seconds of one training, after one that warms up."""
    _trained({**texts, "rounds": "2", "early_stopping": "2"})
    started = time.process_time()
    _trained(texts)
    return time.process_time() - started
