"""What two models differ by on the same rows, and how much of it may be the rows' doing."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from evaluate.custom import Function
from evaluate.metrics import Array, Rows, measure, metrics
from evaluate.resampling import REPLICATES, Interval, Resamples, interval, lower_end

# A user's own function is called once per replicate and model, and may be slow.
_CALLS = 200


@dataclass(frozen=True)
class Comparison:
    """A metric of the challenger and, where there is one, of the champion, with their paired replicates."""

    value: float
    replicates: Array
    champion: float | None = None
    champion_replicates: Array | None = None

    def interval(self, confidence: float) -> Interval | None:
        """Where the challenger's metric lies."""
        return interval(self.replicates, confidence)

    def improvement(self, higher: bool) -> float:
        """By how much the challenger is better; NaN without a champion."""
        difference = self.value - (float("nan") if self.champion is None else self.champion)
        return difference if higher else -difference

    def improvement_low(self, higher: bool, confidence: float | None) -> float | None:
        """The lower end of the improvement's one-sided interval; None without champion or confidence."""
        if self.champion_replicates is None or confidence is None:
            return None
        return lower_end(self._improvements(higher), confidence)

    def improvement_interval(self, higher: bool, confidence: float) -> Interval | None:
        """The two-sided interval of the improvement; None without a champion."""
        if self.champion_replicates is None:
            return None
        return interval(self._improvements(higher), confidence)

    def improvement_high(self, higher: bool, confidence: float) -> float:
        """The upper end of the improvement's one-sided interval, by the bootstrap's standard error.

        Not by percentiles: with many slices the confidence of each is so close to 1 that few replicates lie
        beyond it.
        """
        spread = float(np.nanstd(self._improvements(higher)))
        return self.improvement(higher) + NormalDist().inv_cdf(confidence) * spread

    def _improvements(self, higher: bool) -> Array:
        if self.champion_replicates is None:
            raise ValueError("an improvement needs a champion")
        difference = self.replicates - self.champion_replicates
        return difference if higher else -difference


def compare(
    challenger: Rows,
    champion: Rows | None,
    names: Collection[str],
    functions: Mapping[str, Function],
    replicates: int = REPLICATES,
) -> dict[str, Comparison]:
    """The named metrics of both; a name is one of ours or that of a user's function."""
    ours = [name for name in names if name not in functions]
    found = _ours(challenger, champion, ours, replicates) if ours else {}
    own = {name: _own(challenger, champion, functions[name]) for name in names if name in functions}
    return found | own


def _ours(
    challenger: Rows, champion: Rows | None, names: Collection[str], most: int
) -> dict[str, Comparison]:
    rivals = {"challenger": challenger} | ({"champion": champion} if champion else {})
    values = {
        side: metrics(rows.problem, rows.truth, rows.predicted, groups=rows.units, scale=rows.scale)
        for side, rows in rivals.items()
    }

    def both(weights: Array) -> dict[str, Array]:
        return {
            f"{side} {name}": replicate
            for side, rows in rivals.items()
            for name, replicate in measure(rows, weights, names).items()
        }

    replicates = Resamples(challenger.unit_count, most).replicate(both)
    return {
        name: Comparison(
            values["challenger"][name],
            replicates[f"challenger {name}"],
            values["champion"][name] if champion else None,
            replicates[f"champion {name}"] if champion else None,
        )
        for name in names
    }


def _own(challenger: Rows, champion: Rows | None, function: Function) -> Comparison:
    rivals = [challenger] if champion is None else [challenger, champion]
    values = [function(rows.truth, rows.predicted) for rows in rivals]
    replicates = np.empty((len(rivals), _CALLS))
    for place, units in enumerate(Resamples(challenger.unit_count).draws(_CALLS)):
        drawn = units if challenger.units is None else _rows_of(units, challenger.units)
        for side, rows in enumerate(rivals):
            replicates[side, place] = function(rows.truth[drawn], rows.predicted[drawn])
    if champion is None:
        return Comparison(values[0], replicates[0])
    return Comparison(values[0], replicates[0], values[1], replicates[1])


def _rows_of(drawn: Array, units: Array) -> Array:
    """The rows of the drawn units, each as often as its unit was drawn."""
    return np.repeat(np.arange(len(units)), np.bincount(drawn, minlength=int(units.max()) + 1)[units])
