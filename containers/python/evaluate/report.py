"""The report: one HTML file without anything to load, light or dark as the reader's machine is."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from evaluate import binary, other, tuning, views
from evaluate import slices as sliced
from evaluate.arguments import Arguments
from evaluate.contest import Contest
from evaluate.cost import Cost
from evaluate.explanation import Explanation
from evaluate.gate import Verdict
from evaluate.judgement import Judgement
from evaluate.lead import lead
from evaluate.learning import curves
from evaluate.lineage import lineage
from evaluate.panels import panels
from evaluate.profile import profile
from evaluate.slices import Slice
from evaluate.trials import Trial, objective
from tabular.schema import Schema

_ALGORITHMS = {
    "xgboost": "XGBoost",
    "lightgbm": "LightGBM",
    "linear": "A linear model",
    "forest": "A random forest",
    "mlp": "A neural network",
    "forecast": "A forecast",
}
_SHOWN_FEATURES = 12
# Columns that are looked into where the gate names none.
_LOOKED_INTO = 2


@dataclass(frozen=True)
class Check:
    """One thing that was judged, in one sentence."""

    passed: bool
    sentence: str


def render(
    contest: Contest,
    found: Judgement,
    trials: list[Trial],
    cost: Cost | None,
    asked: Arguments,
    inputs: Path,
    explanation: Explanation | None,
) -> str:
    """The whole page; `inputs` are those of the job."""
    schema, model = contest.schema, contest.challenger.model
    operating = binary.operating(contest) if schema.problem == "binary" else None
    first = asked.gates[0]
    metric = objective(trials, first.name)
    return _environment().get_template("report.html").render(
        schema=schema,
        project=asked.project,
        algorithm=_ALGORITHMS.get(model.origin.algorithm, model.origin.algorithm) if model else None,
        origin=model.origin if model else None,
        found=found,
        verdict=found.first,
        verdict_title=views.title(found.first.metric),
        verdict_margin=first.margin,
        verdict_reason=_titled(found.first.reason if found.passed else found.reason, found),
        scale=_scale(found.first, found),
        checks=_checks(found, asked),
        tiles=views.tiles(found),
        lead=lead(found.metrics[first.name], first, found.first.improvement_low),
        period=_period(schema),
        panels=panels(contest, operating),
        timeline=other.over_time(contest),
        operating=asdict(operating) if operating else None,
        classes=other.classes_table(contest) if schema.problem == "multiclass" else [],
        explanation=explanation,
        importances=_importances(explanation),
        slices=views.slice_groups(found.slices or _slices(contest, explanation, asked)),
        fairness=views.by_column(found.fairness),
        curves=curves(model.origin, first.name, views.TITLES) if model else [],
        tuning=tuning.tuning([each for each in trials if metric in each.metrics], metric, views.title(metric))
        if metric
        else None,
        profile=profile(contest),
        lineage=lineage(contest, asked, inputs),
        cost=cost,
    )  # fmt: skip


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("evaluate", "page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["figure"] = views.figure
    environment.filters["title_of"] = views.title
    environment.filters["share"] = lambda share: "none" if share is None else f"{share:.1%}"
    environment.filters["duration"] = _duration
    return environment


def _titled(reason: str, found: Judgement) -> str:
    """The sentence with the metric's name for people at its start."""
    name = found.first.metric
    return views.title(name) + reason.removeprefix(name) if reason.startswith(f"{name} ") else reason


def _checks(found: Judgement, asked: Arguments) -> list[Check]:
    """All that was judged, where that is more than one gate."""
    checks = [Check(verdict.passed, _sentence(verdict)) for verdict in found.verdicts]
    judged = [each for each in found.slices if each.passed is not None]
    if judged:
        bad = sliced.reasons(judged, asked.gates[0], asked.slice_tolerance)
        fine = (
            f"none of {len(judged)} slices is surely worse than the champion "
            f"by more than {asked.slice_tolerance:g}"
        )
        checks += [Check(False, sentence) for sentence in bad] or [Check(True, fine)]
    checks += [Check(each.passed, each.reason) for each in found.fairness]
    return checks if len(checks) > 1 else []


def _sentence(verdict: Verdict) -> str:
    return views.title(verdict.metric) + verdict.reason.removeprefix(verdict.metric)


def _scale(verdict: Verdict, found: Judgement) -> dict[str, float]:
    """Places in per cent on the bar that compares value, interval, threshold and champion."""
    marks = {"value": verdict.value, "threshold": verdict.threshold}
    if verdict.champion_value is not None:
        marks["champion"] = verdict.champion_value
    ends = found.metrics[verdict.metric].interval(0.9)
    if ends:
        marks |= {"low": ends.low, "high": ends.high}
    low, high = min(marks.values()), max(marks.values())
    room = (high - low) * 0.2 or abs(high) * 0.1 or 1.0
    return {name: 100 * (mark - low + room) / (high - low + 2 * room) for name, mark in marks.items()}


def _period(schema: Schema) -> dict[str, Any] | None:
    """The dates of the split and where the cut lies between them, in per cent."""
    split = schema.split
    if split.first is None or split.cut is None or split.last is None:
        return None
    try:
        first, cut, last = (datetime.fromisoformat(text) for text in (split.first, split.cut, split.last))
    except ValueError:  # the time is a number
        share = 100 * split.train_rows / (split.train_rows + split.holdout_rows)
        return {"first": split.first, "cut": split.cut, "last": split.last, "share": share}
    dates = {name: f"{day:%-d %b %Y}" for name, day in (("first", first), ("cut", cut), ("last", last))}
    return {**dates, "share": 100 * (cut - first) / (last - first)}


def _slices(contest: Contest, explanation: Explanation | None, asked: Arguments) -> Sequence[Slice]:
    """Where the gate asks for no slice: the columns that matter most, to look at."""
    if explanation is None or contest.schema.problem == "ranking" or ":" in asked.gates[0].metric:
        return ()
    columns = [each.name for each in explanation.importances[:_LOOKED_INTO]]
    rivals = contest.challenger.rows, contest.champion.rows if contest.champion else None
    return sliced.slices(contest.holdout, columns, rivals, asked.gates[0], {}, asked.slice_tolerance)


def _importances(explanation: Explanation | None) -> list[tuple[str, float, float]]:
    """Name, share of all movement, and length of the bar in per cent."""
    if explanation is None:
        return []
    shown = explanation.importances[:_SHOWN_FEATURES]
    longest = shown[0].share or 1.0
    return [(each.name, each.share, 100 * each.share / longest) for each in shown]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
