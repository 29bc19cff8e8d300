"""`make bench-tune`: tuning by default against Optuna called directly, random trials, and without tuning.

Ends with `RESULT {"median_regret_vs_optuna", "data_sets_better_than_random", "overhead_ratio",
"default_score_vs_histgb", …}`; exits 1 when a floor is missed, and says which.
"""

import argparse
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.tuning import defaults, engine, peer_environment, quality, service
from benchmarks.tuning.arms import Trial
from benchmarks.tuning.data_sets import DATA_SETS, ROOT
from benchmarks.tuning.request import tuning_request
from benchmarks.tuning.training import Training
from declaration import Tuning
from declaration.metrics import METRICS

STATE = ROOT / ".sageloop" / "bench" / "tuning"
SAME_AS_SERVICE = "diabetes"
LEAST_BETTER_THAN_RANDOM = 4
MOST_OVERHEAD = 1.2
console = Console(highlight=False, width=110)


def main() -> int:
    """Measure the four parts; 0 if every floor holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tuning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--splits", type=int, default=defaults.SPLITS)
    parser.add_argument("--overhead-trials", type=int, default=100, help="0 leaves this part out")
    options = parser.parse_args()
    # A polite stop of the benchmark takes its platform with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    shutil.rmtree(STATE, ignore_errors=True)
    for data_set in DATA_SETS:
        data_set.prepared(STATE / "jobs" / data_set.name).rename(_channels(data_set.name))
    found = quality.measure(STATE, options.seeds, options.trials)
    console.print(quality.table(found))
    figures, missed = _judged(found)
    if not _same_through_the_service(options.trials):
        missed.append("the service does not try what the engine tries in process")
    figures["default_score_vs_histgb"] = _defaults(options.splits)
    if options.overhead_trials:
        figures["overhead_ratio"] = _overhead(options.overhead_trials)
        if figures["overhead_ratio"] > MOST_OVERHEAD:
            missed.append(f"a tuning job takes more than {MOST_OVERHEAD} times as long as a process pool")
    for floor in missed:
        console.print(f"[bold red]missed:[/] {floor}")
    print("RESULT " + json.dumps(figures))
    return 1 if missed else 0


def _channels(name: str) -> Path:
    return STATE / name


def _judged(found: quality.Quality) -> tuple[dict[str, Any], list[str]]:
    """The figures of tuning quality, and the floors that they miss."""
    pairs = found.against("optuna")
    console.print(
        f"regret less that of Optuna, median of {len(pairs.ours)} pairs: {pairs.difference:+.4f}; "
        f"won {pairs.won}, lost {pairs.lost}; by chance as many lost with p = {pairs.lost_by_chance:.3f}"
    )
    console.print(
        "The rule: tuning is worse than Optuna if the median is above 0 and the one-sided sign test of all "
        "pairs has p < 0.05; it is better than random trials on a data set if its median regret is lower and "
        "it wins more seeds than it loses."
    )
    figures = {
        "median_regret_vs_optuna": round(pairs.difference, 4),
        "won_lost_vs_optuna": [pairs.won, pairs.lost],
        "data_sets_better_than_random": found.better_than_random,
    }
    missed = []
    if pairs.worse:
        missed.append("tuning is worse than Optuna called directly")
    if found.better_than_random < LEAST_BETTER_THAN_RANDOM:
        missed.append(f"tuning is better than random trials on {found.better_than_random} data sets only")
    return figures, missed


def _same_through_the_service(trials: int) -> bool:
    """Whether the service gives trial by trial what the engine gives in process."""
    data_set = next(each for each in DATA_SETS if each.name == SAME_AS_SERVICE)
    channels, tuning = _channels(data_set.name), Tuning(trials, seed=0)
    inside = engine.search(tuning_request(data_set, tuning, "engine"), Training(data_set, channels).values)
    outside = service.trials(data_set, channels, tuning)
    same = sum(_same(ours, theirs) for ours, theirs in zip(inside, outside, strict=True))
    console.print(
        f"{data_set.name}, seed 0: {same} of {trials} trials of the service have the hyperparameters and the "
        "objective that the engine has in process"
    )
    return same == trials


def _same(inside: Trial, outside: Trial) -> bool:
    """How soon a container is stopped is a matter of timing, and its last value with it."""
    return inside.texts == outside.texts and (inside.stopped or inside.value == outside.value)


def _defaults(splits: int) -> dict[str, dict[str, Any]]:
    """Median hold-out scores of the defaults by data set."""
    why = peer_environment.missing()
    if why:
        console.print(f"FLAML is left out, as it cannot be installed: {why}")
    found = defaults.measure(STATE, peer=why is None, splits=splits)
    console.print(defaults.table(found))
    return {
        each.data_set.name: {
            "metric": each.data_set.judged,
            "higher_is_better": METRICS[each.data_set.judged].higher_is_better,
            **each.medians,
        }
        for each in found
    }


def _overhead(trials: int) -> float:
    """The ratio that the benchmark of overhead measures, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.tuning_overhead", "--trials", str(trials)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=1800, check=False)
    print(done.stdout, end="")
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode or line is None:
        raise RuntimeError(f"The benchmark of overhead failed with exit code {done.returncode}.")
    return float(json.loads(line.removeprefix("RESULT "))["overhead_ratio"])


if __name__ == "__main__":
    sys.exit(main())
