"""Slices, fairness and metrics as the page's lists show them: figures as texts, places in per cent."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from evaluate.fairness import Fairness
from evaluate.judgement import SHOWN, Judgement
from evaluate.slices import Slice

TITLES = {
    "auc": "ROC AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "f1": "F1 at 50%",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "f1_macro": "Macro F1",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "ndcg": "NDCG",
    "map": "Mean average precision",
    "mase": "MASE",
    "wape": "WAPE",
}


@dataclass(frozen=True)
class Tile:
    """One metric with its interval, and the champion's if there is one; `better` is None within the noise."""

    title: str
    value: str
    interval: str | None
    champion: str | None
    change: str | None
    better: bool | None
    decides: bool


@dataclass(frozen=True)
class Bar:
    """One slice: places of its interval, value and champion on a common scale, in per cent."""

    value: str
    rows: int
    low: float | None
    high: float | None
    at: float | None
    champion: float | None
    figure: str
    change: str | None
    tone: str


@dataclass(frozen=True)
class SliceGroup:
    """The slices of one column."""

    column: str
    bars: tuple[Bar, ...]


def title(metric: str) -> str:
    """A metric's name for people."""
    return TITLES.get(metric, metric)


def figure(value: float) -> str:
    """Four decimals, fewer for large values."""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"


def tiles(found: Judgement) -> list[Tile]:
    """A tile per metric; green and red only where the paired interval leaves no doubt."""
    deciding = {verdict.metric for verdict in found.verdicts}
    made = []
    for name, each in found.metrics.items():
        ends, higher = each.interval(SHOWN), found.higher[name]
        between = each.improvement_interval(higher, SHOWN)
        better, change = None, None
        if each.champion is not None:
            difference = each.value - each.champion
            change = f"{difference:+.4f}" if abs(difference) >= 0.00005 else "±0"
            if between and (between.low > 0 or between.high < 0):
                better = between.low > 0
        made.append(
            Tile(
                title(name),
                figure(each.value),
                f"{figure(ends.low)} to {figure(ends.high)}" if ends else None,
                None if each.champion is None else figure(each.champion),
                change,
                better,
                name in deciding,
            )
        )
    return made


def slice_groups(slices: Sequence[Slice]) -> list[SliceGroup]:
    """Slices by column, on one scale."""
    marks = [
        mark
        for each in slices
        for mark in (each.low, each.high, each.metric, each.champion)
        if mark is not None
    ]
    low, high = (min(marks), max(marks)) if marks else (0.0, 1.0)
    span = (high - low) or 1.0

    def place(mark: float | None) -> float | None:
        return None if mark is None else 2 + 96 * (mark - low) / span

    def bar(each: Slice) -> Bar:
        change, tone = None, "few" if each.metric is None else ""
        if each.metric is not None and each.champion is not None:
            change = f"{each.metric - each.champion:+.4f}"
            if each.passed is False:
                tone = "fell"
            elif each.improvement_low is not None and each.improvement_low > 0:
                tone = "rose"
        text = "too few rows" if each.metric is None else figure(each.metric)
        return Bar(
            each.value, each.rows, place(each.low), place(each.high), place(each.metric),
            place(each.champion), text, change, tone,
        )  # fmt: skip

    return [
        SliceGroup(column, tuple(bar(each) for each in members))
        for column, members in groupby(slices, key=lambda each: each.column)
    ]


def by_column(found: Sequence[Fairness]) -> list[tuple[Fairness, list[Fairness]]]:
    """The groups of each column once, with all criteria that were measured on it."""
    columns = dict.fromkeys(each.column for each in found)
    members = [[each for each in found if each.column == column] for column in columns]
    return [(each[0], each) for each in members]
