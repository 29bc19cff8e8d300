"""Forecasts: LightGBM learns what a simple forecast of a step misses, for all series and leads.

The method is that of mlforecast and of the winners of the M5 competition (Makridakis, Spiliotis &
Assimakopoulos, 2022), trees over lags that all series share, on coreforecast, mlforecast's own library of
lags; but each lead is forecast directly instead of step by step, so that a row's forecast depends on no other
row. A training that is killed starts again, and ends with the same bytes.
https://nixtlaverse.nixtla.io/coreforecast/, https://otexts.com/fpp3/accuracy.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from coreforecast.seasonal import find_season_length  # type: ignore[import-untyped]

from learners import lightgbm as trees
from learners.arrays import packed, unpacked
from learners.bounds import within
from learners.history import History
from learners.lags import Cycles, Lags
from learners.learning import Array, Learnt, Recent, Training
from learners.libraries import threads, without
from learners.moments import steps
from learners.pairs import Columns, Pairs
from learners.progress import Progress
from tabular.contract import DataError
from tabular.encoding import Matrix
from tabular.schema import Problem, Schema

with without("sklearn", "pandas", "pyarrow", "matplotlib", "graphviz", "dask"):
    import lightgbm

PROBLEMS: tuple[Problem, ...] = ("forecast",)
LIBRARIES = ("lightgbm", "coreforecast", "polars", "numpy")
FILE, HISTORY = trees.FILE, "history.npz"


@dataclass(frozen=True)
class Settings:
    """`season` 0 is what the step says: 24 hours, 7 days, 52 weeks, 12 months; then LightGBM's own names."""

    horizon: int = within(12, 1, 10_000)
    season: int = within(0, 0, 10_000)
    rounds: int = within(500, 1)
    num_leaves: int = within(15, 2, 131_072)
    learning_rate: float = within(0.05, 0, 1)
    min_data_in_leaf: int = within(20, 1)
    feature_fraction: float = within(0.7, 0.01, 1)
    early_stopping: int = within(30, 1)


class Model:
    """Forecasts each row from the last value that is known before it.

    That is the end of its series, or within the history, the step before the row: an in-sample fit. A row
    without a moment is forecast for the next step, and an unknown series as the mean of all of them.
    """

    def __init__(
        self, booster: lightgbm.Booster, history: History, schema: Schema, cycles: Cycles, horizon: int
    ) -> None:
        self._booster, self._history, self._schema = booster, history, schema
        self._cycles, self._horizon = cycles, horizon
        self._columns = Columns.of(schema)
        self._threads = threads()

    @cached_property
    def _lags(self) -> Lags:
        return Lags(self._history.pooled(), self._cycles)

    def predict(self, matrix: Matrix) -> Array:
        """As learners.learning.Model says; a series that was never negative is not forecast to be."""
        place = self._place(matrix)
        seen = self._seen(matrix, *place)
        moved = np.asarray(self._booster.predict(seen, num_threads=self._threads))
        found = self._lags.start(*place) + moved * self._lags.scale[place[0]]
        least = np.where(self._lags.never_negative[place[0]], 0.0, -np.inf)
        return np.asarray(np.maximum(found, least)).astype(np.float32)

    def contributions(self, matrix: Matrix) -> Array:
        """SHAP values, exact for trees, in the target's unit; what comes of the past counts for the time."""
        place = self._place(matrix)
        seen = self._seen(matrix, *place)
        flat = np.asarray(self._booster.predict(seen, pred_contrib=True, num_threads=self._threads))
        parts = flat[:, :-1] * self._lags.scale[place[0]][:, None]
        columns, found = self._columns, np.zeros(matrix.shape)
        own = (*columns.series, *columns.ahead)
        count = parts.shape[1] - len(own)
        found[:, own] = parts[:, count:]
        start = self._lags.start(*place)
        found[:, columns.time] = parts[:, :count].sum(axis=1) + start - start.mean()
        return found

    def save(self, directory: Path) -> Sequence[str]:
        """Write model.txt, in which the number of threads must not show, and history.npz."""
        (directory / FILE).write_text(trees.text(self._booster), encoding="utf-8")
        told = {name: np.array(value) for name, value in vars(self._cycles).items()}
        (directory / HISTORY).write_bytes(
            packed(told | self._history.arrays() | {"horizon": np.array(self._horizon)})
        )
        return (FILE, HISTORY)

    def before(self, moment: float) -> "Model":
        """The same model, which knows no value of this moment (as in a matrix) or a later one."""
        number = int(self._history.steps.numbers(np.array([moment]))[0])
        known = self._history.before(number)
        return Model(self._booster, known, self._schema, self._cycles, self._horizon)

    def scale(self, matrix: Matrix) -> Array:
        """The mean error of the seasonal naive forecast in the history of each row's series, for MASE."""
        return np.asarray(self._lags.scale[self._place(matrix)[0]])

    def past(self, matrix: Matrix) -> Array:
        """The known values of the first row's series, NaN where a step has none."""
        history = self._lags.history
        series = int(self._place(matrix[:1])[0][0])
        return np.asarray(history.values[history.starts[series] : history.ends[series]])

    def _place(self, matrix: Matrix) -> tuple[Array, Array, Array]:
        """The series of each row, the number of its step and that of the last step known before it."""
        history, known = self._lags.history, self._columns.keys(matrix)
        series = history.which(known)
        # The last series is the mean of all.
        series = np.where(series < 0, len(history.ends) - 1, series)
        times, last = matrix[:, self._columns.time], history.last[series]
        dateless = np.isnan(times)
        numbers = np.where(dateless, last + 1, history.steps.numbers(np.where(dateless, 0, times)))
        return series, numbers, np.minimum(numbers - 1, last)

    def _seen(self, matrix: Matrix, series: Array, numbers: Array, origins: Array) -> Array:
        columns = self._columns
        past = self._lags.features(series, numbers, origins, self._horizon)
        return np.hstack([past, matrix[:, (*columns.series, *columns.ahead)]])


def learn(data: Training, settings: Settings, progress: Progress) -> Learnt:
    """Boost until the last moments are forecast no better, then as long on all of them."""
    progress.forgo()
    columns = Columns.of(data.schema)
    learnt = _history(columns, data)
    season = settings.season or learnt.steps.season or _season(learnt)
    cycles = Cycles.of(learnt, season)
    pairs = Pairs(data, columns, Lags(learnt.pooled(), cycles), settings.horizon)
    parameters = _parameters(data, settings)
    learning, compared = pairs.chosen(~pairs.late), pairs.chosen(pairs.late)
    if not len(learning) or not len(compared):
        raise DataError(
            f"the longest series has {int(learnt.lengths.max())} steps of {learnt.steps.text}, too few to "
            f"learn a forecast of {settings.horizon} steps with a season of {season}: "
            "upload more, or lower both"
        )
    booster = lightgbm.Booster(parameters, pairs.dataset(learning, parameters))
    booster.add_valid(pairs.dataset(compared, parameters, booster.train_set), "validation")
    while progress.rounds < settings.rounds and not progress.stalled(settings.early_stopping):
        booster.update()
        ours, theirs = booster.eval_train()[0], booster.eval_valid()[0]
        progress.record({"train-mase": ours[2], "validation-mase": theirs[2]})
    rounds = progress.best + 1
    found = pairs.metrics(compared, booster, rounds)
    progress.conclude(found)
    if data.refit:
        booster = lightgbm.Booster(parameters, pairs.dataset(pairs.chosen(pairs.every), parameters))
        for _ in range(rounds):
            booster.update()
    best = lightgbm.Booster(model_str=booster.model_to_string(num_iteration=rounds))
    known = _history(columns, data, data.recent)
    return Learnt(Model(best, known, data.schema, cycles, settings.horizon), rounds, found, progress.curve)


def load(directory: Path, schema: Schema) -> Model:
    """Read model.txt and history.npz, arrays of numbers alone."""
    arrays = unpacked((directory / HISTORY).read_bytes())
    cycles = Cycles(int(arrays["season"]), int(arrays["longer"]), float(arrays["days"]))
    booster = lightgbm.Booster(model_file=directory / FILE)
    return Model(booster, History.read(arrays), schema, cycles, int(arrays["horizon"]))


def _history(columns: Columns, data: Training, recent: Recent | None = None) -> History:
    """The rows, with the recent ones of the series that they have; the step is that of all moments."""
    matrix, labels = data.features, data.labels
    after = data.recent.features if data.recent else matrix[:0]
    moments = np.concatenate([matrix[:, columns.time], after[:, columns.time]])
    step = steps(moments, dated=columns.dated, name=columns.name)
    if recent is not None:
        known = ~np.isnan(recent.features[:, columns.series]).any(axis=1)
        matrix = np.vstack([matrix, recent.features[known]])
        labels = np.concatenate([labels, recent.labels[known]])
    return History.of(step, columns.keys(matrix), matrix[:, columns.time], labels)


def _parameters(data: Training, settings: Settings) -> dict[str, Any]:
    """With these the number of threads does not change the model."""
    return {
        # The loss that MASE measures, and that the odd day of a snowstorm does not bend: Kolassa, Why the
        # "best" point forecast depends on the error or accuracy measure (2020).
        "objective": "l1",
        "metric": "l1",
        "num_leaves": settings.num_leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "seed": data.seed,
        "num_threads": data.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }


def _season(history: History) -> int:
    """Where the time is a number: the season of the longest series, 1 where it has none."""
    place = int(history.lengths.argmax())
    values = history.values[history.starts[place] : history.ends[place]]
    known = values[~np.isnan(values)]
    return max(1, int(find_season_length(known, max(2, min(len(known) // 3, 400)))))
