"""The user's function on the uploaded rows: what it must keep is checked, and what it needs of a request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from prepare.arguments import Settings
from tabular import preparation
from tabular.code import Function
from tabular.columns import from_typed
from tabular.contract import DataError
from tabular.schema import Column, Preparation, Type

_SAMPLE = 5


@dataclass(frozen=True)
class Prepared:
    """The rows after the function, the types of their columns, and a few rows before and after it."""

    rows: pl.LazyFrame
    kinds: dict[str, Type | None]
    before: pl.DataFrame
    after: pl.DataFrame


def prepared(
    function: Function, rows: pl.LazyFrame, kinds: Mapping[str, Type | None], roles: Mapping[str, str]
) -> Prepared:
    """Apply the function; `roles` are the columns that it must keep, and what each one is."""
    planned = preparation.apply(function, rows)
    made = planned.collect_schema()
    for name, role in roles.items():
        if name not in made:
            raise DataError(
                f"{function.title}: it left out the column {name!r}, which is the {role}: return it too"
            )
    found = {
        name: kinds[name] if name in roles else preparation.kind(name, dtype, function)
        for name, dtype in made.items()
    }
    _require_same_rows(function, rows, planned, roles)
    after = planned.select(from_typed(name, made[name], found[name]) for name in made)
    count = rows.select(pl.len()).collect().item()
    step = max(1, count // _SAMPLE)
    sample = rows.gather_every(step).head(_SAMPLE).collect()
    return Prepared(
        after, found, sample, preparation.collect(function, after.gather_every(step).head(_SAMPLE))
    )


def described(
    settings: Settings,
    function: Function,
    done: Prepared,
    kinds: Mapping[str, Type | None],
    features: Sequence[str],
) -> Preparation:
    """What a request must carry; DataError when a row on its own would not give the same features."""
    inputs = done.before.drop(settings.target)
    for place in range(inputs.height):
        alone = _alone(function, inputs[place : place + 1], settings.target)
        column = preparation.differing(alone, done.after[place : place + 1], features)
        if column is not None:
            raise DataError(
                f"{function.title}: alone, without the target, a row has another {column!r} than among all: "
                "compute each row from its own columns, and without the target"
            )
    idle = [name for name in inputs.columns if _dispensable(function, inputs, [name], done.after, features)]
    if not _dispensable(function, inputs, idle, done.after, features):
        idle = []
    columns = tuple(Column(name, kinds[name] or "category") for name in inputs.columns if name not in idle)
    return Preparation(str(settings.function), columns, tuple(idle))


def _require_same_rows(
    function: Function, rows: pl.LazyFrame, planned: pl.LazyFrame, roles: Mapping[str, str]
) -> None:
    kept = list(roles)
    before, after = rows.select(kept).collect(), preparation.collect(function, planned.select(kept))
    if before.height != after.height:
        raise DataError(
            f"{function.title}: it made {after.height} rows of {before.height}; "
            "it must return a row for each row, as a prediction is asked for each"
        )
    column = preparation.differing(before, after, kept)
    if column is not None:
        raise DataError(
            f"{function.title}: it changed the column {column!r}, which is the {roles[column]}, "
            "or the order of the rows"
        )


def _alone(function: Function, row: pl.DataFrame, target: str) -> pl.DataFrame:
    try:
        return preparation.features(function, row)
    except DataError as error:
        raise DataError(f"{error}; it must work without {target!r}, which a request does not have") from error


def _dispensable(
    function: Function,
    inputs: pl.DataFrame,
    columns: list[str],
    expected: pl.DataFrame,
    features: Sequence[str],
) -> bool:
    """Whether the features are the same without these columns."""
    try:
        return (
            preparation.differing(preparation.features(function, inputs.drop(columns)), expected, features)
            is None
        )
    except DataError:
        return False
