"""Which new files are believed: drift passes, another unit does not."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prepare import plausible
from prepare.arguments import Settings
from prepare.sources import ROW, Source
from tabular.schema import Type

KINDS: dict[str, Type | None] = {"day": "integer", "speed": "number", "late": "integer"}
ASKED = Settings("late", time="day")


def source(
    name: str, first_day: int, rows: int, speeds: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Source:
    days = first_day + np.arange(rows) * 30 // rows
    late = np.arange(rows) % 2
    table = pl.LazyFrame({"day": days, "speed": speeds, "late": late}).with_row_index(ROW, 1)
    return Source(name, name, rows, ("day", "speed", "late"), table)


def year(chance: np.random.Generator, spread: float) -> list[Source]:
    """Twelve months of speeds around 50, each month with a level of its own."""
    levels = 50 + spread * np.sin(np.arange(12) / 2)
    return [
        source(f"{month}.csv", 30 * month, 400, chance.normal(level, 6, 400))
        for month, level in enumerate(levels)
    ]


SLOW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SLOW
@given(
    seed=st.integers(0, 10_000), spread=st.floats(0, 8), month=st.integers(0, 11), rows=st.integers(60, 800)
)
def test_another_month_like_one_of_the_last_is_believed(
    seed: int, spread: float, month: int, rows: int
) -> None:
    chance = np.random.default_rng(seed)
    known = year(chance, spread)
    new = source("new.csv", 360, rows, chance.normal(50 + spread * np.sin(month / 2), 6, rows))
    assert plausible.implausible([new], known, KINDS, ASKED) == {}


@SLOW
@given(
    seed=st.integers(0, 10_000),
    spread=st.floats(0, 2),
    factor=st.sampled_from([1.609344, 1 / 1.609344, 3.6, 1 / 3.6, 10, 0.1, 1000, 0.001, 60, 1 / 60]),
)
def test_another_unit_is_seen(seed: int, spread: float, factor: float) -> None:
    chance = np.random.default_rng(seed)
    known = year(chance, spread)
    new = source("new.csv", 360, 400, factor * chance.normal(50, 6, 400))
    found = plausible.implausible([new], known, KINDS, ASKED)
    assert "the column 'speed' looks as if it had another unit" in found["new.csv"]


def test_seasons_are_no_units() -> None:
    """Of a column that changes much by itself nobody can say so: what learns from it will."""
    chance = np.random.default_rng(6)
    winter = [
        source(f"{day}.csv", day, 400, chance.normal(28 + day / 9, 5, 400)) for day in range(0, 120, 10)
    ]
    july = source("july.csv", 190, 400, chance.normal(76, 5, 400))
    assert plausible.implausible([july], winter, KINDS, ASKED) == {}


def test_a_new_level_that_no_conversion_explains_is_drift_and_believed() -> None:
    chance = np.random.default_rng(0)
    new = source("new.csv", 360, 400, chance.normal(62, 6, 400))
    assert plausible.implausible([new], year(chance, 3), KINDS, ASKED) == {}


@pytest.mark.parametrize("missing", [0.2, 0.5])
def test_values_that_were_lost_on_the_way_are_missed(missing: float) -> None:
    chance = np.random.default_rng(1)
    speeds = np.where(chance.random(400) < missing, np.nan, chance.normal(50, 6, 400))
    new = source("new.csv", 360, 400, speeds)
    holes = new.rows.with_columns(pl.col("speed").fill_nan(None))
    found = plausible.implausible([replace(new, rows=holes)], year(chance, 3), KINDS, ASKED)
    assert ("new.csv" in found) == (missing > 0.3)


def test_without_a_past_every_file_is_believed() -> None:
    chance = np.random.default_rng(2)
    absurd = source("new.csv", 0, 400, chance.normal(50_000, 6, 400))
    assert plausible.implausible([absurd], [], KINDS, ASKED) == {}
    # One month says nothing about how months differ.
    assert plausible.implausible([absurd], year(chance, 3)[:1], KINDS, ASKED) == {}


def test_without_a_time_the_files_are_what_is_compared() -> None:
    chance = np.random.default_rng(3)
    new = source("new.csv", 360, 400, chance.normal(50, 6, 400) * 1000)
    found = plausible.implausible([new], year(chance, 3), KINDS, Settings("late"))
    assert "another unit" in found["new.csv"]


def test_the_predicted_number_has_a_unit_and_a_class_has_none() -> None:
    chance = np.random.default_rng(4)
    files = year(chance, 3)
    new = source("new.csv", 360, 400, chance.normal(50, 6, 400) * 1000)
    asked = Settings("speed", problem="regression", time="day")
    assert "'speed' looks" in plausible.implausible([new], files, KINDS, asked)["new.csv"]
    assert plausible.implausible([new], files, KINDS, Settings("speed", time="day")) == {}


def test_far_fewer_rows_are_told() -> None:
    chance = np.random.default_rng(5)
    known = year(chance, 3)
    new = [
        source("few.csv", 360, 90, chance.normal(50, 6, 90)),
        source("ok.csv", 360, 110, chance.normal(50, 6, 110)),
    ]
    rows = {each.name: each.bytes for each in (*known, *new)}
    assert list(plausible.small(new, known, rows)) == [
        "few.csv has 90 rows, and no file so far had fewer than 400"
    ]
