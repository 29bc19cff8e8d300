"""Which training rows a model is compared on while it learns: the latest tenth, or a tenth of each class."""

from typing import Any

import numpy as np
import polars as pl

from tabular.schema import Schema

_SHARE = 0.1

Positions = np.ndarray[Any, np.dtype[Any]]
# The query group of each row, as a number.
GROUP = "\0group"


def ordered(rows: pl.DataFrame, schema: Schema, seed: int) -> pl.DataFrame:
    """The rows in the order of time, where they have one; groups in one piece, the later ones last."""
    if schema.group is not None:
        return _by_group(rows, schema.group, schema.time, seed)
    return rows.sort(schema.time, maintain_order=True) if schema.time is not None else rows


def divide(rows: pl.DataFrame, schema: Schema, seed: int) -> tuple[Positions, Positions]:
    """Positions among ordered rows to learn from and to validate on; every class is on both sides."""
    count = rows.height
    size = max(1, round(count * _SHARE))
    if schema.group is not None:
        numbers = rows[GROUP].to_numpy()
        groups = int(numbers[-1]) + 1
        size = int((numbers >= groups - max(1, round(groups * _SHARE))).sum())
        return np.arange(count - size), np.arange(count - size, count)
    if schema.time is not None:
        return np.arange(count - size), np.arange(count - size, count)
    order = np.random.default_rng(seed).permutation(count)
    if schema.classes:
        labels = rows[schema.target].to_numpy()[order]
        order = order[_spread(labels)]
    return np.sort(order[size:]), np.sort(order[:size])


def _by_group(rows: pl.DataFrame, group: str, time: str | None, seed: int) -> pl.DataFrame:
    groups = rows.select(group).unique(maintain_order=True)
    if time is not None:
        first = rows.group_by(group).agg(pl.col(time).min())
        groups = groups.join(first, on=group, maintain_order="left").sort(time, maintain_order=True)
    else:
        groups = groups[np.random.default_rng(seed).permutation(groups.height)]
    numbered = groups.select(group).with_row_index(GROUP)
    return rows.join(numbered, on=group, maintain_order="left").sort(GROUP, maintain_order=True)


def _spread(labels: Positions) -> Positions:
    """An order in which every prefix has about the same share of each class."""
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(places, kind="stable")
