"""The even steps in which the series of a forecast go on: hours, days, weeks, months or a numeric step.

A matrix holds a datetime as float32 days since 1970, which tells moments apart that are some five minutes
away from each other, so that is the shortest step.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tabular.contract import DataError

Array = np.ndarray[Any, np.dtype[Any]]

_MINUTES_PER_DAY = 1440
# Steps within a day, in minutes.
_WITHIN_DAY = np.array([5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720])
# Half of what float32 rounds to until the year 2059, at both ends of a step, in days.
_ROUNDED = 2 * 85 / 86_400
_SHORTEST_MONTH = 28


@dataclass(frozen=True)
class Steps:
    """Moment `origin` has the number 0, and `size` later comes 1.

    With `dated` the unit is the day, and with `months` the calendar's month.
    """

    origin: float
    size: float
    dated: bool
    months: bool

    def numbers(self, times: Array) -> Array:
        """The number of each moment, int64; a moment between two steps takes the nearer one."""
        places = _months(times) if self.months else times.astype(np.float64)
        found: Array = np.rint((places - self.origin) / self.size).astype(np.int64)
        return found

    def moments(self, numbers: Array) -> Array:
        """The moment of each number, float64: days since 1970 or, of months, the first day."""
        places = self.origin + numbers * self.size
        if not self.months:
            return np.asarray(places)
        return places.astype("datetime64[M]").astype("datetime64[D]").astype(np.float64)

    @property
    def season(self) -> int | None:
        """After how many steps the day, the week or the year begins anew; None where the time is a number."""
        if not self.dated:
            return None
        cycle = 12.0 if self.months else 1.0 if self.size < 1 else 7.0 if self.size == 1 else 365.25
        return max(1, round(cycle / self.size))

    @property
    def longer(self) -> int | None:
        """A second season: the week of steps within a day, the year of days."""
        if not self.dated or self.months or self.size > 1:
            return None
        return 365 if self.size == 1 else round(7 / self.size)

    @property
    def text(self) -> str:
        """The step for people."""
        if not self.dated:
            return f"{self.size:g}"
        if self.months:
            return {1.0: "a month", 3.0: "a quarter", 12.0: "a year"}.get(self.size, f"{self.size:g} months")
        if self.size < 1:
            minutes = round(self.size * _MINUTES_PER_DAY)
            return "an hour" if minutes == 60 else f"{minutes} minutes"
        return {1.0: "a day", 7.0: "a week"}.get(self.size, f"{self.size:g} days")


def steps(times: Array, *, dated: bool, name: str) -> Steps:
    """The step of these moments (any order, repeated or not); DataError when they are not evenly spaced."""
    distinct = np.unique(times.astype(np.float64))
    if len(distinct) < 3:
        raise DataError(f"the time {name!r} has {len(distinct)} moments: a forecast needs at least three")
    gaps = np.diff(distinct)
    found = _calendar(distinct) if dated and gaps.min() >= _SHORTEST_MONTH - _ROUNDED else None
    if found is None:
        found = _even(distinct, gaps, dated)
    off = np.abs(found.moments(found.numbers(distinct)) - distinct)
    # The numeric time of a matrix has 24 binary digits.
    most = _ROUNDED if dated else np.abs(distinct).max() * 2.0**-22
    if not found.months and off.max() > most:
        odd = distinct[int(np.argmax(off > most))]
        raise DataError(
            f"the moments of {name!r} are not evenly spaced: most are {found.text} apart, "
            f"and {_shown(odd, dated)} lies between two of them; round the column to even steps"
        )
    numbers = found.numbers(distinct)
    if (np.diff(numbers) == 0).any():
        twice = distinct[int(np.argmax(np.diff(numbers) == 0))]
        raise DataError(
            f"the moments of {name!r} are too close around {_shown(twice, dated)}: "
            "a forecast's steps are at least five minutes apart, and evenly spaced"
        )
    return found


def _even(distinct: Array, gaps: Array, dated: bool) -> Steps:
    if not dated:
        return Steps(float(distinct[0]), _usual(gaps), dated, months=False)
    usual = _usual(np.round(gaps, 2) if np.median(gaps) > 0.5 else gaps)
    if usual >= 1 - _ROUNDED:
        return Steps(float(distinct[0]), float(np.rint(usual)), dated, months=False)
    minutes = float(np.median(gaps)) * _MINUTES_PER_DAY
    size = _WITHIN_DAY[int(np.argmin(np.abs(_WITHIN_DAY - minutes)))] / _MINUTES_PER_DAY
    # Steps within a day begin at whole five minutes, which float32 has blurred.
    fives = _MINUTES_PER_DAY / _WITHIN_DAY[0]
    return Steps(float(np.rint(distinct[0] * fives) / fives), float(size), dated, months=False)


def _calendar(distinct: Array) -> Steps | None:
    """Months, where all moments are at the same day of the month or all at its end."""
    days = np.floor(distinct).astype("datetime64[D]")
    inside = (days - days.astype("datetime64[M]")).astype(int)
    ends = (days + 1).astype("datetime64[M]") != days.astype("datetime64[M]")
    if not (inside == inside[0]).all() and not ends.all():
        return None
    numbers = _months(distinct)
    return Steps(float(numbers[0]), float(np.gcd.reduce(np.diff(numbers).astype(int))), True, months=True)


def _months(times: Array) -> Array:
    known = np.where(np.isnan(times), 0.0, times)
    return np.floor(known).astype("datetime64[D]").astype("datetime64[M]").astype(np.float64)


def _usual(gaps: Array) -> float:
    """The most frequent gap, of several the smallest."""
    values, counts = np.unique(gaps, return_counts=True)
    return float(values[int(np.argmax(counts))])


def _shown(moment: float, dated: bool) -> str:
    if not dated:
        return f"{moment:g}"
    return str(np.datetime64(round(moment * _MINUTES_PER_DAY), "m"))
