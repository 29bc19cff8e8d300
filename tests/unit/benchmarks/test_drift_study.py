"""The arithmetic of the drift study: rates with their intervals, powers, delays, and what is missed."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from markupsafe import escape

from benchmarks.drift import __main__ as program
from benchmarks.drift import page, peer_environment, peers, study
from benchmarks.drift.looks import CURRENT, PATIENCE, WINDOW, Trial
from benchmarks.drift.shifts import SHIFTS
from benchmarks.drift.study import FULL, HALF, Detector, Rate, Study
from benchmarks.drift.year import Month

LOOKS, RUNS = 200, 20


def detector(alarms: int = 0, power: float = 1.0, name: str = "Sageloop") -> Detector:
    names = [shift.name for shift in SHIFTS]
    return Detector(
        name,
        alarms=Rate(alarms, LOOKS),
        alarms_of_windows=Rate(0, LOOKS),
        full=dict.fromkeys(names, power),
        half=dict.fromkeys(names, power / 2),
        delay=dict.fromkeys(names, 1.5),
    )


def found(ours: Detector | None = None, *, with_peer: bool = True) -> Study:
    months = [
        Month(4, (), (), "The calls are like the training rows", 0.71, 0.71, False, 3, 1),
        Month(5, ("temp",), ("temp",), "temp (KS 0.91) drifted", 0.76, 0.76, True, 3, 2),
        Month(6, (), (), "The calls are like the training rows", 0.74, 0.78, False, 3, 2),
    ]
    theirs = detector(15, 0.5, "Evidently, any column"), detector(0, 0.0, "Evidently, data set")
    column, data_set = theirs if with_peer else (None, None)
    years = months if with_peer else [replace(each, peer=None) for each in months]
    return Study(RUNS, ours or detector(), detector(name="with labels"), column, data_set, years)


def test_every_trial_is_made_once() -> None:
    every = study.trials(LOOKS, RUNS)
    assert len(set(every)) == len(every) == 2 * LOOKS + 3 * RUNS * len(SHIFTS)
    assert [trial.run for trial in every] == sorted(trial.run for trial in every)


def test_the_interval_of_none_is_that_of_the_binomial() -> None:
    """None of 200: the rate with which that happens in one of 40 times."""
    low, high = Rate(0, LOOKS).interval
    assert low == 0
    assert (1 - high) ** LOOKS == pytest.approx(0.025)
    low, high = Rate(15, LOOKS).interval
    assert low < Rate(15, LOOKS).share == 0.075 < high


def test_a_detector_is_what_its_trials_were() -> None:
    """The first shift is told in every second run, whole; the second one only within windows."""
    outcomes: dict[Trial, int | None] = dict.fromkeys(study.trials(10, 4))
    first, second = SHIFTS[:2]
    for trial in outcomes:
        if trial.shift == first and (trial.strength, trial.windows) == (FULL, 1) and trial.run % 2:
            outcomes[trial] = 1
        if trial.shift == second and trial.windows == PATIENCE and trial.run < 2:
            outcomes[trial] = 2 + trial.run
        if trial.shift is None and trial.rows == WINDOW and trial.run == 3:
            outcomes[trial] = 1
    known = study._detector("some", outcomes)
    assert (known.full[first.name], known.half[first.name], known.delay[first.name]) == (0.5, 0, None)
    assert (known.full[second.name], known.delay[second.name]) == (0, 2.5)
    assert (known.alarms, known.alarms_of_windows) == (Rate(0, 10), Rate(1, 10))


@pytest.mark.parametrize(
    ("ours", "missed"),
    [
        (detector(), 0),
        (detector(alarms=9), 0),
        (detector(alarms=10), 1),
        (detector(power=0.9), 0),
        (detector(power=0.85), sum(shift.shown for shift in SHIFTS)),
    ],
)
def test_a_promise_that_is_not_kept_is_told(ours: Detector, missed: int) -> None:
    assert len(program.floors_missed(found(ours))) == missed


def test_what_no_column_shows_is_not_asked_of_columns() -> None:
    hidden = {shift.name for shift in SHIFTS if not shift.shown}
    power = {shift.name: float(shift.shown) for shift in SHIFTS}
    assert hidden == {"label shift", "interaction"}
    assert program.floors_missed(found(replace(detector(), full=power))) == []


@pytest.mark.parametrize("with_peer", [True, False])
def test_the_figures_have_every_change(with_peer: bool) -> None:
    told = json.loads(json.dumps(program.figures(found(with_peer=with_peer)), allow_nan=False))
    assert set(told["power"]) == {shift.name for shift in SHIFTS}
    assert set(told["peer_power"]) == (set(told["power"]) if with_peer else set())
    assert told["false_alarm_interval"] == [0.0, 0.0183]
    assert (told["reported"], told["retrained"]) == ({"5": ["temp"]}, [5])


@pytest.mark.parametrize("with_peer", [True, False])
def test_the_page_shows_the_year_and_every_change(tmp_path: Path, with_peer: bool) -> None:
    page.write(tmp_path / "drift.html", found(with_peer=with_peer))
    text = (tmp_path / "drift.html").read_text("utf-8")
    for shift in SHIFTS:
        assert f'<td class="name">{shift.name}<small>{escape(shift.what)}</small></td>' in text
    assert 'class="dot told"' in text
    assert "<title>May: temp (KS 0.91) drifted</title>" in text
    assert "Jan to May" in text
    assert ("Evidently" in text) == with_peer
    # One cell below each name of a column, in every row.
    table = text.partition("numbers changes")[2].partition("</table>")[0]
    rows = [row for row in table.split("<tr")[1:] if "<small>" in row]
    spans = [len(re.findall("<td", row)) + row.count('colspan="2"') for row in rows]
    assert set(spans) == {1 + 3 * (3 if with_peer else 2)}
    assert len(rows) == len(SHIFTS) + 2


def test_half_is_half_and_2000_rows_are_one_window() -> None:
    kinds = {(trial.strength, trial.rows, trial.windows) for trial in study.trials(1, 1) if trial.shift}
    assert kinds == {(FULL, CURRENT, 1), (HALF, CURRENT, 1), (FULL, WINDOW, PATIENCE)}


def test_the_peer_is_locked_with_its_hashes() -> None:
    lock = peer_environment.LOCK.read_text()
    pins = re.findall(r"^(\S+)==(\S+) \\\n    --hash=sha256:[0-9a-f]{64}", lock, re.MULTILINE)
    assert len(pins) == len(re.findall(r"^[a-z]", lock, re.MULTILINE))
    assert dict(pins)["evidently"] == "0.7.23"
    assert dict(pins)["pandas"].startswith("2.")
    assert "://" not in lock


def test_both_sides_number_windows_alike() -> None:
    """The peer's program runs in an environment of its own, where ours cannot be imported."""
    tree = ast.parse(peers._PROGRAM.read_text())
    told = {
        target.id: ast.literal_eval(each.value)
        for each in tree.body
        if isinstance(each, ast.Assign)
        for target in each.targets
        if isinstance(target, ast.Name)
    }
    assert told["WINDOW"] == peers._WINDOW
