"""Captured values that no training row had: unknown categories, values beyond the range, fractions, holes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from tabular.contract import DataError
from tabular.schema import Feature, Schema
from watch import comparable

Kind = Literal["category", "range", "fraction", "missing"]


@dataclass(frozen=True)
class Violation:
    """The share of a column's present values (of its rows, where they are missing) that training never saw.

    `example_range` has the ends of the numbers that were beyond the range, to three digits: values of rows do
    not leave the job.
    """

    feature: str
    kind: Kind
    share: float
    example_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class _Allowed:
    """What the training rows had."""

    categories: frozenset[str]
    minimum: float | None
    maximum: float | None
    missing: bool


def find(table: pl.DataFrame, schema: Schema, baseline: Path) -> list[Violation]:
    """All violations, those with the largest share first; DataError for unusable constraints."""
    constraints = _read(baseline / "constraints.json")
    found = [
        violation
        for feature in schema.features
        for violation in _violations(
            table[feature.name], feature, _allowed(feature, constraints.get(feature.name, {}))
        )
    ]
    return sorted(found, key=lambda each: (-each.share, each.feature, each.kind))


def _read(path: Path) -> Mapping[str, Mapping[str, Any]]:
    if not path.is_file():
        return {}
    try:
        features: Any = json.loads(path.read_bytes())["features"]
        return features if isinstance(features, dict) else {each["name"]: each for each in features}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"the baseline of the model in service has no usable {path.name}: {error}") from error


def _allowed(feature: Feature, given: Mapping[str, Any]) -> _Allowed:
    """What the constraints say, else what the schema knows."""
    categories = given.get("categories")
    return _Allowed(
        frozenset(comparable.known(feature) if categories is None else categories),
        given.get("minimum", feature.minimum),
        given.get("maximum", feature.maximum),
        bool(given.get("missing", feature.missing > 0)),
    )


def _violations(values: pl.Series, feature: Feature, allowed: _Allowed) -> Iterator[Violation]:
    if not len(values):
        return
    if not allowed.missing and values.null_count():
        yield Violation(feature.name, "missing", values.null_count() / len(values))
    known = values.drop_nulls()
    if not len(known):
        return
    if comparable.textual(feature):
        unknown = known.filter(~known.is_in(sorted(allowed.categories)))
        if len(unknown):
            yield Violation(feature.name, "category", len(unknown) / len(known))
        return
    outside = known.filter(_outside(known, allowed))
    if len(outside):
        ends = _rounded(outside.min()), _rounded(outside.max())
        yield Violation(feature.name, "range", len(outside) / len(known), ends)
    fractions = int((known != known.round()).sum()) if feature.type == "integer" else 0
    if fractions:
        yield Violation(feature.name, "fraction", fractions / len(known))


def _outside(values: pl.Series, allowed: _Allowed) -> pl.Series:
    """Beyond the ends, which have six digits: what differs less from them is no violation."""
    low = float("-inf") if allowed.minimum is None else allowed.minimum
    high = float("inf") if allowed.maximum is None else allowed.maximum
    return (values < low - abs(low) * 1e-5) | (values > high + abs(high) * 1e-5)


def _rounded(value: Any) -> float:
    return float(f"{float(value):.3g}")
