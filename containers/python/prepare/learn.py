"""What is learnt of each column, from the training rows alone."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from prepare.queries import collected
from tabular.schema import Feature, Ignored, Type

_MOST_CATEGORIES = 1000
_DAY = 86_400_000_000


def features(
    train: Path,
    kinds: Mapping[str, Type | None],
    series: Collection[str] = (),
    before: Sequence[Feature] = (),
) -> tuple[list[Feature], list[Ignored]]:
    """The columns that the model will see, and those that can teach it nothing; `series` are seen whole.

    Columns and categories come in the order of `before`, what is new behind them.
    """
    rows = pl.scan_parquet(train)
    texts = [column for column, kind in kinds.items() if kind == "category"]
    # Ordered by name among equals, so that the same rows give the same schema.
    counts = [
        rows.select(pl.col(column).drop_nulls().alias("value"))
        .group_by("value")
        .len()
        .sort("len", "value", descending=[True, False])
        for column in texts
    ]
    figures, *frequencies = collected([_figures(rows, kinds), *counts])
    total = figures["rows"].item()
    categories = dict(zip(texts, frequencies, strict=True))
    seen: list[Feature] = []
    ignored: list[Ignored] = []
    for column, kind in kinds.items():
        missing = 1 - figures[f"{column}:count"].item() / total
        if kind is None or missing == 1:
            ignored.append(Ignored(column, "it has no value in any training row"))
        elif kind == "category" and column in series:
            seen.append(Feature(column, kind, tuple(sorted(categories[column]["value"])), missing))
        elif kind == "category" and _identifies(categories[column]):
            ignored.append(Ignored(column, "nearly every row has a value of its own, so it identifies rows"))
        elif kind == "category":
            known = sorted(categories[column]["value"].head(_MOST_CATEGORIES).to_list())
            seen.append(Feature(column, kind, tuple(known), missing))
        else:
            mean, low, high = (
                _rounded(figures[f"{column}:{name}"].item()) for name in ("mean", "min", "max")
            )
            seen.append(Feature(column, kind, (), missing, mean, low, high))
    return _as_before(seen, before), ignored


def _as_before(seen: list[Feature], before: Sequence[Feature]) -> list[Feature]:
    """The same features in the order that a model knows, which then can learn more about them."""
    places = {feature.name: place for place, feature in enumerate(before)}
    found = []
    for feature in sorted(seen, key=lambda each: places.get(each.name, len(places))):
        known = before[places[feature.name]].categories if feature.name in places else ()
        if feature.type == "category":
            # In their order, each once.
            every = tuple(dict.fromkeys((*known, *feature.categories)))
            found.append(replace(feature, categories=every))
        else:
            found.append(feature)
    return found


def _figures(rows: pl.LazyFrame, kinds: Mapping[str, Type | None]) -> pl.LazyFrame:
    wanted = [pl.len().alias("rows")]
    for column, kind in kinds.items():
        wanted.append(pl.col(column).count().alias(f"{column}:count"))
        if kind in ("number", "integer", "boolean", "datetime"):
            value = pl.col(column).dt.epoch("us") / _DAY if kind == "datetime" else pl.col(column)
            value = value.cast(pl.Float64)
            wanted.append(value.mean().alias(f"{column}:mean"))
            wanted.append(value.min().alias(f"{column}:min"))
            wanted.append(value.max().alias(f"{column}:max"))
    return rows.select(wanted)


def _rounded(figure: float) -> float:
    # The last digits of a sum depend on the order in which threads add; the schema must not.
    return float(f"{figure:.6g}")


def _identifies(frequencies: pl.DataFrame) -> bool:
    """Most values come once, or are too many to be kept as categories."""
    present = frequencies["len"].sum()
    kept = frequencies["len"].head(_MOST_CATEGORIES).sum()
    return frequencies.height * 2 > present or kept * 2 < present
