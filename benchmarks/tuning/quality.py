"""The best validation score after some trials: our engine, Optuna called directly, and random trials."""

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Literal, get_args

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.tuning import arms, engine
from benchmarks.tuning.data_sets import DATA_SETS, DataSet
from benchmarks.tuning.regret import Pairs, Scale
from benchmarks.tuning.request import tuning_request
from benchmarks.tuning.training import Training
from declaration import Tuning

Arm = Literal["sageloop", "optuna", "random"]
ARMS: tuple[Arm, ...] = get_args(Arm)
PROCESSES = 2
console = Console(stderr=True)


@dataclass(frozen=True)
class Search:
    """One search of one arm."""

    data_set: str
    arm: Arm
    seed: int
    trials: int


@dataclass(frozen=True)
class Quality:
    """Regrets of every data set by arm, in the order of the seeds."""

    regrets: Mapping[str, Mapping[Arm, Sequence[float]]]

    def against(self, other: Arm, data_set: str | None = None) -> Pairs:
        """Our regrets and another arm's, of one data set or of all."""
        chosen = [self.regrets[data_set]] if data_set else list(self.regrets.values())
        ours, theirs = ([regret for each in chosen for regret in each[arm]] for arm in ("sageloop", other))
        return Pairs(ours, theirs)

    @property
    def better_than_random(self) -> int:
        """On how many data sets our median regret is the lower one and ours wins more often than it loses."""
        return sum(self.against("random", name).better for name in self.regrets)


def measure(channels: Path, seeds: int, trials: int) -> Quality:
    """Run every search; those of the arms take turns, so that all see the same machine."""
    searches = [
        Search(data_set.name, arm, seed, trials)
        for seed in range(seeds)
        for data_set in DATA_SETS
        for arm in ARMS
    ]
    found: dict[Search, list[float]] = {}
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {pool.submit(searched, search, str(channels)): search for search in searches}
        for done in track(as_completed(running), "searches", len(running), console=console, transient=True):
            found[running[done]] = done.result()
    return Quality({data_set.name: _regrets(data_set, found) for data_set in DATA_SETS})


def searched(search: Search, channels: str) -> list[float]:
    """The scores of the trials of a search, in order."""
    data_set = next(each for each in DATA_SETS if each.name == search.data_set)
    evaluate = _training(search.data_set, channels).values
    if search.arm == "sageloop":
        tuning = Tuning(search.trials, seed=search.seed)
        tried = engine.search(tuning_request(data_set, tuning, search.data_set.replace("_", "-")), evaluate)
    else:
        arm = arms.optuna_direct if search.arm == "optuna" else arms.at_random
        tried = arm(data_set, evaluate, search.trials, search.seed)
    return [trial.value for trial in tried]


@cache
def _training(data_set: str, channels: str) -> Training:
    """Kept by a process of the pool."""
    return Training(next(each for each in DATA_SETS if each.name == data_set), Path(channels, data_set))


def _regrets(data_set: DataSet, found: Mapping[Search, Sequence[float]]) -> dict[Arm, list[float]]:
    mine = {search: scores for search, scores in found.items() if search.data_set == data_set.name}
    scale = Scale.of(
        [score for scores in mine.values() for score in scores],
        [score for search, scores in mine.items() if search.arm == "random" for score in scores],
        maximize=data_set.maximize,
    )
    ordered = sorted(mine.items(), key=lambda item: item[0].seed)
    return {
        arm: [min(map(scale.regret, scores)) for search, scores in ordered if search.arm == arm]
        for arm in ARMS
    }


def table(quality: Quality) -> Table:
    """Median regrets by data set, and how often ours won and lost."""
    drawn = Table(title="regret of the best trial: 0 the best score known, 1 a typical random trial")
    for column in ("data set", "algorithm, metric", *ARMS, "won:lost Optuna", "won:lost random"):
        drawn.add_column(column, justify="left" if column.startswith(("data", "alg")) else "right")
    for data_set in DATA_SETS:
        medians = [f"{median(quality.regrets[data_set.name][arm]):.3f}" for arm in ARMS]
        pairs = [quality.against(other, data_set.name) for other in ("optuna", "random")]
        counts = [f"{pair.won}:{pair.lost}" for pair in pairs]
        what = f"{type(data_set.algorithm).__name__}, {data_set.metric}"
        drawn.add_row(data_set.name, what, *medians, *counts)
    return drawn
