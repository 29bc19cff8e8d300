"""Every trial by every detector: false alarms, power at two strengths, and delay."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

import polars as pl
from scipy import stats  # type: ignore[import-untyped]

from benchmarks.drift import looks, year
from benchmarks.drift.looks import CURRENT, PATIENCE, WINDOW, Draw, Seen, Trial
from benchmarks.drift.peers import Judged, Peer
from benchmarks.drift.pool import TARGET, Array, Pool
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.year import Month

FULL, HALF = 1.0, 0.5
_PEER_SECONDS = 1800.0


@dataclass(frozen=True)
class Rate:
    """So many of so many, with the exact interval of 95 %: Clopper & Pearson, The use of confidence or
    fiducial limits illustrated in the case of the binomial (1934)."""

    count: int
    of: int

    @property
    def share(self) -> float:
        """The rate itself."""
        return self.count / self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Its ends."""
        found = stats.binomtest(self.count, self.of).proportion_ci(0.95, method="exact")
        return float(found.low), float(found.high)


@dataclass(frozen=True)
class Detector:
    """What one of them says: false alarms among 2,000 rows and among 500, and by the name of a change
    the shares of runs in which it is told, whole and half, and the mean number of windows until then.

    The delay is None where fewer than half of the runs were told, whose mean would flatter.
    """

    name: str
    alarms: Rate
    alarms_of_windows: Rate
    full: Mapping[str, float]
    half: Mapping[str, float]
    delay: Mapping[str, float | None]


@dataclass(frozen=True)
class Study:
    """Everything that was measured; `any_column` and `data_set` are the peer's two readings."""

    runs: int
    ours: Detector
    with_labels: Detector
    any_column: Detector | None
    data_set: Detector | None
    year: Sequence[Month]


# After how many windows a change was told, None where it never was.
_Outcomes = Mapping[Trial, int | None]


def trials(looked: int, runs: int) -> list[Trial]:
    """All of them, those of one run together."""
    found = []
    for run in range(max(looked, runs)):
        if run < looked:
            found += [Trial(run, None, 0.0, rows) for rows in (CURRENT, WINDOW)]
        if run < runs:
            for shift in SHIFTS:
                found += [Trial(run, shift, strength) for strength in (FULL, HALF)]
                found.append(Trial(run, shift, FULL, WINDOW, PATIENCE))
    return found


def play(
    pool: Pool,
    peer: Peer | None,
    seed: int,
    looked: int,
    runs: int,
    directory: Path,
    tick: Callable[[], None],
) -> Study:
    """Everything; `tick` is called after each trial."""
    told: dict[Trial, int | None] = {}
    labelled: dict[Trial, int | None] = {}
    given: dict[Trial, int] = {}
    drawn: Draw | None = None
    for trial in trials(looked, runs):
        if drawn is None or drawn.run != trial.run:
            drawn = looks.draw(pool, seed, trial.run)
        seen = list(looks.windows(pool.learned, drawn, trial, seed))
        if peer is not None:
            given[trial] = peer.give(f"run-{trial.run}", _flat(drawn.reference, drawn.scores), _flats(seen))
        told[trial] = _first(drawn, seen, looks.told)
        labelled[trial] = _first(drawn, seen, looks.told_with_labels)
        tick()
    months, asked = year.play(directory, seed, peer)
    columns = data_set = None
    if peer is not None:
        judged = peer.finish(_PEER_SECONDS)
        answers = {trial: judged[number] for trial, number in given.items()}
        columns = _detector("Evidently, any column", _by(answers, lambda each: each.columns > 0))
        # Its delay is not known, as windows are judged until a column has drifted.
        data_set = replace(
            _detector("Evidently, data set", _by(answers, lambda each: each.data_set)), delay={}
        )
        months = [
            replace(month, peer=judged[number][0].columns)
            for month, number in zip(months, asked, strict=True)
        ]
    ours = _detector("Sageloop", told)
    return Study(runs, ours, _detector("Sageloop with labels", labelled), columns, data_set, months)


def _first(drawn: Draw, seen: Sequence[Seen], verdict: Callable[[Draw, Seen], bool]) -> int | None:
    return next((number for number, each in enumerate(seen, 1) if verdict(drawn, each)), None)


def _by(answers: Mapping[Trial, Sequence[Judged]], verdict: Callable[[Judged], bool]) -> _Outcomes:
    return {
        trial: next((number for number, each in enumerate(judged, 1) if verdict(each)), None)
        for trial, judged in answers.items()
    }


def _detector(name: str, found: _Outcomes) -> Detector:
    return Detector(
        name,
        alarms=_alarms(found, CURRENT),
        alarms_of_windows=_alarms(found, WINDOW),
        full={shift.name: _power(found, shift.name, FULL) for shift in SHIFTS},
        half={shift.name: _power(found, shift.name, HALF) for shift in SHIFTS},
        delay={shift.name: _delay(found, shift.name) for shift in SHIFTS},
    )


def _alarms(found: _Outcomes, rows: int) -> Rate:
    quiet = [after for trial, after in found.items() if trial.shift is None and trial.rows == rows]
    return Rate(sum(after is not None for after in quiet), len(quiet))


def _power(found: _Outcomes, name: str, strength: float) -> float:
    return mean(
        after is not None
        for trial, after in found.items()
        if trial.shift and trial.shift.name == name and (trial.strength, trial.windows) == (strength, 1)
    )


def _delay(found: _Outcomes, name: str) -> float | None:
    waits = [
        after
        for trial, after in found.items()
        if trial.shift and trial.shift.name == name and trial.windows > 1
    ]
    ended = [after for after in waits if after is not None]
    return mean(ended) if 2 * len(ended) >= len(waits) else None


def _flats(seen: Sequence[Seen]) -> list[pl.DataFrame]:
    return [_flat(each.rows, each.calls.predictions["score"].to_numpy()) for each in seen]


def _flat(rows: pl.DataFrame, scores: Array) -> pl.DataFrame:
    """As the peer gets them: features and the prediction."""
    return rows.drop(TARGET).with_columns(pl.Series("prediction", scores))
