"""The target column: what may be predicted, and its classes."""

from collections.abc import Sequence

import polars as pl

from prepare.inference import typed
from prepare.queries import collected
from prepare.sources import ROW, Source
from tabular.contract import DataError
from tabular.schema import MOST_RELEVANT, Problem, Type

_MOST_CLASSES = 1000


def incomplete(sources: Sequence[Source], column: str, kind: Type | None, role: str) -> dict[str, str]:
    """The files without a value in a column that learning depends on, by name, with a sentence on where."""
    empty = [
        typed(source, {column: kind}).filter(pl.col(column).is_null()).select(ROW).head(1)
        for source in sources
    ]
    return {
        source.name: (
            f"{source.name}, row {found.item()}: the column {column!r}, which is the {role}, has no value"
        )
        for source, found in zip(sources, collected(empty), strict=True)
        if found.height
    }


def strange(
    sources: Sequence[Source], column: str, kind: Type | None, problem: Problem, known: Sequence[str]
) -> dict[str, str]:
    """The files with a target that the problem does not allow, by name, with a sentence on the first value.

    `known` are the classes so far, if there are any.
    """
    value = pl.col(column)
    if problem == "ranking" and kind in ("number", "integer"):
        wrong = (value < 0) | (value > MOST_RELEVANT) | (value % 1 != 0)
        why = f"a ranking needs relevances, which are whole numbers from 0 to {MOST_RELEVANT}"
    elif problem == "binary" and len(known) == 2:
        # As numbers, where they are: 1 and 1.0 are the same class.
        numbers = kind in ("number", "integer")
        wrong = (
            ~value.cast(pl.Float64).is_in([float(name) for name in known])
            if numbers
            else ~value.cast(pl.String).is_in(list(known))
        )
        why = f"a binary problem has two classes, which so far are {known[0]!r} and {known[1]!r}"
    else:
        return {}
    first = [
        typed(source, {column: kind}).filter(wrong).select(ROW, value.cast(pl.String)).head(1)
        for source in sources
    ]
    sentences = {}
    for source, found in zip(sources, collected(first), strict=True):
        if found.height:
            row, text = found.row(0)
            sentences[source.name] = (
                f"{source.name}, row {row}: the target {column!r} holds {text[:80]}; {why}"
            )
    return sentences


def classes(rows: pl.LazyFrame, column: str, kind: Type | None, problem: Problem) -> tuple[str, ...]:
    """The classes in order, the positive one last; none for a regression. Checks that the problem fits."""
    if problem not in ("binary", "multiclass"):
        if kind not in ("number", "integer"):
            article = "an" if problem[0] in "aeiou" else "a"
            raise DataError(f"the target {column!r} holds {kind} values; {article} {problem} needs numbers")
        return ()
    found = rows.select(pl.col(column).unique().sort()).collect(engine="streaming")[column]
    shown = ", ".join(map(str, found.head(5).to_list()))
    if len(found) < 2:
        raise DataError(
            f"the target {column!r} has only the value {shown}: a model needs rows of at least two classes"
        )
    if problem == "binary" and len(found) > 2:
        raise DataError(
            f"the target {column!r} has {len(found)} values ({shown}, ...); a binary problem has two, "
            'so declare problem="multiclass" or "regression", or another target'
        )
    if len(found) > _MOST_CLASSES:
        raise DataError(
            f"the target {column!r} has {len(found)} classes; at most {_MOST_CLASSES} can be learnt"
        )
    return tuple(found.cast(pl.String).to_list())


def encoded(column: str, names: Sequence[str]) -> pl.Expr:
    """The target as XGBoost takes it: the place of the class, or the number itself."""
    if not names:
        return pl.col(column).cast(pl.Float64)
    places = {name: place for place, name in enumerate(names)}
    return pl.col(column).cast(pl.String).replace_strict(places, return_dtype=pl.UInt16)
