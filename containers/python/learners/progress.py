"""The log of a training, its curve, when to stop, and the checkpoint to go on from."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluate.metrics import LOWER_IS_BETTER
from tabular.schema import Problem

# The metrics by which learning stops early.
STOPS_BY: dict[Problem, str] = {
    "binary": "auc",
    "multiclass": "log_loss",
    "regression": "rmse",
    "ranking": "ndcg",
    "forecast": "mase",
}
_FILE = "checkpoint"
# Writing may take up to a twentieth of the time, and no checkpoint is younger than this many seconds.
_YOUNGEST, _SHARE = 1.0, 20


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds: `metrics` once the rounds are found, `rounds` of the model in `state`."""

    rounds: int
    metrics: dict[str, float] | None
    state: bytes


class Progress:
    """Takes each round's figures; `key` names the data, settings and libraries that a checkpoint is good for.

    A checkpoint is one file that is replaced as a whole: a line of JSON, then the state of the library.
    """

    def __init__(self, problem: Problem, directory: Path | None = None, key: str = "") -> None:
        self.curve: dict[str, list[float]] = {}
        self.best = -1
        self._stop = f"validation-{STOPS_BY[problem]}"
        self._sign = 1 if STOPS_BY[problem] in LOWER_IS_BETTER else -1
        self._path = directory / _FILE if directory is not None else None
        self._key = key
        self._before = 0.0
        self._began = self._kept = time.monotonic()
        self._cost = 0.0

    @property
    def rounds(self) -> int:
        """How many rounds were recorded."""
        return len(self.curve.get(self._stop, ()))

    @property
    def seconds(self) -> float:
        """Time spent so far, that before an interruption included."""
        return self._before + time.monotonic() - self._began

    def record(self, figures: Mapping[str, float]) -> bool:
        """Log one round's `train-…` and `validation-…` metrics; whether this is the best round so far."""
        number = self.rounds
        for name, value in figures.items():
            self.curve.setdefault(name, []).append(value)
        self._print(str(number), figures)
        values = self.curve[self._stop]
        better = self.best < 0 or self._sign * values[number] < self._sign * values[self.best]
        if better:
            self.best = number
        return better

    def forgo(self) -> None:
        """Neither write nor read checkpoints: the algorithm has no state that it could go on from."""
        self._path = None

    def stalled(self, patience: int) -> bool:
        """Whether so many rounds have passed without a better one."""
        return self.rounds - 1 - self.best >= patience

    def conclude(self, metrics: Mapping[str, float]) -> None:
        """Log the metrics of the best round: SageMaker takes the last value of a metric as the job's."""
        self._print(f"best {self.best}", {f"validation-{name}": value for name, value in metrics.items()})

    def keep(self, rounds: int, metrics: Mapping[str, float] | None, state: Callable[[], bytes]) -> None:
        """Write a checkpoint, unless the last one is so young that this one is not worth its time."""
        if self._path is None or time.monotonic() - self._kept < max(_YOUNGEST, _SHARE * self._cost):
            return
        began = time.monotonic()
        header = {
            "key": self._key,
            "rounds": rounds,
            "metrics": metrics,
            "curve": self.curve,
            "best": self.best,
            "seconds": self.seconds,
        }
        unfinished = self._path.with_suffix(".unfinished")
        with unfinished.open("wb") as file:
            file.write(json.dumps(header).encode() + b"\n" + state())
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)
        self._kept = time.monotonic()
        self._cost = self._kept - began

    def resume(self) -> Saved | None:
        """The checkpoint, with the curve as it was; None when there is none for this very training."""
        if self._path is None or not self._path.is_file():
            return None
        line, _, state = self._path.read_bytes().partition(b"\n")
        try:
            header: Any = json.loads(line)
        except ValueError:
            header = {}
        if not isinstance(header, dict) or header.get("key") != self._key:
            print("the checkpoint is of another training: this one starts at the beginning", flush=True)
            return None
        self.curve, self.best, self._before = header["curve"], header["best"], header["seconds"]
        print(f"going on from the checkpoint after {header['rounds']} rounds", flush=True)
        return Saved(header["rounds"], header["metrics"], state)

    def _print(self, label: str, figures: Mapping[str, float]) -> None:
        shown = " ".join(f"{name}={value:.6f}" for name, value in figures.items())
        print(f"[{label}] {shown}", flush=True)
