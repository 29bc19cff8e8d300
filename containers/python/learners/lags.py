"""What a forecast knows of a moment: the past of its series as it was some steps earlier, and the calendar.

A row is a series, the number of the step to forecast and the number of the last step that is known, its
origin. Everything is told relative to a simple forecast of that row, its `start`, and in units of the series'
`scale`, the mean error of the seasonal naive forecast in the past, so that one model learns from series of
all sizes and follows a trend that it never saw.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from coreforecast.grouped_array import GroupedArray  # type: ignore[import-untyped]
from coreforecast.lag_transforms import (  # type: ignore[import-untyped]
    ExponentiallyWeightedMean,
    RollingMean,
    RollingStd,
    SeasonalRollingMean,
)

from learners.history import Array, History

_SMOOTH = 0.3
_RECENT = 3
_CYCLES = (2, 4, 8)


@dataclass(frozen=True)
class Cycles:
    """What repeats, settled once for a model: `season` and `longer` (0: none) in steps.

    `days` is how long the training rows last: a cycle that they do not hold twice cannot be learnt.
    """

    season: int
    longer: int
    days: float

    @classmethod
    def of(cls, history: History, season: int) -> "Cycles":
        """Those of training rows."""
        longer = history.steps.longer or 0
        twice = longer > season and int(history.lengths.max()) >= 2 * longer
        ends = history.steps.moments(np.array([history.first.min(), history.last.max()]))
        return cls(season, longer if twice else 0, float(np.ptp(ends)))


@dataclass(frozen=True)
class Lags:
    """The past of all series of a history."""

    history: History
    cycles: Cycles

    @property
    def season(self) -> int:
        """In steps."""
        return self.cycles.season

    @cached_property
    def scale(self) -> Array:
        """The mean absolute error of the seasonal naive forecast in each series.

        Hyndman & Koehler, Another look at measures of forecast accuracy (2006).
        A series too short or too constant for one takes the mean of the others, or 1.
        """
        errors = np.abs(self.history.values - self._shifted(self.season))
        known = ~np.isnan(errors)
        count = np.bincount(self.history.members[known], minlength=len(self.history.ends))
        total = np.bincount(self.history.members[known], errors[known], minlength=len(self.history.ends))
        means = np.divide(total, count, out=np.zeros(len(count)), where=count > 0)
        usual = means[means > 0].mean() if (means > 0).any() else 1.0
        return np.where(means > 0, means, usual)

    @cached_property
    def never_negative(self) -> Array:
        """Which series have no value below zero."""
        return np.minimum.reduceat(self._filled, self.history.starts) >= 0

    def start(self, series: Array, numbers: Array, origins: Array) -> Array:
        """What a forecast begins with: the level of the last season, and how its parts usually differ."""
        then = self._at(series, self._same(numbers, origins, self.season))
        return np.asarray(self._level[self._at(series, origins)] + self._part[then])

    @cached_property
    def _part(self) -> Array:
        means = SeasonalRollingMean(0, self.season, _CYCLES[-1], 1)
        return np.asarray(means.transform(self._group(self._filled - self._level)))

    def features(self, series: Array, numbers: Array, origins: Array, horizon: int) -> Array:
        """What is known (rows, names), float32."""
        start, scale = self.start(series, numbers, origins), self.scale[series]
        now, then = self._at(series, origins), self._at(series, self._same(numbers, origins, self.season))
        filled = self._filled
        before = self._at(series, origins - self.season)
        level, past = self._level[now], self._level[before]
        known = [
            filled[then] - start,
            filled[now] - start,
            level - past,
            filled[now] - filled[before],
            self._smooth[now] - self._smooth[before],
            level - start,
            self._broad[now] - level,
            self._spread[now],
            *(filled[now] - filled[self._at(series, origins - lag)] for lag in range(1, _RECENT + 1)),
            *(mean[then] - start for mean in self._phases),
            filled[self._at(series, self._same(numbers, origins, self.season) - self.season)] - start,
        ]
        if self.cycles.longer:
            far = self._same(numbers, origins, self.cycles.longer)
            known += [
                filled[self._at(series, far)] - start,
                filled[self._at(series, far)] - self._level[self._at(series, far)] - (start - level),
            ]
        lead = np.minimum(numbers - origins, horizon)
        columns = [lead, *(each / scale for each in known), *self._calendar(numbers)]
        return np.stack(columns, axis=1).astype(np.float32)

    def _calendar(self, numbers: Array) -> list[Array]:
        """Parts of the cycles that the history has seen twice."""
        steps = self.history.steps
        if not steps.dated:
            return [numbers % self.season] if self.season > 1 else []
        moments = steps.moments(numbers)
        days = np.floor(moments + 1e-6).astype(np.int64).astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        daily, span = steps.size <= 1 and not steps.months, self.cycles.days
        found = []
        if daily and steps.size < 1:
            found.append(np.rint((moments - np.floor(moments + 1e-6)) * 1440))
        if daily and span >= 2 * 7:
            found.append((days.astype(np.int64) + 3) % 7)
        if daily and span >= 2 * 31:
            found.append((days - months).astype(np.int64))
        if span >= 2 * 365 and not (steps.months and steps.size >= 12):
            found.append(months.astype(np.int64) % 12)
            if not steps.months:
                found.append((days - days.astype("datetime64[Y]")).astype(np.int64))
        return found

    def _at(self, series: Array, numbers: Array) -> Array:
        """Where a value is; before a series' first step its first one."""
        history = self.history
        inside = np.clip(numbers - history.first[series], 0, history.lengths[series] - 1)
        return np.asarray(history.starts[series] + inside)

    def _same(self, numbers: Array, origins: Array, season: int) -> Array:
        """The last step up to the origin that is whole seasons before."""
        return np.asarray(numbers - season * -(-(numbers - origins) // season))

    @cached_property
    def _filled(self) -> Array:
        """The values, and in a gap the last one of the same part of the season, else the last one."""
        values, season = self.history.values, self.season
        places = np.arange(len(values))
        found = np.where(np.isnan(values), -1, places)
        # A row per season, so that what is above is the same part of it.
        for start, end in zip(self.history.starts.tolist(), self.history.ends.tolist(), strict=True):
            length = end - start
            whole = np.full(-(-length // season) * season, -1)
            whole[:length] = found[start:end]
            seen = np.maximum.accumulate(whole.reshape(-1, season), axis=0).reshape(-1)[:length]
            last = np.maximum.accumulate(found[start:end])
            found[start:end] = np.where(seen >= 0, seen, last)
        return np.asarray(values[found])

    def _shifted(self, lag: int) -> Array:
        """The value `lag` steps before, NaN where there is none."""
        inside = self.history.numbers - self.history.first[self.history.members] >= lag
        earlier = self.history.values[np.maximum(np.arange(len(self.history.values)) - lag, 0)]
        return np.where(inside, earlier, np.nan)

    @cached_property
    def _grouped(self) -> GroupedArray:
        return self._group(self._filled)

    def _group(self, values: Array) -> GroupedArray:
        return GroupedArray(values, np.concatenate([[0], self.history.ends]).astype(np.int32))

    @cached_property
    def _level(self) -> Array:
        return np.asarray(RollingMean(0, max(self.season, 2), 1).transform(self._grouped))

    @cached_property
    def _broad(self) -> Array:
        return np.asarray(RollingMean(0, max(4 * self.season, 8), 1).transform(self._grouped))

    @cached_property
    def _spread(self) -> Array:
        return np.asarray(RollingStd(0, max(self.season, 4), 2).transform(self._grouped))

    @cached_property
    def _smooth(self) -> Array:
        return np.asarray(ExponentiallyWeightedMean(0, _SMOOTH).transform(self._grouped))

    @cached_property
    def _phases(self) -> list[Array]:
        return [
            SeasonalRollingMean(0, max(self.season, 1), cycles, 1).transform(self._grouped)
            for cycles in _CYCLES
        ]
