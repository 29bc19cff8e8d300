"""The year of flights: what it must come to, what its months bring, and its page."""

import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from examples.flights.year import page
from examples.flights.year.months import TARGET, Month
from examples.flights.year.result import FIRST, LAST, Column, Played, Seen, Year

EXAMPLES = Path(__file__).parents[2] / "examples"
JOB = ("Train", "ml.m5.large", 36.0)


def played(number: int, *, drifted: bool = False) -> Played:
    """A month of which drift was reported or not."""
    name = Month(number, pl.DataFrame()).name
    column = Column(0.8 if drifted else 0.01, drifted=drifted, acted_on=drifted)
    return Played(
        month=number,
        name=name,
        flights=1_000,
        auc_never=0.70,
        auc_monthly=0.75,
        auc_on_drift=0.74,
        monthly=number - 3,
        on_drift=1,
        difference=0.0,
        seen=Seen("a sentence", {"temp": column, "prediction": Column(None, drifted=False, acted_on=False)}),
        wanted=drifted,
        retrained="drift" if drifted else "",
    )


def year() -> Year:
    """One that keeps every promise."""
    jobs = {"never": 1, "monthly": 11, "on_drift": 6, "on_drift_looks": 3}
    return Year(
        played=[played(number, drifted=number in (5, 6)) for number in range(FIRST, LAST + 1)],
        drops=12,
        executions={"monthly": 11, "on_drift": 3},
        looks=9,
        jobs={name: [JOB] * count for name, count in jobs.items()},
        cost={name: 0.01 * count for name, count in jobs.items()},
        quarantined={"quarantine/other-units.csv": "another unit", "quarantine/half-empty.csv": "is missing"},
        bad_drops=("other-units.csv", "half-empty.csv"),
        nothing_new=1,
    )


def without_drift(kept: Year) -> None:
    kept.played = [played(month.month) for month in kept.played]
    kept.executions["on_drift"] = 1


def only_in_april(kept: Year) -> None:
    kept.played = [played(month.month, drifted=month.month == FIRST) for month in kept.played]
    kept.executions["on_drift"] = 2


def every_month(kept: Year) -> None:
    kept.played = [played(month.month, drifted=True) for month in kept.played]
    kept.executions["on_drift"] = 1 + len(kept.played)


def of_no_use(kept: Year) -> None:
    kept.played = [replace(month, auc_on_drift=month.auc_never) for month in kept.played]


def answered_otherwise(kept: Year) -> None:
    kept.played[3] = replace(kept.played[3], difference=0.01)


BROKEN: dict[Callable[[Year], object], str] = {
    without_drift: "Nothing drifted",
    only_in_april: "Drift was reported of April, and neither of May nor June",
    every_month: "every month",
    of_no_use: "on drift was no better",
    answered_otherwise: "In July the endpoint answered otherwise",
    lambda kept: kept.played.pop(): "8 of 9 months",
    lambda kept: kept.executions.update(on_drift=4): "4 executions retrained on_drift, and 3 were asked for",
    lambda kept: kept.executions.update(monthly=10): "10 executions retrained monthly, and 11 were asked for",
    lambda kept: kept.unexpected.append("Train: no memory"): "An execution failed: Train: no memory",
    lambda kept: kept.quarantined.pop("quarantine/half-empty.csv"): "half-empty.csv is not in quarantine",
    lambda kept: kept.quarantined.update(
        {"quarantine/good.csv": "x"}
    ): "good.csv is in quarantine, and it is",
    lambda kept: kept.quarantined.update({"quarantine/other-units.csv": ""}): "another reason: none",
    lambda kept: setattr(kept, "version_kept", False): "A bad drop made a new version",
    lambda kept: setattr(kept, "same_start", False): "did not begin with the same model",
    lambda kept: setattr(kept, "nothing_new", 0): "ended 0 executions",
}


def test_a_year_as_it_must_be() -> None:
    kept = year()
    assert kept.problems() == []
    figures = kept.figures()
    assert (figures["drops"], figures["executions"], figures["auc_never"]) == (12, 14, 0.7)
    assert figures["retrained_after"] == figures["drift_reported"] == ["May", "June"]


@pytest.mark.parametrize(("break_", "said"), BROKEN.items(), ids=BROKEN.values())
def test_each_promise_can_be_broken(break_: Callable[[Year], object], said: str) -> None:
    broken = year()
    break_(broken)
    assert any(said in problem for problem in broken.problems()), broken.problems()


def test_the_page_shows_the_year(tmp_path: Path) -> None:
    text = page.write(tmp_path / "year.html", year()).read_text()
    for shown in ("0.7400", "retrained on drift", "another unit", "a sentence"):
        assert shown in text
    assert text.count("<svg") == 2
    assert page.write(tmp_path / "again.html", year()).read_text().count("<svg") == 2


def test_labels_are_about_the_rows_of_the_calls() -> None:
    flights = pl.DataFrame({"n": range(4_100), TARGET: [n % 3 == 0 for n in range(4_100)]}).cast(
        {TARGET: pl.Int8}
    )
    month = Month(7, flights)
    labels = pl.read_csv(io.StringIO(month.labels()))
    assert labels.height == 2_000
    truths = {(each["inference_id"], each["row"]): each[TARGET] for each in labels.to_dicts()}
    for call in month.calls():
        assert TARGET not in call.body.splitlines()[0]
        for row, n in enumerate(pl.read_csv(io.StringIO(call.body))["n"]):
            assert truths[call.id, row] == int(n % 3 == 0)


def test_no_module_beside_an_app_hides_one_of_python() -> None:
    """The CDK runs app.py as a script, so that its folder is where Python looks first."""
    beside = [path for app in EXAMPLES.rglob("app.py") for path in app.parent.glob("*.py")]
    assert len(beside) > 20
    assert [path for path in beside if path.stem in sys.stdlib_module_names] == []
