"""Which rows are held out: the latest ones when the data has a time, else a stable share."""

from dataclasses import dataclass

import polars as pl

from tabular.contract import DataError

_KEY = "__key__"


@dataclass(frozen=True)
class Division:
    """`held_out` is true for the rows that no model may learn from; the times are of a time-ordered split."""

    rows: pl.LazyFrame
    held_out: pl.Expr
    first: str | None = None
    cut: str | None = None
    last: str | None = None


def by_time(rows: pl.LazyFrame, time: str, share: float, *, named: str | None = None) -> Division:
    """Hold out the latest share of the rows; rows of the same moment stay together, so none leaks back."""
    title = named or time
    moments = rows.select(pl.col(time).sort()).collect(engine="streaming")[time]
    first, last = moments[0], moments[-1]
    cut = moments[min(round(len(moments) * (1 - share)), len(moments) - 1)]
    if cut == first:
        later = moments.filter(moments > first)
        if later.is_empty():
            raise DataError(f"every row has the same {title!r} ({first}): a split by time needs two moments")
        cut = later[0]
    return Division(rows, pl.col(time) >= cut, _text(first), _text(cut), _text(last))


def require_single(rows: pl.LazyFrame, columns: list[str]) -> None:
    """A series has one value at a moment."""
    twice = (
        rows.group_by(columns).len().filter(pl.col("len") > 1).select(columns).sort(columns).head(1).collect()
    )
    if twice.height:
        where = ", ".join(f"{name} {value}" for name, value in twice.row(0, named=True).items())
        raise DataError(
            f"there are several rows with {where}: a series has one value at a moment, "
            "so name the columns that tell the series apart"
        )


def by_hash(rows: pl.LazyFrame, target: str, share: float, *, stratified: bool) -> Division:
    """Hold out by a hash of the whole row: the same rows every time, and equal rows on the same side."""
    columns = sorted(rows.collect_schema().names())
    keyed = rows.with_columns(pl.struct(columns).hash(seed=0).alias(_KEY))
    group = pl.col(target) if stratified else pl.lit(0)
    bounds = (
        keyed.group_by(group.alias("group"))
        .agg(bound=pl.col(_KEY).sort().gather((pl.len() * share).floor().cast(pl.UInt32)).first())
        .collect(engine="streaming")
    )
    held_out = pl.lit(False)
    for value, bound in bounds.iter_rows():
        member = group == value if stratified else pl.lit(True)
        held_out = held_out | (member & (pl.col(_KEY) < pl.lit(bound, dtype=pl.UInt64)))
    return Division(keyed, held_out)


def by_group(rows: pl.LazyFrame, group: str, time: str | None, share: float) -> Division:
    """Hold out whole groups: those that begin latest, or without a time by a hash of the group."""
    if time is not None:
        return by_time(rows.with_columns(pl.col(time).min().over(group).alias(_KEY)), _KEY, share, named=time)
    keyed = rows.with_columns(pl.col(group).hash(seed=0).alias(_KEY))
    keys = keyed.select(pl.col(_KEY).unique().sort()).collect(engine="streaming")[_KEY]
    bound = keys[min(max(1, round(len(keys) * share)), len(keys) - 1)]
    return Division(keyed, pl.col(_KEY) < pl.lit(bound, dtype=pl.UInt64))


def _text(moment: object) -> str:
    return str(moment)


def without_key(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows as they were before a split by hash added its key."""
    return rows.drop(_KEY, strict=False)
