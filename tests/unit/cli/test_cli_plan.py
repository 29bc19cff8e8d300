"""Plans: the figures of `cdk deploy`, the cheapest first, with and without a measurement."""

import json
from pathlib import Path
from typing import Any

import pytest

from declaration import Endpoint
from declaration.measured import Measured, file_of, write

APP = """
from declaration import Data, Endpoint, Project
from stacks import deploy

deploy(Project(name="flights", data=Data(target="late"), endpoint={endpoint}))
"""
MEASURED = Measured("version 3", "ml.c5.large", "aws", 2, 150_000, 2.0, 20.0, "2026-11-23")


def declare(folder: Path, endpoint: str = "Endpoint(calls_per_minute=100_000)") -> None:
    (folder / "cdk.json").write_text("{}")
    (folder / "app.py").write_text(APP.format(endpoint=endpoint))


def planned(sageloop: Any, *arguments: str) -> Any:
    result = sageloop("plan", "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_without_a_measurement_it_says_so(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path)
    result = sageloop("plan")
    assert result.exit_code == 0
    assert "Not measured: 30,000 calls a minute are trusted to a vCPU" in result.stdout
    assert "needed    100,000 / 30,000, rounded up = 4" in result.stdout
    assert "how long one takes is not measured" in result.stdout


def test_what_is_scaled_on_and_where_the_instances_are_is_said(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=100_000, p99_ms=50, scale_on='concurrency')")
    said = " ".join(sageloop("plan").stdout.split())
    assert "at once 500.0 calls/s x 50 ms = 25.00 calls per instance" in said
    assert "keeps the calls at once of each instance at the target; after scaling out it waits 120 s" in said
    assert "2 instances at least, in two zones" in said
    declare(tmp_path, "Endpoint(calls_per_minute=60, scale_to_zero=True)")
    said = " ".join(sageloop("plan").stdout.split())
    assert "keeps the calls a minute of each instance" in said
    assert "no instance while nobody calls" in said
    assert "above the load" in said
    assert "00%" not in said


def test_the_figures_are_those_of_the_declaration(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=400_000, instance='ml.m5.large', max_instances=20)")
    write(file_of(tmp_path, "flights"), MEASURED)
    found = planned(sageloop)
    [mine] = [each for each in found["candidates"] if each["declared"]]
    endpoint = Endpoint(calls_per_minute=400_000, instance="ml.m5.large", max_instances=20)
    capacity = endpoint.capacity_by(MEASURED)
    assert (mine["count"], mine["floor"], mine["ceiling"]) == (capacity.initial, 2, 20)
    assert (mine["target"], mine["calls_per_instance"]) == (75_000, 150_000)
    assert mine["usd_per_month"] == round(6 * 0.115 * 730, 2)
    assert capacity.explain() in mine["arithmetic"]
    assert found["measured"]["calls_per_minute"] == 150_000


def test_the_cheapest_is_first_and_at_least_two_are_there(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path)
    candidates = planned(sageloop)["candidates"]
    costs = [each["usd_per_month"] for each in candidates if not each["refusal"]]
    assert costs == sorted(costs)
    assert len(candidates) > 10
    for each in candidates:
        assert each["count"] >= 2
        assert each["floor"] == 2
        assert each["count"] * each["target"] >= 100_000
        assert not each["instance"].startswith(("ml.g", "ml.p", "ml.t"))


def test_another_load_lifts_the_limits_that_were_for_the_declared_one(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path, "Endpoint(calls_per_minute=50_000, max_instances=3, monthly_budget=400.0)")
    found = planned(sageloop, "--calls-per-minute", "3_000_000".replace("_", ""))
    assert found["calls_per_minute"] == 3_000_000
    [mine] = [each for each in found["candidates"] if each["declared"]]
    assert (mine["count"], mine["ceiling"], mine["refusal"]) == (100, 200, "")


def test_a_latency_that_was_not_reached_is_refused(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path)
    write(file_of(tmp_path, "flights"), MEASURED)
    found = planned(sageloop, "--p99-ms", "10")
    assert all("had a p99 of 20 ms" in each["refusal"] for each in found["candidates"])
    assert not any(each["refusal"] for each in planned(sageloop, "--p99-ms", "20")["candidates"])
    # What holds for all types is said once.
    assert sageloop("plan", "--p99-ms", "10").stdout.count("had a p99 of 20 ms") == 1


@pytest.mark.parametrize(
    ("load", "fits", "at_once"), [(60_000, True, 2.0), (6_000_000, True, 200.0), (6_000_060, False, 200.002)]
)
def test_serverless_carries_200_at_once(
    sageloop: Any, tmp_path: Path, load: int, fits: bool, at_once: float
) -> None:
    declare(tmp_path)
    write(file_of(tmp_path, "flights"), MEASURED)
    found = planned(sageloop, "--calls-per-minute", str(load))["serverless"]
    assert (found["fits"], found["concurrent_calls"]) == (fits, at_once)
    assert ("it can:" if fits else "it cannot:") in found["why"]


def test_a_load_can_be_planned_before_anything_is_declared(sageloop: Any) -> None:
    found = planned(sageloop, "--calls-per-minute", "100000", "--p99-ms", "50")
    assert (found["project"], found["candidates"][0]["instance"]) == (None, "ml.c5.large")
    result = sageloop("plan")
    assert result.exit_code == 1
    assert "app.py: name an app.py or its folder with --app" in result.stderr


def test_what_is_served_otherwise_needs_a_load(sageloop: Any, tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "app.py").write_text(APP.format(endpoint="None"))
    result = sageloop("plan")
    assert (result.exit_code, "declares no load" in result.stderr) == (1, True)
    assert planned(sageloop, "--calls-per-minute", "600")["calls_per_minute"] == 600


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("raise ValueError('no')", "fails with ValueError: no"),
        ("import sys; sys.exit('not now')", "ended early: not now"),
        ("x = 1", "declares no project: call deploy(...) in it"),
        ("from declaration import Endpoint; Endpoint(calls_per_minute=0)", "Endpoint, calls_per_minute: 0"),
        ("from stacks import Storage", "fails with ImportError"),
    ],
)
def test_an_app_that_declares_nothing_is_a_sentence(
    sageloop: Any, tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "app.py").write_text(text)
    result = sageloop("plan")
    assert (result.exit_code, result.stdout) == (1, "")
    assert sentence in result.stderr


def test_a_broken_measurement_is_a_sentence(sageloop: Any, tmp_path: Path) -> None:
    declare(tmp_path)
    (tmp_path / "capacity").mkdir()
    (tmp_path / "capacity" / "flights.json").write_text("{}")
    result = sageloop("plan")
    assert result.exit_code == 1
    assert "measure again with `sageloop loadtest" in result.stderr


def test_of_several_projects_one_is_chosen(sageloop: Any, tmp_path: Path) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    (tmp_path / "app.py").write_text(
        "from declaration import Data, Endpoint, Project\nfrom stacks import deploy\n"
        "deploy(*(Project(name=n, data=Data(target='y'), endpoint=Endpoint(calls_per_minute=600))"
        " for n in ('a', 'b')))\n"
    )
    assert "Several projects are declared (a, b)" in sageloop("plan").stderr
    assert planned(sageloop, "--project", "b")["project"] == "b"
    assert "declares no project c, only a, b" in sageloop("plan", "--project", "c").stderr
