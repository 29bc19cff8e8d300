"""The last rows alone: counted back from the latest one, not from today, so that a repeat finds the same."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import polars as pl

from prepare.arguments import Window
from prepare.sources import Source
from tabular.contract import DataError


def recent(rows: pl.LazyFrame, time: str, window: Window) -> pl.LazyFrame:
    """The rows after the first moment of the window, by their own time; DataError where that is no date."""
    if not isinstance(rows.collect_schema()[time], pl.Datetime):
        raise DataError(
            f"the time {time!r} holds numbers, but the last {window.count} {window.unit} are counted in "
            "dates: give it dates, or leave the period out of learn_from"
        )
    latest = rows.select(pl.col(time).max()).collect(engine="streaming")
    return rows.filter(pl.col(time) > _first(latest.to_series(), window))


def uploaded(sources: Sequence[Source], modified: Mapping[str, datetime], window: Window) -> list[Source]:
    """The files that were uploaded in the window; DataError where nobody listed when they were."""
    if any(source.name not in modified for source in sources):
        raise DataError(
            f"the last {window.count} {window.unit} are counted by upload, and this run was started without "
            "a list of the uploads: start it with sageloop retrain"
        )
    latest = pl.Series([max(modified[source.name] for source in sources)])
    first = _first(latest, window)
    return [source for source in sources if modified[source.name] > first]


def _first(latest: pl.Series, window: Window) -> datetime:
    moment: datetime = latest.cast(pl.Datetime("us")).dt.offset_by(window.back).item()
    return moment
