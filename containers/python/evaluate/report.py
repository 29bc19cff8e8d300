"""The report: one HTML file without anything to load, light or dark as the reader's machine is."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import jinja2
from markupsafe import Markup

from evaluate import binary, other
from evaluate.contest import Contest
from evaluate.explanation import importances
from evaluate.gate import Verdict
from evaluate.metrics import LOWER_IS_BETTER
from tabular.schema import Feature, Schema

_TITLES = {
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
}
_SHOWN_FEATURES = 12


@dataclass(frozen=True)
class Tile:
    """One metric, and the champion's when there is one; `better` is None when they are equal."""

    title: str
    value: str
    champion: str | None
    change: str | None
    better: bool | None
    decides: bool


@dataclass(frozen=True)
class Panel:
    """One chart, what it tells, and its legend as (colour, text)."""

    title: str
    lead: str
    chart: Markup
    legend: tuple[tuple[str, str], ...] = ()


def render(contest: Contest, verdict: Verdict) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluate", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    schema = contest.challenger.model.schema
    operating = binary.operating(contest) if schema.problem == "binary" else None
    return environment.get_template("report.html").render(
        schema=schema,
        origin=contest.challenger.model.origin,
        digest=contest.challenger.model.digest,
        verdict=verdict,
        verdict_title=_TITLES[verdict.metric],
        scale=_scale(verdict),
        tiles=_tiles(contest, verdict),
        period=_period(schema),
        panels=_panels(contest, operating),
        timeline=other.over_time(contest),
        operating=asdict(operating) if operating else None,
        classes=other.classes_table(contest) if schema.problem == "multiclass" else [],
        importances=_importances(contest),
        features=[_feature_row(feature) for feature in schema.features],
    )


def _tiles(contest: Contest, verdict: Verdict) -> list[Tile]:
    tiles = []
    for name, value in contest.challenger.metrics.items():
        champion = contest.champion.metrics[name] if contest.champion else None
        difference = None if champion is None else value - champion
        visible = difference is not None and abs(difference) >= 0.00005
        better = (difference < 0) == (name in LOWER_IS_BETTER) if difference is not None and visible else None
        tiles.append(
            Tile(
                _TITLES[name],
                _figure(value),
                None if champion is None else _figure(champion),
                None if difference is None else f"{difference:+.4f}" if visible else "±0",
                better,
                name == verdict.metric,
            )
        )
    return tiles


def _scale(verdict: Verdict) -> dict[str, float]:
    """Places in per cent on the bar that compares value, threshold and champion."""
    marks = {"value": verdict.value, "threshold": verdict.threshold}
    if verdict.champion_value is not None:
        marks["champion"] = verdict.champion_value
    low, high = min(marks.values()), max(marks.values())
    room = (high - low) * 0.35 or abs(high) * 0.1 or 1.0
    return {name: 100 * (mark - low + room) / (high - low + 2 * room) for name, mark in marks.items()}


def _period(schema: Schema) -> dict[str, Any] | None:
    """The dates of the split and where the cut lies between them, in per cent."""
    split = schema.split
    if split.first is None or split.cut is None or split.last is None:
        return None
    try:
        first, cut, last = (datetime.fromisoformat(text) for text in (split.first, split.cut, split.last))
    except ValueError:  # the time is a number
        return {
            "first": split.first,
            "cut": split.cut,
            "last": split.last,
            "share": 100 * (1 - _held(schema)),
        }
    dates = {name: f"{day:%-d %b %Y}" for name, day in (("first", first), ("cut", cut), ("last", last))}
    return {**dates, "share": 100 * (cut - first) / (last - first)}


def _held(schema: Schema) -> float:
    split = schema.split
    return split.holdout_rows / (split.train_rows + split.holdout_rows)


def _panels(contest: Contest, operating: binary.Operating | None) -> list[Panel]:
    rivals: tuple[tuple[str, str], ...] = (("challenger", "this model"),)
    if contest.champion:
        rivals = (*rivals, ("champion", "champion"))
    if operating:
        negative, positive = contest.challenger.model.schema.classes
        target = contest.challenger.model.schema.target
        sides = (("positive", f"{target} = {positive}"), ("negative", f"{target} = {negative}"))
        return [
            Panel("ROC", "Found positives against false alarms", binary.roc(contest, operating), rivals),
            Panel(
                "Precision and recall", "How many alarms are right, as more are found",
                binary.precision_recall(contest, operating), rivals,
            ),
            Panel("Calibration", "Does 30% mean three in ten?", binary.calibration(contest), rivals),
            Panel(
                "Predictions by class", "The further apart, the better",
                binary.distribution(contest), sides,
            ),
        ]  # fmt: skip
    if contest.challenger.model.schema.problem == "multiclass":
        return [Panel("Confusion", "Each row adds up to 100%", other.confusion(contest))]
    return [
        Panel(
            "Predicted against true",
            "On the diagonal the prediction is right",
            other.predicted_against_true(contest),
        ),
        Panel("Errors", "How far predictions are off", other.errors(contest)),
    ]


def _importances(contest: Contest) -> list[tuple[str, float, float]]:
    """Name, share of all movement, and length of the bar in per cent."""
    shares = importances(contest.challenger.model, contest.holdout)
    longest = shares[0][1] or 1.0
    return [(name, share, 100 * share / longest) for name, share in shares[:_SHOWN_FEATURES]]


def _feature_row(feature: Feature) -> tuple[str, str, str, str]:
    """Name, type, values and the share of missing ones, as texts."""
    if feature.type == "category":
        shown = ", ".join(feature.categories[:4]) + (", …" if len(feature.categories) > 4 else "")
        values = f"{len(feature.categories)}: {shown}"
    elif feature.type == "boolean":
        values = f"{feature.mean:.1%} true"
    elif feature.type == "datetime" and feature.minimum is not None and feature.maximum is not None:
        days = (datetime.fromtimestamp(day * 86400) for day in (feature.minimum, feature.maximum))
        values = " to ".join(f"{day:%-d %b %Y}" for day in days)
    else:
        values = f"{feature.minimum:,g} to {feature.maximum:,g}, mean {feature.mean:,.4g}"
    return feature.name, feature.type, values, f"{feature.missing:.1%}" if feature.missing else "none"


def _figure(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"
