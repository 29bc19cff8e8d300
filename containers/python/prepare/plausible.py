"""Whether a new file can be what it claims to be: columns in another unit, or with values lost on the way.

The thresholds are gross on purpose: rows that have merely changed are to be learnt from. A May is far from
any winter, so being far is no sign, and a July in degrees of Fahrenheit is what a January would be in another
unit. So a column is judged only where the parts of the earlier rows, by time or by file, hardly differ: it is
in another unit where it is far from all of them, and one of a few conversions brings it close to one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from prepare.arguments import Settings
from prepare.inference import typed
from prepare.sampling import sampled
from prepare.sources import ROW, Source
from tabular.blocks import FEWEST, ROWS, blocks
from tabular.schema import Type

Array = np.ndarray[Any, np.dtype[Any]]

_MOST_KNOWN, _MOST_NEW = 20_000, 3_000
# Of fewer values a distribution says nothing; a column with fewer different ones is a code and no quantity.
_LEAST_VALUES, _LEAST_DIFFERENT = 50, 13
# Distances of cumulative distributions (Kolmogorov), 1 at most: a new column is farther than _FAR from each
# part of the earlier rows, and after the conversion closer than _CLOSE to one. It is three times as far as
# any part is from all of them, and three times as far as after the conversion.
_FAR, _CLOSE, _TIMES = 0.25, 0.2, 3
_MORE_MISSING = 0.3
# Of the smallest earlier file.
_SMALL = 0.25
# Conversions leave noise behind the last digit, which would part values that are equal.
_DIGITS = 6
# km in a mile, km/h in m/s, lb in a kg, ft in a m, cm and mm in an inch, km in a nautical mile; powers of ten
# and of sixty. None is so small that mere growth of a quantity would often look like it.
_FACTORS = (1.609344, 3.6, 2.204623, 3.28084, 2.54, 25.4, 1.852, 10.0, 100.0, 1000.0, 60.0)
_CONVERSIONS = (
    *((factor, 0.0) for factor in _FACTORS),
    *((1 / factor, 0.0) for factor in _FACTORS),
    # Celsius and Fahrenheit.
    (1.8, 32.0),
    (1 / 1.8, -32 / 1.8),
)
_PART = "\0part"


@dataclass(frozen=True)
class _Parts:
    """A sample of the earlier rows, cut by time or by file, with at least 8 parts or as a whole."""

    rows: tuple[pl.DataFrame, ...]

    @property
    def several(self) -> bool:
        """Whether it is known how far one part may be from the rest."""
        return len(self.rows) >= FEWEST


def implausible(
    new: Sequence[Source], known: Sequence[Source], kinds: Mapping[str, Type | None], settings: Settings
) -> dict[str, str]:
    """The new files that are to be looked at by a person, by name, each with the reason in a sentence."""
    if not new or not known:
        return {}
    parts = _parts(known, kinds, settings.time)
    if parts is None:
        return {}
    found = {}
    for source in new:
        rows = sampled(typed(source, kinds).drop(ROW), _MOST_NEW)
        reasons = [*_holed(rows, parts, kinds), *_converted(rows, parts, kinds, settings)]
        if reasons:
            found[source.name] = (
                f"{source.name}: {'; '.join(reasons[:3])}; upload it as before, or let it "
                f"pass: sageloop quarantine release {source.name}"
            )
    return found


def enough(new: Sequence[Source], rows: Mapping[str, int]) -> list[Source]:
    """The files with so many rows that these can be compared; there may be thousands of others."""
    return [source for source in new if rows[source.name] >= _LEAST_VALUES]


def small(new: Sequence[Source], known: Sequence[Source], rows: Mapping[str, int]) -> Iterator[str]:
    """Sentences on files with far fewer rows than any before: that may be right, so they are used."""
    least = min((rows[source.name] for source in known), default=0)
    for source in new:
        if rows[source.name] < least * _SMALL:
            yield f"{source.name} has {rows[source.name]} rows, and no file so far had fewer than {least}"


def _parts(known: Sequence[Source], kinds: Mapping[str, Type | None], time: str | None) -> _Parts | None:
    """None where the earlier rows are too few to say anything."""
    every = [
        typed(source, kinds).drop(ROW).with_columns(pl.lit(number, dtype=pl.Int32).alias(_PART))
        for number, source in enumerate(known)
    ]
    rows = sampled(pl.concat(every), _MOST_KNOWN)
    if rows.height < ROWS:
        return None
    by_time = blocks(rows[time]) if time is not None else None
    cut = rows if by_time is None else rows.with_columns(by_time.alias(_PART)).drop_nulls(_PART)
    parts = [part for part in cut.partition_by(_PART, maintain_order=True) if part.height >= ROWS]
    return _Parts(tuple(parts) if len(parts) >= FEWEST else (rows,))


def _holed(rows: pl.DataFrame, parts: _Parts, kinds: Mapping[str, Type | None]) -> Iterator[str]:
    for column in kinds:
        share = rows[column].null_count() / rows.height
        before = max(part[column].null_count() / part.height for part in parts.rows)
        if share > before + _MORE_MISSING:
            at_most = f"and so far in {before:.0%} at most"
            yield f"the column {column!r} is missing in {share:.0%} of the rows, {at_most}"


def _converted(
    rows: pl.DataFrame, parts: _Parts, kinds: Mapping[str, Type | None], settings: Settings
) -> Iterator[str]:
    if not parts.several:
        return
    for column in _quantities(kinds, settings):
        values = _sorted(rows[column])
        before = [_sorted(part[column]) for part in parts.rows]
        before = [each for each in before if len(each) >= _LEAST_VALUES]
        if len(values) >= _LEAST_VALUES and len(before) >= FEWEST and _other_unit(values, before):
            medians = [float(np.median(each)) for each in before]
            yield (
                f"the column {column!r} looks as if it had another unit: half of its values are below "
                f"{np.median(values):.4g}, and so far that was {min(medians):.4g} to {max(medians):.4g}"
            )


def _quantities(kinds: Mapping[str, Type | None], settings: Settings) -> list[str]:
    """Columns of numbers; the target is one where a number is predicted."""
    predicted = settings.problem in ("regression", "forecast")
    apart = {name for name in settings.roles if name != settings.target or not predicted}
    return [name for name, kind in kinds.items() if kind in ("number", "integer") and name not in apart]


def _other_unit(values: Array, before: Sequence[Array]) -> bool:
    everything = np.sort(np.concatenate(before))
    if len(np.unique(everything)) < _LEAST_DIFFERENT:
        return False
    usual = max(_apart(part, everything) for part in before)
    near = min(_apart(values, part) for part in before)
    if near <= max(_FAR, _TIMES * usual):
        return False
    close = min(_CLOSE, near / _TIMES)
    return any(
        _apart(converted, part) < close
        for factor, offset in _CONVERSIONS
        if len(converted := _rounded(values * factor + offset))
        for part in before
    )


def _apart(one: Array, other: Array) -> float:
    """The largest distance between the cumulative distributions of two sorted samples."""
    both = np.concatenate([one, other])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def _sorted(values: pl.Series) -> Array:
    known: Array = values.drop_nulls().cast(pl.Float64).to_numpy()
    return np.sort(_rounded(known))


def _rounded(values: Array) -> Array:
    """To so many significant digits; sorted values stay sorted."""
    with np.errstate(divide="ignore"):
        size = np.floor(np.log10(np.abs(values)))
    scale = 10.0 ** (_DIGITS - 1 - np.where(np.isfinite(size), np.maximum(size, -300.0), 0.0))
    rounded: Array = np.round(values * scale) / scale
    return rounded
