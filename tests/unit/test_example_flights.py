"""The flights that the demo runs on."""

from pathlib import Path

import polars as pl
import pytest

from examples.flights import data


@pytest.fixture(scope="module")
def january(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """The first month as the file has it."""
    [path] = data.write(tmp_path_factory.mktemp("flights"), [1])
    assert path.name == "flights-2013-01.csv"
    return pl.read_csv(path, try_parse_dates=True)


def test_a_month_of_flights(january: pl.DataFrame) -> None:
    assert january.height == 26_398
    assert january["late"].sum() / january.height == pytest.approx(0.15, abs=0.03)
    assert january["time_hour"].dt.year().unique().to_list() == [2013]


def test_nothing_is_known_that_comes_after_departure(january: pl.DataFrame) -> None:
    assert not {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"} & set(
        january.columns
    )
    assert january["time_hour"].null_count() == january["late"].null_count() == 0


def test_recent_delay_is_that_of_the_flights_before() -> None:
    def flight(planned: int, delay: int, origin: str = "JFK") -> dict[str, object]:
        return {"origin": origin, "planned": planned, "dep_delay": delay}

    flights = pl.DataFrame(
        [flight(480, 10), flight(500, 30), flight(500, 99, "LGA"), flight(640, 0), flight(900, 0)]
    ).with_columns(planned=pl.datetime(2013, 1, 1) + pl.duration(minutes="planned"))
    flights = flights.with_columns(left=pl.col("planned") + pl.duration(minutes="dep_delay"))
    # At 640 the flights that left JFK from 460 to 580 are known: at 490 (10 late) and at 530 (30 late).
    assert data._recent_delay(flights).to_list() == [None, None, None, 20.0, None]


def test_months(tmp_path: Path) -> None:
    assert data._months("1-4") == range(1, 5)
    assert data._months("7") == range(7, 8)
    for text in ("0", "13", "4-1"):
        with pytest.raises(Exception, match="is not a month"):
            data._months(text)
