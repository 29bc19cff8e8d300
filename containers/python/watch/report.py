"""The report of one look: one HTML file without anything to load, in the style of the model report."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import polars as pl
from markupsafe import Markup

from evaluate.views import figure, title
from tabular.schema import Feature
from watch import comparable, drawings, history
from watch.baseline import Baseline
from watch.drift import Change
from watch.findings import Findings, quality_sentence
from watch.history import Look
from watch.violations import Violation

# Columns that are drawn; the table has all of them.
_DRAWN = 8
_VIOLATIONS = {
    "category": "are categories that no training row had",
    "range": "are beyond the range of the training rows",
    "fraction": "are fractions, where the training rows had whole numbers",
    "missing": "are missing, as none was in training",
}
_CHANGED = {"values": "its values", "missing": "missing values", "new": "unknown categories"}
# Labelled and unlabelled rows that differ so improbably are told of.
_BIASED = 0.01
# Smaller shares would read 0 %.
_SHOWN = 0.005


@dataclass(frozen=True)
class Drawn:
    """One column before and now."""

    name: str
    type: str
    summary: str
    chart: Markup
    before: str = "training"


@dataclass(frozen=True)
class Tile:
    """One figure, and what it means."""

    title: str
    value: str
    note: str | None = None


def render(project: str, baseline: Baseline, found: Findings, earlier: Path) -> str:
    """The whole page; `earlier` holds the findings of the looks before."""
    looks = history.looks(earlier, found)
    order = sorted(found.drift.features, key=lambda each: (not each.drifted, -(each.psi or 0), each.name))
    return _environment().get_template("watch.html").render(
        project=project,
        target=baseline.schema.target,
        window=found.window,
        captured=found.captured,
        training=baseline.rows,
        state=_state(found),
        calm=_calm(found),
        reason=found.reason,
        drifted=sum(each.drifted for each in order),
        columns=order,
        changed=_CHANGED,
        checks=_checks(found),
        tiles=_tiles(found),
        warnings=_warnings(found),
        drawn=[*_answers(baseline, found), *_columns(order, baseline, found)],
        looks=drawings.looks(looks) if len(looks) > 1 else None,
        live=_live(found, looks),
        metric=title(found.quality.short) if found.quality else None,
    )  # fmt: skip


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader(
            [jinja2.PackageLoader("watch", "page"), jinja2.PackageLoader("evaluate", "page")]
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["share"] = lambda share: "" if share is None else f"{share:.1%}"
    environment.filters["index"] = lambda value: "" if value is None else f"{max(0.0, value):.3f}"
    environment.filters["chance"] = lambda value: f"{value:.3f}" if value >= 0.001 else f"{value:.0e}"
    environment.filters["moment"] = lambda moment: f"{moment:%-d %b %Y %H:%M}"
    return environment


def _calm(found: Findings) -> bool:
    below = found.quality is not None and found.quality.below
    return found.drift.verdict != "drifted" and not below and not found.silent


def _state(found: Findings) -> str:
    if found.silent:
        return "Silent"
    if found.quality and found.quality.below:
        return "Below its bound"
    return {"drifted": "Drifted", "clear": "Steady", "too few rows": "Too few rows"}[found.drift.verdict]


def _checks(found: Findings) -> list[str]:
    """What is well, or no reason to act, each in one sentence."""
    checks = []
    # What is below its bound stands above them as the reason.
    if found.quality and not found.quality.below:
        checks.append(quality_sentence(found.quality))
    ignored = [each.name for each in found.drift.features if each.drifted and not each.acted_on]
    if ignored:
        checks.append(f"seen, but with too little importance to act on: {', '.join(ignored)}")
    return checks


def _tiles(found: Findings) -> list[Tile]:
    captured, window = found.captured, found.window
    tiles = [Tile("Rows", f"{captured.rows:,}", f"of {captured.calls:,} calls")]
    if window.invocations:
        tiles.append(Tile("Calls of the endpoint", f"{window.invocations:,}"))
        if window.refused is not None:
            tiles.append(
                Tile("Refused calls", f"{window.refused / window.invocations:.1%}", "answered with 4xx")
            )
    if found.drift.prediction and found.drift.prediction.psi is not None:
        tiles.append(Tile("Prediction", f"{max(0.0, found.drift.prediction.psi):.3f}", "stability index"))
    if quality := found.quality:
        value = "unknown" if quality.value is None else figure(quality.value)
        tiles.append(Tile(f"Live {title(quality.short)}", value, f"bound {quality.bound:g}"))
        tiles.append(
            Tile("Labelled", f"{quality.coverage:.1%}", f"{quality.labelled:,} of {quality.predicted:,} rows")
        )
        if quality.late_days_p50 is not None:
            tiles.append(Tile("Labels take", f"{quality.late_days_p50:.1f} days", "half of them"))
    return tiles


def _warnings(found: Findings) -> list[str]:
    captured, quality = found.captured, found.quality
    told = [_violation(each) for each in found.violations]
    if captured.unreadable:
        told.append(f"{captured.unreadable:,} calls could not be read:")
        told += [f"{count:,} times: {reason}" for reason, count in captured.reasons.items()]
    if captured.before_deployment:
        told.append(f"{captured.before_deployment:,} calls were answered by the model before, and left out")
    if found.window.share is not None and found.window.share < 1:
        told.append(f"{found.window.share:.0%} of the captured bytes were read, spread evenly over the hours")
    if quality:
        told += quality.rejected
        if quality.conflicts:
            told.append(
                f"{quality.conflicts:,} rows have labels that contradict each other; the newest counts"
            )
        if quality.unmatched:
            told.append(f"{quality.unmatched:,} labels belong to no call that is known")
        if quality.bias_p is not None and quality.bias_p < _BIASED:
            told.append("the scores of labelled and unlabelled rows differ: the labels are no random sample")
    if found.drift.features and not any(each.natural is not None for each in found.drift.features):
        told.append(
            "nothing is known of how columns usually vary from time to time (that needs Data(time=...) and "
            "enough rows), so that a season looks like drift"
        )
    return told


def _violation(violation: Violation) -> str:
    ends = violation.example_range
    between = f" ({ends[0]:g} to {ends[1]:g})" if ends else ""
    share = f"{violation.share:.1%} of the values of {violation.feature}"
    return f"{share} {_VIOLATIONS[violation.kind]}{between}"


def _columns(order: Sequence[Change], baseline: Baseline, found: Findings) -> list[Drawn]:
    return [_drawn(each, baseline, found) for each in order[:_DRAWN]] if found.captured.rows else []


def _drawn(change: Change, baseline: Baseline, found: Findings) -> Drawn:
    column = baseline.columns[change.name]
    now = found.captured.table[change.name]
    chart = drawings.compared(column.feature, column.values, now, f"{change.name} in training and now")
    return Drawn(change.name, change.type, _summary(change), chart)


def _summary(change: Change) -> str:
    parts = [] if change.psi is None else [f"index {max(0.0, change.psi):.2f}"]
    far = change.ks if change.ks is not None else change.psi
    if change.natural is not None and far is not None:
        parts.append(f"{max(0.0, far):.2f} apart, at most {change.natural:.2f} in training")
    if max(change.missing_now, change.missing_before) >= _SHOWN:
        parts.append(f"missing {change.missing_before:.0%}, now {change.missing_now:.0%}")
    if change.new_share:
        parts.append(f"unknown {change.new_share:.1%}")
    return ", ".join(parts)


def _answers(baseline: Baseline, found: Findings) -> list[Drawn]:
    """The predictions of the hold-out and now, and the truth where it is known."""
    drift, predicted = found.drift, found.captured.predictions["score"].drop_nulls()
    truths = found.known["truth"]
    sides = (
        ("Prediction", drift.prediction, baseline.scores, predicted),
        ("Target", drift.target, baseline.truths, truths),
    )
    return [
        _answer(name, change, before, now, baseline.schema.classes)
        for name, change, before, now in sides
        if change is not None and before is not None and len(now)
    ]


def _answer(name: str, change: Change, before: pl.Series, now: pl.Series, classes: tuple[str, ...]) -> Drawn:
    feature = Feature(name, "number")
    if change.type == "category":
        named = comparable.chosen if isinstance(now.dtype, pl.List) else comparable.placed
        feature = Feature(name, "category", classes)
        before, now = (named(each, classes) for each in (before, now))
    chart = drawings.compared(feature, before, now, f"{name} in the hold-out and now")
    return Drawn(name, change.type, _summary(change), chart, "hold-out")


def _live(found: Findings, looks: Sequence[Look]) -> Markup | None:
    if found.quality is None:
        return None
    return drawings.quality(looks, found.quality.short) or None
