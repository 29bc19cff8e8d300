"""What a look has found: findings.json, and the figures that alarms and the dashboard have of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The verdicts on drift; the last one lets the next look read the same calls again, with what has come since.
DRIFTED, CLEAR, TOO_FEW = "drifted", "clear", "too few rows"


class NoFindings(ValueError):
    """The job has written nothing that could be read; the text says why."""


@dataclass(frozen=True)
class Findings:
    """`drifted` and `below` are None where there was too little to judge, or nothing was to be judged.

    `wants` are the kinds of findings that a training would help with, and the sentences that say why.
    """

    reason: str
    drifted: bool | None = None
    below: bool | None = None
    silent: bool = False
    covered: bool = True
    wants: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)


def silent(project: str, window: str, version: int, calls: int) -> dict[str, Any]:
    """The findings of a look that found no captured call; `calls` is how many CloudWatch has counted."""
    reason = (
        f"{project} answered {calls:,} calls and none was captured: see the log of the endpoint"
        if calls
        else f"nobody has called {project}"
    )
    return {
        "format": 1,
        "window": window,
        "version": version,
        "rows": 0,
        "share": 1.0,
        "silent": True,
        "drift": None,
        "violations": [],
        "quality": None,
        "reason": reason,
        "retrain": None,
    }


def read(content: bytes, look: Mapping[str, Any]) -> Findings:
    """The findings of a look, of which `look` is window.json; raises NoFindings."""
    try:
        return _read(json.loads(content), look)
    except (ValueError, ArithmeticError, LookupError, RecursionError, TypeError, AttributeError) as error:
        raise NoFindings(f"findings.json is not as it must be: {error!r}") from error


def _read(document: Mapping[str, Any], look: Mapping[str, Any]) -> Findings:
    drift, quality = document["drift"] or {}, document["quality"] or {}
    rules, verdict = look["rules"], drift.get("verdict")
    drifted = verdict == DRIFTED if rules["drift"] and verdict in (DRIFTED, CLEAR) else None
    below = _below(quality, rules)
    quiet = bool(look["silent"]) or bool(document["silent"])
    flags = {"Drifted": drifted, "LiveBelow": below, "Silent": quiet}
    return Findings(
        reason=str(document["reason"]),
        drifted=drifted,
        below=below,
        silent=quiet,
        covered=not (rules["drift"] and verdict == TOO_FEW),
        wants=_wants(document, drift, drifted=bool(drifted), below=bool(below)),
        figures=_known({**flags, **_figures(document, drift, quality, look)}),
    )


def _below(quality: Mapping[str, Any], rules: Mapping[str, Any]) -> bool | None:
    """Whether answers are too bad; None while too few labels came to say that they are not."""
    if not rules["quality"] or quality.get("below") is None:
        return None
    few = quality.get("labelled", 0) < rules["labelled_rows"]
    return None if few and not quality["below"] else bool(quality["below"])


def _wants(
    document: Mapping[str, Any], drift: Mapping[str, Any], *, drifted: bool, below: bool
) -> dict[str, str]:
    """The reasons to train again: the one that the job names, and the other where both hold."""
    named = document["retrain"]
    wants = {str(named["kind"]): str(named["reason"])} if named else {}
    changed = [*(drift.get("features") or []), drift.get("prediction") or {}]
    if drifted and any(each.get("acted_on") for each in changed):
        wants.setdefault("drift", str(document["reason"]))
    if below:
        wants.setdefault("quality", str(document["reason"]))
    return wants


def _figures(
    document: Mapping[str, Any], drift: Mapping[str, Any], quality: Mapping[str, Any], look: Mapping[str, Any]
) -> dict[str, Any]:
    features = drift.get("features") or []
    calls = look["invocations"] or 0
    return {
        "DriftedFeatures": sum(bool(each["drifted"]) for each in features) if features else None,
        "LargestPsi": _largest(features, "psi"),
        "PredictionPsi": (drift.get("prediction") or {}).get("psi"),
        "NewCategoryShare": _largest(features, "new_share"),
        "MissingShare": _largest(features, "missing_now"),
        "RefusedShare": look["refused_4xx"] / calls if calls else None,
        "CapturedRows": document["rows"],
        "LabelledShare": quality.get("coverage"),
        "LiveMetric": quality.get("value"),
    }


def _largest(features: list[Mapping[str, Any]], name: str) -> float | None:
    return max((each[name] for each in features if each.get(name) is not None), default=None)


def _known(figures: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in figures.items() if value is not None}
