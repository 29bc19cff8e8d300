"""What the report shows of a model with two classes."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluate.charts import Chart, Point, share_axis
from evaluate.contest import Contest, Contestant
from evaluate.metrics import Array, auc, counts_by_threshold, metrics

_POINTS = 300
_BINS = 40
_CALIBRATION_BINS = 10
_STEPS = 100


@dataclass(frozen=True)
class Operating:
    """Rows at or above each of the thresholds 0, 0.01, ..., 1, by class; `start` is that of the best F1."""

    hits: list[int]
    alarms: list[int]
    positives: int
    negatives: int
    start: int


def roc(contest: Contest, operating: Operating) -> Markup:
    """True against false positives."""
    chart = Chart(share_axis("false positives"), share_axis("true positives"), "ROC curve")
    truth = contest.truth.astype(bool)
    chart.line([(0, 0), (1, 1)], "chance")
    chart.note((0.66, 0.58), "chance")
    for contestant, css in _contestants(contest):
        _, hits, alarms = counts_by_threshold(truth, contestant.predicted)
        points = _thinned(alarms / operating.negatives, hits / operating.positives)
        if css == "challenger":
            chart.area(points, css)
        chart.line(points, css)
    chart.marker("roc")
    chart.note((0.97, 0.06), f"AUC {auc(truth, contest.challenger.predicted):.3f}", "strong", "end")
    return chart.svg()


def precision_recall(contest: Contest, operating: Operating) -> Markup:
    """How many alarms are right, against how many positives are found."""
    chart = Chart(share_axis("recall"), share_axis("precision"), "Precision and recall")
    truth = contest.truth.astype(bool)
    base = float(truth.mean())
    chart.line([(0, base), (1, base)], "chance")
    chart.note((0.01, base - 0.055), f"chance {base:.0%}")
    for contestant, css in _contestants(contest):
        _, hits, alarms = counts_by_threshold(truth, contestant.predicted)
        # The first few rows make the curve jump and say nothing.
        settled = slice(int(np.argmax(hits >= max(5, 0.005 * operating.positives))), None)
        points = _thinned(
            (hits / operating.positives)[settled], (hits / (hits + alarms))[settled], anchor=False
        )
        if css == "challenger":
            chart.area(points, css)
        chart.line(points, css)
    chart.marker("pr")
    found = metrics("binary", contest.truth, contest.challenger.predicted)["average_precision"]
    chart.note((0.97, 0.93), f"average precision {found:.3f}", "strong", "end")
    return chart.svg()


def calibration(contest: Contest) -> Markup:
    """What happened, against what was promised, in ten groups of equally many rows."""
    groups = {css: _groups(contest.truth, each.predicted) for each, css in _contestants(contest)}
    highest = max(max(point) for points in groups.values() for point in points)
    axis = share_axis("predicted", highest)
    high = axis.high
    chart = Chart(axis, share_axis("observed", high), "Calibration")
    chart.line([(0, 0), (high, high)], "chance")
    chart.note((high * 0.86, high * 0.76), "perfect")
    for css, points in groups.items():
        chart.line(points, css)
        chart.dots(points, css)
    return chart.svg()


def distribution(contest: Contest) -> Markup:
    """How the predictions of each class are spread."""
    truth, score = contest.truth.astype(bool), contest.challenger.predicted
    edges = np.linspace(0, 1, _BINS + 1)
    shares = [np.histogram(score[side], edges)[0] / max(1, side.sum()) for side in (~truth, truth)]
    high = float(max(share.max() for share in shares))
    chart = Chart(share_axis("predicted"), share_axis("rows of the class", high), "Predictions by class")
    for share, css in zip(shares, ("negative", "positive"), strict=True):
        for left, right, height in zip(edges, edges[1:], share, strict=False):
            if height:
                chart.bar(left, right, float(height), css, f"{left:.3g} to {right:.3g}: {height:.1%}")
    return chart.svg()


def operating(contest: Contest) -> Operating:
    """The confusion matrix at every threshold."""
    truth = contest.truth.astype(bool)
    steps = np.minimum((contest.challenger.predicted.astype(float) * _STEPS).astype(int), _STEPS)
    hits = np.bincount(steps[truth], minlength=_STEPS + 1)[::-1].cumsum()[::-1]
    alarms = np.bincount(steps[~truth], minlength=_STEPS + 1)[::-1].cumsum()[::-1]
    positives, negatives = int(truth.sum()), int((~truth).sum())
    f1 = 2 * hits / (hits + alarms + positives)
    return Operating(hits.tolist(), alarms.tolist(), positives, negatives, int(f1.argmax()))


def _contestants(contest: Contest) -> list[tuple[Contestant, str]]:
    """The champion first, so that the challenger is drawn over it."""
    champion = [(contest.champion, "champion")] if contest.champion else []
    return [*champion, (contest.challenger, "challenger")]


def _thinned(x: Array, y: Array, *, anchor: bool = True) -> list[Point]:
    chosen = np.unique(np.linspace(0, len(x) - 1, _POINTS).round().astype(int))
    start = [(0.0, 0.0)] if anchor else []
    return start + list(zip(x[chosen].tolist(), y[chosen].tolist(), strict=True))


def _groups(truth: Array, score: Array) -> list[Point]:
    order = np.argsort(score, kind="stable")
    parts = [part for part in np.array_split(order, _CALIBRATION_BINS) if len(part)]
    return [(float(score[part].mean()), float(truth[part].mean())) for part in parts]
