"""Ten changes that are planted into rows; a strength of 1 is the whole of it, of 0.5 the half.

A change is given twice the rows that are wanted, as some leave rows out.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from benchmarks.drift.pool import TARGET

Plant = Callable[[pl.DataFrame, float, np.random.Generator], pl.DataFrame]
# Of the pool: what changes is measured in these, so that it does not depend on the rows that were drawn.
_TEMP_SPREAD, _WIND_MEAN = 17.8, 10.5
_LARGEST, _SECOND = "UA", "B6"


@dataclass(frozen=True)
class Shift:
    """`shown` is whether the distribution of some column alone tells of it."""

    name: str
    plant: Plant
    shown: bool = True

    @property
    def what(self) -> str:
        """What it is, in a sentence."""
        return self.plant.__doc__ or ""


def _mean(rows: pl.DataFrame, strength: float, _: np.random.Generator) -> pl.DataFrame:
    """Half a standard deviation warmer."""
    return rows.with_columns(pl.col("temp") + strength * 0.5 * _TEMP_SPREAD)


def _scale(rows: pl.DataFrame, strength: float, _: np.random.Generator) -> pl.DataFrame:
    """Winds that vary by half as much again."""
    stretched = _WIND_MEAN + (1 + 0.5 * strength) * (pl.col("wind_speed") - _WIND_MEAN)
    return rows.with_columns(wind_speed=stretched)


def _share(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """Six in ten flights of the largest carrier are the second's."""
    return _recast(rows, _some(rows, 0.6 * strength, chance) & (rows["carrier"] == _LARGEST), _SECOND)


def _gone(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """The largest carrier flies no more, and the others fly instead."""
    lost = _some(rows, strength, chance) & (rows["carrier"] == _LARGEST)
    others = rows["carrier"].filter(rows["carrier"] != _LARGEST).to_numpy()
    drawn = pl.Series(chance.choice(others, rows.height), dtype=pl.String)
    return rows.with_columns(pl.when(lost).then(drawn).otherwise(pl.col("carrier")).alias("carrier"))


def _new(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """One flight in twenty has a carrier that nobody knows."""
    return _recast(rows, _some(rows, 0.05 * strength, chance), "ZZ")


def _missing(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """One recent delay in ten is missing."""
    lost = _some(rows, 0.1 * strength, chance)
    return rows.with_columns(recent_delay=pl.when(~lost).then(pl.col("recent_delay")))


def _celsius(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """Temperatures in degrees Celsius instead of Fahrenheit; half of it: from one of two sources."""
    other = _some(rows, strength, chance)
    return rows.with_columns(temp=pl.when(other).then((pl.col("temp") - 32) / 1.8).otherwise(pl.col("temp")))


def _kilometres(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """Distances in kilometres instead of miles."""
    other, far = _some(rows, strength, chance), pl.col("distance")
    return rows.with_columns(
        distance=pl.when(other).then((far * 1.609344).round().cast(pl.Int64)).otherwise(far)
    )


def _labels(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """Twice as many late flights, each like the late ones before: others are left out by chance."""
    late = rows[TARGET].cast(pl.Boolean)
    share = float(late.to_numpy().mean())
    wanted = share * (1 + strength)
    kept = share * (1 - wanted) / (wanted * (1 - share))
    return rows.filter(late | _some(rows, kept, chance))


def _interaction(rows: pl.DataFrame, strength: float, chance: np.random.Generator) -> pl.DataFrame:
    """Recent delays change places among the flights of a carrier: each column is as it was, on its own."""
    places = np.arange(rows.height)
    moved = _some(rows, strength, chance).to_numpy()
    for carrier in rows["carrier"].unique().sort():
        members = np.flatnonzero((rows["carrier"] == carrier).to_numpy() & moved)
        places[members] = chance.permutation(members)
    return rows.with_columns(rows["recent_delay"][places].alias("recent_delay"))


def _some(rows: pl.DataFrame, share: float, chance: np.random.Generator) -> pl.Series:
    return pl.Series(chance.random(rows.height) < share)


def _recast(rows: pl.DataFrame, those: pl.Series, carrier: str) -> pl.DataFrame:
    return rows.with_columns(
        pl.when(those).then(pl.lit(carrier)).otherwise(pl.col("carrier")).alias("carrier")
    )


SHIFTS = (
    Shift("mean", _mean),
    Shift("scale", _scale),
    Shift("category share", _share),
    Shift("category gone", _gone),
    Shift("new category", _new),
    Shift("missing", _missing),
    Shift("°F to °C", _celsius),
    Shift("miles to km", _kilometres),
    Shift("label shift", _labels, shown=False),
    Shift("interaction", _interaction, shown=False),
)
