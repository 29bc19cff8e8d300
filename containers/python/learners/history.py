"""What a forecast goes on from: each series on its even steps, from its first value to its last."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from learners.moments import Steps
from tabular.contract import DataError

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class History:
    """The values of all series one after the other, NaN where a step has none.

    `keys` (series, columns) are the series' columns as a matrix holds them; `first` is the number of each
    series' first step, and `ends` where its values end.
    """

    steps: Steps
    keys: Array
    first: Array
    ends: Array
    values: Array

    @classmethod
    def of(cls, steps: Steps, keys: Array, times: Array, values: Array) -> "History":
        """Put rows (keys (n, columns), times (n,), values (n,)) in order; DataError for two of one moment."""
        numbers = steps.numbers(times)
        distinct, member = np.unique(keys, axis=0, return_inverse=True)
        member = member.reshape(-1)
        first = np.full(len(distinct), np.iinfo(np.int64).max)
        last = np.full(len(distinct), np.iinfo(np.int64).min)
        np.minimum.at(first, member, numbers)
        np.maximum.at(last, member, numbers)
        ends = np.cumsum(last - first + 1)
        lined = np.full(int(ends[-1]), np.nan)
        places = ends[member] - (last[member] - numbers) - 1
        if len(np.unique(places)) < len(places):
            raise DataError(
                "a series has several values at one moment: name the columns that tell series apart"
            )
        lined[places] = values
        return cls(steps, distinct, first, ends, lined)

    @property
    def starts(self) -> Array:
        """Where the values of each series begin."""
        return self.ends - self.lengths

    @cached_property
    def lengths(self) -> Array:
        """How many steps each series has."""
        return np.diff(self.ends, prepend=0)

    @property
    def last(self) -> Array:
        """The number of each series' last step."""
        return self.first + self.lengths - 1

    @cached_property
    def members(self) -> Array:
        """The series of each value."""
        return np.repeat(np.arange(len(self.ends)), self.lengths)

    @cached_property
    def numbers(self) -> Array:
        """The step's number of each value."""
        return np.asarray(np.arange(len(self.values)) - (self.starts - self.first)[self.members])

    def which(self, keys: Array) -> Array:
        """The series of each row of keys, -1 where it is unknown."""
        distinct, member = np.unique(keys, axis=0, return_inverse=True)
        found = np.array([self._places.get(key.tobytes(), -1) for key in distinct], dtype=np.int64)
        return np.asarray(found[member.reshape(-1)])

    @cached_property
    def _places(self) -> dict[bytes, int]:
        return {key.tobytes(): place for place, key in enumerate(self.keys)}

    def before(self, number: int) -> "History":
        """What was known before a step; series that began later are not."""
        kept = (self.numbers < number) & ~np.isnan(self.values)
        if not kept.any():
            raise DataError("no series has a value before the first moment that is to be forecast")
        members = self.members[kept]
        times = self.steps.moments(self.numbers[kept])
        return History.of(self.steps, self.keys[members], times, self.values[kept])

    def pooled(self) -> "History":
        """With one series more, the mean of all: what is known of a series that is not."""
        number = self.numbers - self.first.min()
        known = ~np.isnan(self.values)
        total, count = np.bincount(number[known], self.values[known]), np.bincount(number[known])
        mean = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
        return History(
            self.steps,
            np.vstack([self.keys, np.full((1, self.keys.shape[1]), np.inf, self.keys.dtype)]),
            np.append(self.first, self.first.min()),
            np.append(self.ends, len(self.values) + len(mean)),
            np.concatenate([self.values, mean]),
        )

    def arrays(self) -> dict[str, Array]:
        """What `numpy.savez` keeps."""
        steps = np.array([self.steps.origin, self.steps.size, self.steps.dated, self.steps.months], float)
        lined = {name: getattr(self, name) for name in ("keys", "first", "ends", "values")}
        return {"steps": steps, **lined}

    @classmethod
    def read(cls, arrays: dict[str, Array]) -> "History":
        """What `arrays` gave."""
        origin, size, dated, months = arrays["steps"].tolist()
        steps = Steps(origin, size, bool(dated), bool(months))
        return cls(steps, *(arrays[name] for name in ("keys", "first", "ends", "values")))
