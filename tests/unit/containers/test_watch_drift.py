"""What is compared in one look, and that odd values are drawn rather than end it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tabular.contract import DataError
from tabular.schema import Feature, Schema, Split
from watch import drawings, drift, verdict
from watch.baseline import Baseline, Column, Usual
from watch.captured import SCORES, Captured
from watch.verdict import Outcome, Test
from watch.window import Rules

ROWS = 600
RULES = Rules(psi=0.1, alpha=1 / 365, rows=500, labelled_rows=500)
NUMBER, WORD = Feature("x", "number"), Feature("word", "category", ("a", "b"))
MOMENT = Feature("day", "datetime")


def normal(seed: int, mean: float = 0.0) -> pl.Series:
    return pl.Series(np.random.default_rng(seed).normal(mean, 1, ROWS))


def words(seed: int) -> pl.Series:
    return pl.Series(np.random.default_rng(seed).choice(["a", "b"], ROWS).tolist())


def baseline(columns: dict[Feature, pl.Series], problem: Any = "binary", **more: Any) -> Baseline:
    features = tuple(columns)
    schema = Schema(problem, "late", (), more.get("time"), features, (), Split(ROWS, ROWS), ())
    known = {each.name: Column(each, values, Usual(), 0.0, None) for each, values in columns.items()}
    return Baseline(schema, Path(), ROWS, known, normal(1), None, None)


def captured(scores: pl.Series, **columns: pl.Series) -> Captured:
    count = len(scores)
    predictions = pl.DataFrame(
        {
            "inference_id": [str(number) for number in range(count)],
            "row": [0] * count,
            "time": [datetime(2026, 11, 1)] * count,
            "version": ["5"] * count,
        },
        schema=dict(SCORES),
    ).with_columns(scores.alias("score"))
    return Captured(pl.DataFrame(columns), predictions, count, count, 0, 0, 0, {})


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[set[tuple[str, str]]]:
    """The tests of each look."""
    found: list[set[tuple[str, str]]] = []

    def spy(tests: Sequence[Test], alpha: float) -> list[Outcome]:
        found.append({(test.subject, test.what) for test in tests})
        return verdict.judge(tests, alpha)

    monkeypatch.setattr(drift, "judge", spy)
    return found


def test_what_is_tested_does_not_depend_on_what_comes(judged: list[set[tuple[str, str]]]) -> None:
    """A test that is made only where it may be positive is one that nothing was adjusted for."""
    before = baseline({NUMBER: normal(2), WORD: words(3)})
    usual = captured(normal(4), x=normal(5), word=words(6))
    odd = captured(
        normal(4),
        x=normal(5).set(pl.Series([True] * 3 + [False] * (ROWS - 3)), None),
        word=pl.Series(["new", *words(6).to_list()[1:]]),
    )
    verdicts = [drift.measure(before, now, RULES).verdict for now in (usual, odd)]
    assert verdicts == ["clear", "clear"]
    assert judged[0] == judged[1]
    assert judged[0] == {
        ("x", "values"),
        ("x", "missing"),
        ("word", "values"),
        ("word", "missing"),
        ("word", "new"),
        (drift.PREDICTION, "values"),
    }


def test_a_forecast_of_one_series_has_its_prediction_alone() -> None:
    before = baseline({MOMENT: normal(2)}, problem="forecast", time="day")
    later = {"day": normal(3, mean=1000)}
    calm = drift.measure(before, captured(normal(4), **later), RULES)
    moved = drift.measure(before, captured(normal(5, mean=2), **later), RULES)
    assert (calm.verdict, calm.features) == ("clear", ())
    assert (moved.verdict, [each.name for each in moved.acted_on]) == ("drifted", [drift.PREDICTION])
    named = Rules(psi=0.1, alpha=1 / 365, rows=500, features=("day",))
    with pytest.raises(DataError, match="OnDrift watches 'day', which"):
        drift.measure(before, captured(normal(4), **later), named)


@pytest.mark.parametrize("feature", [NUMBER, MOMENT], ids=lambda feature: feature.type)
@pytest.mark.parametrize("odd", [float("inf"), float("-inf"), 1e39, -3e38, 3.4e38])
def test_values_without_a_place_on_an_axis_do_not_end_a_look(feature: Feature, odd: float) -> None:
    """A model of one's own answers what it likes, and a moment may be beyond the calendar."""
    for now in (pl.Series([odd] * ROWS), pl.Series([odd, *normal(1).to_list()])):
        chart = drawings.compared(feature, normal(2), now, "before and now")
        assert chart.startswith("<svg")
        assert "nan" not in chart
