"""The planted changes are what they say they are."""

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from benchmarks.drift.shifts import SHIFTS, Shift

ROWS = 4_000
BY_NAME = {shift.name: shift for shift in SHIFTS}


def flights() -> pl.DataFrame:
    """Rows with the columns that are changed; lateness hangs on the recent delay."""
    chance = np.random.default_rng(1)
    delay = chance.exponential(20, ROWS)
    return pl.DataFrame(
        {
            "temp": chance.normal(55, 17.8, ROWS),
            "wind_speed": chance.gamma(4, 2.6, ROWS),
            "carrier": chance.choice(["UA", "B6", "EV", "DL"], ROWS, p=[0.4, 0.2, 0.2, 0.2]),
            "distance": chance.integers(80, 5000, ROWS),
            "recent_delay": delay,
            "late": (chance.random(ROWS) < delay / 100).astype(np.int8),
        }
    )


def planted(shift: Shift, strength: float = 1.0) -> pl.DataFrame:
    return shift.plant(flights(), strength, np.random.default_rng(2))


def share(rows: pl.DataFrame, carrier: str) -> float:
    return float((rows["carrier"] == carrier).to_numpy().mean())


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
def test_nothing_changes_without_strength(shift: Shift) -> None:
    rows = flights()
    assert_frame_equal(planted(shift, 0.0), rows, check_column_order=False)


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
def test_enough_rows_are_left(shift: Shift) -> None:
    assert planted(shift).height >= ROWS / 2


def test_carriers() -> None:
    rows = flights()
    assert share(planted(BY_NAME["category share"]), "UA") == pytest.approx(0.4 * share(rows, "UA"), abs=0.03)
    assert share(planted(BY_NAME["category gone"]), "UA") == 0
    assert share(planted(BY_NAME["new category"]), "ZZ") == pytest.approx(0.05, abs=0.015)


def test_units() -> None:
    rows, warm, far = flights(), planted(BY_NAME["°F to °C"]), planted(BY_NAME["miles to km"])
    assert warm["temp"].to_list() == pytest.approx(((rows["temp"] - 32) / 1.8).to_list())
    assert far["distance"].dtype == pl.Int64
    ratio = far["distance"].to_numpy().sum() / rows["distance"].to_numpy().sum()
    assert ratio == pytest.approx(1.609, abs=0.001)


def test_the_missing_tenth() -> None:
    assert planted(BY_NAME["missing"])["recent_delay"].null_count() / ROWS == pytest.approx(0.1, abs=0.02)


def test_twice_as_many_late_rows_and_each_like_those_before() -> None:
    rows, shifted = flights(), planted(BY_NAME["label shift"])
    late, later = (each["late"].to_numpy().mean() for each in (rows, shifted))
    assert later == pytest.approx(2 * late, abs=0.03)
    assert shifted.filter(pl.col("late") == 1).equals(rows.filter(pl.col("late") == 1))


def test_an_interaction_leaves_every_column_as_it_was() -> None:
    rows, shifted = flights(), planted(BY_NAME["interaction"])
    for name in rows.columns:
        assert shifted[name].sort().equals(rows[name].sort())
    by_carrier = [
        each.group_by("carrier").agg(pl.col("recent_delay").sum()).sort("carrier") for each in (rows, shifted)
    ]
    assert by_carrier[0]["recent_delay"].to_list() == pytest.approx(by_carrier[1]["recent_delay"].to_list())
    before, after = (
        float(np.corrcoef(each["recent_delay"].to_numpy(), each["late"].to_numpy())[0, 1])
        for each in (rows, shifted)
    )
    assert before > 0.2 > abs(after)
