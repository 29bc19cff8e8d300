"""What one look found out, as findings.json: figures and sentences, no values of rows."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from evaluate.views import title
from watch.captured import Captured
from watch.drift import PREDICTION, TARGET, Change, Drift
from watch.quality import Quality
from watch.violations import Violation
from watch.window import Window

FILE, FORMAT = "findings.json", 1
# Columns that a sentence names.
_NAMED = 3


@dataclass(frozen=True)
class Findings:
    """Everything that the job finds out; `known` are the rows whose `truth` is known."""

    window: Window
    captured: Captured
    drift: Drift
    violations: Sequence[Violation]
    quality: Quality | None
    known: pl.DataFrame

    @property
    def silent(self) -> bool:
        """Whether calls were due and none was captured; labels alone are a reason to look, too."""
        nothing = self.captured.calls == 0
        return nothing if self.window.silent is None else nothing and self.window.silent

    @property
    def retrain(self) -> dict[str, str] | None:
        """The reason to train again, where there is one; worse answers weigh more than other calls."""
        if self.quality and self.quality.below:
            return {"kind": "quality", "reason": quality_sentence(self.quality)}
        if self.drift.acted_on:
            return {"kind": "drift", "reason": drift_sentence(self.drift)}
        return None

    @property
    def reason(self) -> str:
        """The state of things in one sentence."""
        parts = [quality_sentence(self.quality)] if self.quality and self.quality.below else []
        return "; ".join([*parts, self._traffic()])

    def _traffic(self) -> str:
        seen = self.captured
        if not seen.calls:
            return "No call was captured" if self.silent else "No new call was captured"
        if seen.rows:
            return drift_sentence(self.drift)
        if seen.before_deployment == seen.calls:
            return f"All {seen.calls:,} calls were answered by the model that was in service before"
        if seen.unreadable:
            why = next(iter(seen.reasons))
            return f"None of {seen.calls:,} captured calls could be read: {why}"
        return "No call was answered"

    def document(self) -> str:
        """The JSON text, with null for what is not a number."""
        drift, quality = self.drift, self.quality
        found = {
            "format": FORMAT,
            "window": self.window.name,
            "version": self.window.version,
            "rows": self.captured.rows,
            "share": self.window.share,
            "silent": self.silent,
            "drift": {
                "verdict": drift.verdict,
                "alpha": drift.alpha,
                "features": [_change(each) for each in drift.features],
                "prediction": _change(drift.prediction) if drift.prediction else None,
                "target": _change(drift.target) if drift.target else None,
            },
            "violations": [asdict(each) for each in self.violations],
            "quality": {**asdict(quality), "metric": quality.short} if quality else None,
            "captured": {
                "calls": self.captured.calls,
                "rows": self.captured.rows,
                "unreadable": self.captured.unreadable,
                "unanswered": self.captured.unanswered,
                "before_deployment": self.captured.before_deployment,
                "reasons": dict(self.captured.reasons),
            },
            "reason": self.reason,
            "retrain": self.retrain,
        }
        return json.dumps(_finite(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def drift_sentence(drift: Drift) -> str:
    """What drifted, by how much, and by how much it usually does."""
    if drift.verdict == "too few rows":
        return "Too few rows came for a verdict on drift"
    # What is a reason to train stands first, then what is furthest.
    order = (PREDICTION, TARGET)
    changed = sorted(
        drift.drifted, key=lambda each: (not each.acted_on, each.name not in order, -(each.psi or 0))
    )
    if not changed:
        return "The calls are like the training rows"
    named = [_shown(each) for each in changed[:_NAMED]]
    more = len(changed) - _NAMED
    named += [f"and {more} more" if more > 1 else "and one more"] if more > 0 else []
    seen = "" if drift.acted_on else ", but hardly matters to the model"
    return f"{', '.join(named)} drifted{seen}"


def quality_sentence(quality: Quality) -> str:
    """How good the answers are against the bound."""
    name = title(quality.short)
    if quality.value is None or quality.low is None or quality.high is None:
        return f"{name} cannot be told from {quality.labelled:,} labelled rows"
    side = "is worse than" if quality.below else "is not surely worse than"
    return (
        f"{name} of {quality.labelled:,} labelled rows is {quality.value:.4f} "
        f"({quality.low:.4f} to {quality.high:.4f}), which {side} the bound of {quality.bound:g}"
    )


def _shown(change: Change) -> str:
    name = {PREDICTION: "the prediction", TARGET: "the target"}.get(change.name, change.name)
    if "values" in change.changed:
        known = change.ks if change.ks is not None else change.psi
        usual = "" if change.natural is None else f", at most {change.natural:.2f} in training"
        measure = "KS" if change.ks is not None else "PSI"
        return f"{name} ({measure} {known or 0:.2f}{usual})"
    if "missing" in change.changed:
        return f"{name} ({change.missing_now:.0%} missing, {change.missing_before:.0%} in training)"
    return f"{name} ({change.new_share or 0:.0%} unknown categories)"


def _change(change: Change) -> dict[str, Any]:
    name = {PREDICTION: "prediction", TARGET: "target"}.get(change.name, change.name)
    return {**asdict(change), "name": name, "drifted": change.drifted}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
