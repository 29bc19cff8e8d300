"""The same rows for the peer, in processes of its own beside ours."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from benchmarks.drift.peer_environment import PEER

_PROGRAM = Path(__file__).with_name("peer.py")
# What numbers the windows in a file; peer.py, which cannot import this, says the same.
_WINDOW = "__window__"
# Nothing leaves the machine: https://docs.evidentlyai.com/faq/telemetry
_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
}
# A data set has drifted when half of its columns have: the preset's own default.
_HALF = 0.5


@dataclass(frozen=True)
class Judged:
    """What the peer says of one window: how many columns have drifted, and whether the data set has."""

    columns: int
    data_set: bool


@dataclass(frozen=True)
class _Process:
    """One of the peer's, with its tasks on the input and its answers in a file."""

    process: subprocess.Popen[str]
    answers: Path
    log: Path
    files: tuple[IO[Any], ...]


class Peer:
    """Judges in the background what it is given; each process gets every so many of the tasks."""

    def __init__(self, directory: Path, processes: int) -> None:
        self._directory = directory
        self._given = 0
        directory.mkdir(parents=True, exist_ok=True)
        self._running = [self._start(number) for number in range(processes)]

    def give(self, name: str, reference: pl.DataFrame, windows: Sequence[pl.DataFrame]) -> int:
        """Hand over windows to compare with a reference, which a name stands for; returns a number."""
        before = self._directory / f"{name}.parquet"
        if not before.is_file():
            reference.write_parquet(before)
        now = self._directory / f"task-{self._given}.parquet"
        numbered = [rows.with_columns(pl.lit(place).alias(_WINDOW)) for place, rows in enumerate(windows)]
        pl.concat(numbered).write_parquet(now)
        running = self._running[self._given % len(self._running)]
        if running.process.stdin is None or running.process.poll() is not None:
            raise RuntimeError(f"the peer ended, see {running.log}")
        running.process.stdin.write(json.dumps({"reference": str(before), "current": str(now)}) + "\n")
        running.process.stdin.flush()
        self._given += 1
        return self._given - 1

    def finish(self, seconds: float) -> list[list[Judged]]:
        """What it says of the windows of every task, up to the first in which a column has drifted."""
        answers = []
        for running in self._running:
            running.process.communicate(timeout=seconds)
            if running.process.returncode:
                raise RuntimeError(f"the peer failed, see {running.log}")
            answers.append([json.loads(line) for line in running.answers.read_text().splitlines()])
        found = [answers[number % len(answers)][number // len(answers)] for number in range(self._given)]
        return [[Judged(count, share >= _HALF) for count, share in windows] for windows in found]

    def stop(self) -> None:
        """End what still runs."""
        for running in self._running:
            if running.process.poll() is None:
                running.process.kill()
                running.process.wait()
            for file in running.files:
                file.close()

    def _start(self, number: int) -> _Process:
        answers, log = (self._directory / f"{number}.{kind}" for kind in ("answers", "log"))
        # Answers go to a file, as nobody reads a pipe while it is given tasks.
        files = answers.open("w"), log.open("w")
        process = subprocess.Popen(
            [str(PEER / "bin" / "python"), str(_PROGRAM)],
            stdin=subprocess.PIPE, stdout=files[0], stderr=files[1], text=True, env=_ENVIRONMENT,
        )  # fmt: skip
        return _Process(process, answers, log, files)
