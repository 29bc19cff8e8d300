"""Simulations of the declared endpoint: the fleet is the planned one, and the page stands alone."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.test_cli_plan import declare


def simulated(sageloop: Any, *arguments: str) -> Any:
    result = sageloop("simulate", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_a_day_costs_less_than_a_fixed_fleet(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=900_000)")
    found = simulated(sageloop)
    assert (found["hours"], found["fixed_instances"], found["dropped"]) == (24, 30, 0)
    assert found["instances_min"] < 10
    assert 30 <= found["instances_max"] <= 60
    assert 0 < found["usd"] < found["fixed_usd"]
    assert len(found["instances"]) == len(found["calls_per_minute"]) == 1_440


def test_a_crowd_beyond_the_plan_loses_calls(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=300_000)")
    planned = simulated(sageloop, "--trace", "flash")
    beyond = simulated(sageloop, "--trace", "flash", "--times", "4")
    assert beyond["calls"] == pytest.approx(4 * planned["calls"], rel=1e-6)
    assert beyond["dropped"] > planned["dropped"]
    assert beyond["instances_max"] <= 20


def test_millions_a_minute_and_an_outage(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path)
    found = simulated(sageloop, "--trace", "zone", "--calls-per-minute", "6000000")
    assert found["instances"][0] == 200
    assert min(found["instances"]) == 100
    assert found["late"] + found["dropped"] > 0


@pytest.mark.parametrize("p99_ms", [20, 50, 1_000])
def test_a_load_that_was_planned_for_is_answered_in_time(sageloop: Any, tmp_path: Path, p99_ms: int) -> None:
    declare(tmp_path, f"Endpoint(calls_per_minute=300_000, p99_ms={p99_ms})")
    found = simulated(sageloop, "--trace", "constant")
    assert found["dropped"] == 0
    assert found["late"] < 0.01 * found["calls"]


def test_busy_hours_are_the_floor_of_the_day(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=300_000, busy='weekdays 8-18')")
    found = simulated(sageloop)
    assert min(found["instances"][8 * 60 : 18 * 60]) >= 10


def test_a_fleet_at_zero_wakes(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=6_000, scale_to_zero=True)")
    (tmp_path / "t.csv").write_text("seconds,calls\n0,0\n3600,0\n3660,3000\n7200,3000\n")
    found = simulated(sageloop, "--trace", "t.csv")
    assert found["instances_min"] == 0
    assert found["instances"][-1] > 0
    assert found["dropped"] > 0


def test_a_page_that_needs_nothing_else(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path)
    result = sageloop("simulate", "--trace", "flash", "--html", "out/flash.html")
    assert result.exit_code == 0
    assert "against" not in result.stdout
    page = (tmp_path / "out" / "flash.html").read_text()
    assert page.count("<svg") == 3
    assert not re.search(r"(src|href)=|https?://", page)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("None", [], "flights declares no Endpoint"),
        ("Endpoint(calls_per_minute=600)", ["--trace", "night"], "Or choose day, flash, zone or constant"),
    ],
)
def test_mistakes_are_sentences(
    sageloop: Any, tmp_path: Path, endpoint: str, arguments: list[str], sentence: str
) -> None:
    declare(tmp_path, endpoint)
    result = sageloop("simulate", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr


def test_a_page_has_to_be_named_to_be_opened(sageloop: Any) -> None:
    assert sageloop("simulate", "--open").exit_code == 2
