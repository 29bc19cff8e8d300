"""What a tuning is asked for, and the arms that it is compared with: plain scripts of a user's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna

from benchmarks.tuning.data_sets import DataSet
from declaration.ranges import Categorical, Continuous, Integer, Range
from pipelines.requests.tuning import as_text

Evaluate = Callable[[Mapping[str, str]], list[float]]
"""A training: the objective values of its log for the tuned hyperparameters as texts; the last one counts."""


@dataclass(frozen=True)
class Trial:
    """The tuned hyperparameters of a trial, its objective, and whether it was stopped before its end."""

    texts: dict[str, str]
    value: float
    stopped: bool = False


def optuna_direct(data_set: DataSet, evaluate: Evaluate, trials: int, seed: int) -> list[Trial]:
    """Optuna as its tutorial has it, one trial after the other; each knows all before it."""
    return _optimized(optuna.samplers.TPESampler(seed=seed), data_set, evaluate, trials)


def at_random(data_set: DataSet, evaluate: Evaluate, trials: int, seed: int) -> list[Trial]:
    """Points of the ranges, uniform on their scales."""
    return _optimized(optuna.samplers.RandomSampler(seed=seed), data_set, evaluate, trials)


def _optimized(
    sampler: optuna.samplers.BaseSampler, data_set: DataSet, evaluate: Evaluate, trials: int
) -> list[Trial]:
    tried: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        ranges = data_set.algorithm.ranges
        texts = {name: as_text(_suggested(trial, name, each)) for name, each in ranges.items()}
        tried.append(Trial(texts, evaluate(texts)[-1]))
        return tried[-1].value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize" if data_set.maximize else "minimize", sampler=sampler)
    study.optimize(objective, n_trials=trials)
    return tried


def _suggested(trial: optuna.Trial, name: str, searched: Range) -> Any:
    match searched:
        case Categorical(values=values):
            return trial.suggest_categorical(name, values)
        case Integer(low=low, high=high, scale=scale):
            return trial.suggest_int(name, low, high, log=scale == "log")
        case Continuous(low=first, high=last, scale=scale):
            return trial.suggest_float(name, first, last, log=scale == "log")
