"""What a forecast learns from: pairs of a value and a lead, with what was known so many steps before."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluate.metrics import metrics
from learners.lags import Lags
from learners.learning import Array, Training
from learners.libraries import without
from tabular.contract import DataError
from tabular.encoding import Matrix
from tabular.schema import Schema

with without("sklearn", "pandas", "pyarrow", "matplotlib", "graphviz", "dask"):
    import lightgbm

# Pairs of a value and a lead that are learnt from; of a long history each value is learnt at fewer leads.
_MOST_PAIRS = 200_000
# The last so many of the moments find the rounds, though at least `horizon` of them.
_VALIDATED = 0.15


@dataclass(frozen=True)
class Columns:
    """Which columns of the matrix are the time, the series, and what is known ahead."""

    time: int
    series: tuple[int, ...]
    ahead: tuple[int, ...]
    categories: frozenset[int]
    dated: bool
    name: str

    @classmethod
    def of(cls, schema: Schema) -> "Columns":
        """Those of a schema; its time is a feature."""
        if schema.time is None or schema.time not in schema.names:
            raise DataError("a forecast needs the time among the columns that the model sees")
        time = schema.names.index(schema.time)
        series = tuple(schema.names.index(name) for name in schema.series if name in schema.names)
        rest = tuple(place for place in range(len(schema.names)) if place != time and place not in series)
        categories = frozenset(i for i, letter in enumerate(schema.feature_types) if letter == "c")
        return cls(time, series, rest, categories, schema.features[time].type == "datetime", schema.time)

    def keys(self, matrix: Matrix) -> Array:
        """What tells the series of the rows apart (n, columns): one column of -1 for a single series."""
        if not self.series:
            return np.full((len(matrix), 1), -1, np.float32)
        return np.nan_to_num(matrix[:, self.series], nan=-1.0)


class Pairs:
    """Pairs of a value and a lead: what is known `lead` steps before the value, and the value."""

    def __init__(self, data: Training, columns: Columns, known: Lags, horizon: int) -> None:
        self._data, self._columns, self._lags, self._horizon = data, columns, known, horizon
        history = known.history
        self._series = history.which(columns.keys(data.features))
        self.numbers = history.steps.numbers(data.features[:, columns.time])
        self.every = np.ones(len(self.numbers), dtype=bool)
        span = int(np.ptp(self.numbers)) + 1
        length = min(max(horizon, round(_VALIDATED * span)), span // 3)
        # Those that find the rounds.
        self.late = self.numbers > self.numbers.max() - length

    def chosen(self, rows: Array) -> Array:
        """Pairs (n, 2) of a row's position and a lead, of these rows; each has a season behind its origin."""
        places, horizon = np.flatnonzero(rows), self._horizon
        each = min(horizon, max(1, _MOST_PAIRS // max(1, len(self.numbers))))
        if each == horizon:
            leads = np.tile(np.arange(1, horizon + 1), (len(places), 1))
        else:
            # One lead of each of so many equal parts of the horizon.
            chance = np.random.default_rng(self._data.seed)
            leads = 1 + ((np.arange(each) + chance.random((len(places), each))) * horizon / each).astype(int)
        pairs = np.stack([np.repeat(places, each), leads.reshape(-1)], axis=1)
        history = self._lags.history
        behind = self.numbers[pairs[:, 0]] - pairs[:, 1] - history.first[self._series[pairs[:, 0]]]
        return pairs[behind >= self._lags.season - 1]

    def dataset(
        self, pairs: Array, parameters: dict[str, Any], reference: lightgbm.Dataset | None = None
    ) -> lightgbm.Dataset:
        """What LightGBM learns from: what `start` misses, in units of the naive forecast's error."""
        series, start = self._series[pairs[:, 0]], self._start(pairs)
        seen, own = self._seen(pairs)
        first = seen.shape[1] - len(own)
        return lightgbm.Dataset(
            seen,
            (self._data.labels[pairs[:, 0]] - start) / self._lags.scale[series],
            reference=reference,
            params=parameters,
            categorical_feature=[
                first + i for i, place in enumerate(own) if place in self._columns.categories
            ],
        )

    def metrics(self, pairs: Array, booster: lightgbm.Booster, rounds: int) -> dict[str, float]:
        """All metrics of these pairs."""
        scale = self._lags.scale[self._series[pairs[:, 0]]]
        moved = np.asarray(booster.predict(self._seen(pairs)[0], num_iteration=rounds))
        truth = self._data.labels[pairs[:, 0]]
        return metrics("forecast", truth, self._start(pairs) + moved * scale, scale=scale)

    def _start(self, pairs: Array) -> Array:
        numbers = self.numbers[pairs[:, 0]]
        return self._lags.start(self._series[pairs[:, 0]], numbers, numbers - pairs[:, 1])

    def _seen(self, pairs: Array) -> tuple[Array, tuple[int, ...]]:
        numbers, series = self.numbers[pairs[:, 0]], self._series[pairs[:, 0]]
        past = self._lags.features(series, numbers, numbers - pairs[:, 1], self._horizon)
        own = (*self._columns.series, *self._columns.ahead)
        return np.hstack([past, self._data.features[pairs[:, 0]][:, own]]), own
