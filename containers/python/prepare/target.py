"""The target column: what may be predicted, and its classes."""

from collections.abc import Sequence

import polars as pl

from prepare.inference import typed
from prepare.sources import ROW, Source
from tabular.contract import DataError
from tabular.schema import MOST_RELEVANT, Problem, Type

_MOST_CLASSES = 1000


def require_complete(sources: Sequence[Source], column: str, kind: Type | None, role: str) -> None:
    """Every row must have a value in a column that learning depends on."""
    for source in sources:
        empty = typed(source, {column: kind}).filter(pl.col(column).is_null()).select(ROW).head(1).collect()
        if empty.height:
            raise DataError(
                f"{source.name}, row {empty.item()}: the column {column!r}, which is the {role}, has no value"
            )


def classes(rows: pl.LazyFrame, column: str, kind: Type | None, problem: Problem) -> tuple[str, ...]:
    """The classes in order, the positive one last; none for a regression. Checks that the problem fits."""
    if problem not in ("binary", "multiclass"):
        if kind not in ("number", "integer"):
            article = "an" if problem[0] in "aeiou" else "a"
            raise DataError(f"the target {column!r} holds {kind} values; {article} {problem} needs numbers")
        if problem == "ranking":
            _require_relevances(rows, column)
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


def _require_relevances(rows: pl.LazyFrame, column: str) -> None:
    value = pl.col(column)
    wrong = (
        rows.select(column).filter((value < 0) | (value > MOST_RELEVANT) | (value % 1 != 0)).head(1).collect()
    )
    if wrong.height:
        raise DataError(
            f"the target {column!r} holds {wrong.item()}; a ranking needs relevances, "
            f"which are whole numbers from 0 to {MOST_RELEVANT}"
        )


def encoded(column: str, names: Sequence[str]) -> pl.Expr:
    """The target as XGBoost takes it: the place of the class, or the number itself."""
    if not names:
        return pl.col(column).cast(pl.Float64)
    places = {name: place for place, name in enumerate(names)}
    return pl.col(column).cast(pl.String).replace_strict(places, return_dtype=pl.UInt16)
