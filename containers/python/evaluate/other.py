"""What the report shows of models with several classes, of regressions, and of any model over time."""

from datetime import datetime, timedelta
from typing import cast

import numpy as np
import polars as pl
from markupsafe import Markup

from evaluate import ranked
from evaluate.charts import Axis, Chart, round_axis, share_axis
from evaluate.contest import Contest
from evaluate.metrics import Array

_BINS = 40
_SHOWN_CLASSES = 20
_MOST_PERIODS = 60


def over_time(contest: Contest) -> Markup | None:
    """Predicted and observed means per day, week or month of the hold-out; None without a time."""
    schema = contest.schema
    if schema.time is None or schema.problem in ("multiclass", "ranking"):
        return None
    moments = contest.holdout[schema.time]
    if not isinstance(moments.dtype, pl.Datetime):
        return None
    span = cast(datetime, moments.max()) - cast(datetime, moments.min())
    if span < timedelta(days=2):
        return None
    steps = (("1d", timedelta(days=1)), ("1w", timedelta(weeks=1)))
    every = next((step for step, length in steps if span / length <= _MOST_PERIODS), "1mo")
    means = (
        pl.DataFrame(
            {
                "at": moments.dt.truncate(every),
                "observed": contest.truth,
                "predicted": contest.challenger.predicted,
            }
        )
        .group_by("at")
        .agg(pl.col("observed", "predicted").cast(pl.Float64).mean())
        .sort("at")
    )
    return _two_lines(means, {"1d": "day", "1w": "week", "1mo": "month"}[every], schema.problem == "binary")


def _two_lines(means: pl.DataFrame, period: str, shares: bool) -> Markup:
    figures = means.select("observed", "predicted").to_numpy()
    count = means.height
    dates = [f"{moment:%-d %b}" for moment in means["at"]]
    places = np.unique(np.linspace(0, count - 1, min(count, 7)).round().astype(int)).tolist()
    x = Axis(0, max(count - 1, 1), f"{period}s of the hold-out", [(place, dates[place]) for place in places])
    if shares:
        y = share_axis("positive rows", float(figures.max()))
    else:
        y = round_axis(float(figures.min()), float(figures.max()), "mean")
    chart = Chart(x, y, "Predicted and observed over time", width=1080, height=270)
    chart.line(list(enumerate(figures[:, 0].tolist())), "observed")
    chart.line(list(enumerate(figures[:, 1].tolist())), "challenger")
    chart.dots(list(enumerate(figures[:, 0].tolist())), "observed", 3)
    return chart.svg()


def confusion(contest: Contest) -> Markup:
    """Predicted against true class, as shares of the true class; the first twenty classes."""
    names = contest.schema.classes[:_SHOWN_CLASSES]
    size = len(names)
    chosen = contest.challenger.predicted.argmax(axis=1)
    ticks = [(place + 0.5, name[:12]) for place, name in enumerate(names)]
    down = [(size - place, name) for place, name in ticks]
    x, y = Axis(0, size, "predicted", ticks), Axis(0, size, "true", down)
    widest = max(len(text) for _, text in ticks)
    chart = Chart(x, y, "Confusion matrix", height=460, left=max(46, 18 + 7 * widest))
    for row in range(size):
        members = contest.truth == row
        shares = np.bincount(chosen[members], minlength=size)[:size] / max(1, int(members.sum()))
        for column, share in enumerate(shares.tolist()):
            title = f"{names[row]} predicted as {names[column]}: {share:.1%}"
            chart.cell((column, size - row - 1), (column + 1, size - row), share, title)
            if size <= 10:
                css = "inside inverse" if share > 0.5 else "inside"
                chart.note((column + 0.5, size - row - 0.55), f"{share:.0%}", css, "middle")
    return chart.svg()


def classes_table(contest: Contest) -> list[tuple[str, int, float, float]]:
    """Name, rows, precision and recall of each class."""
    chosen = contest.challenger.predicted.argmax(axis=1)
    table = []
    for place, name in enumerate(contest.schema.classes):
        members, found = contest.truth == place, chosen == place
        both = int((members & found).sum())
        table.append(
            (name, int(members.sum()), both / max(1, int(found.sum())), both / max(1, int(members.sum())))
        )
    return table


def predicted_against_true(contest: Contest) -> Markup:
    """Where the rows lie; on the diagonal the prediction is right."""
    truth, predicted = contest.truth.astype(float), contest.challenger.predicted.astype(float)
    low, high = _range(np.concatenate([truth, predicted]))
    axis = round_axis(low, high, "true")
    edges = np.linspace(axis.low, axis.high, _bins(truth) + 1)
    counts = np.histogram2d(np.clip(truth, low, high), np.clip(predicted, low, high), [edges, edges])[0]
    chart = Chart(
        axis, Axis(axis.low, axis.high, "predicted", axis.ticks), "Predicted against true", height=460
    )
    for i, j in zip(*np.nonzero(counts), strict=True):
        strength = 0.15 + 0.85 * float(np.sqrt(counts[i, j] / counts.max()))
        chart.cell((edges[i], edges[j]), (edges[i + 1], edges[j + 1]), strength, f"{counts[i, j]:.0f} rows")
    chart.line([(axis.low, axis.low), (axis.high, axis.high)], "chance")
    return chart.svg()


def errors(contest: Contest) -> Markup:
    """How far predictions are off."""
    error = contest.challenger.predicted.astype(float) - contest.truth
    low, high = _range(error)
    edges = np.linspace(low, high, _bins(error) + 1)
    shares = np.histogram(np.clip(error, low, high), edges)[0] / len(error)
    chart = Chart(
        round_axis(low, high, "predicted minus true"),
        share_axis("rows", float(shares.max())),
        "Errors",
        height=460,
    )
    for left, right, height in zip(edges, edges[1:], shares.tolist(), strict=False):
        chart.bar(left, right, height, "solo", f"{left:.3g} to {right:.3g}: {height:.1%}")
    return chart.svg()


def by_query(contest: Contest) -> Markup:
    """How good the order is in each query, from worst to best."""
    rows = contest.challenger.rows
    units = np.zeros(len(rows.truth), int) if rows.units is None else rows.units
    gains = np.clip(ranked.by_query(rows.truth.astype(float), rows.predicted.astype(float), units)[1], 0, 1)
    edges = np.linspace(0, 1, _BINS // 2 + 1)
    shares = np.histogram(gains, edges)[0] / len(gains)
    high = share_axis("queries", float(shares.max()))
    chart = Chart(round_axis(0, 1, "NDCG of the query"), high, "NDCG by query", width=1080, height=270)
    for left, right, height in zip(edges, edges[1:], shares.tolist(), strict=False):
        chart.bar(left, right, height, "solo", f"{left:.2f} to {right:.2f}: {height:.1%}")
    return chart.svg()


def _bins(values: Array) -> int:
    """Fewer for few rows, which would else leave most of them empty."""
    return int(np.clip(np.sqrt(len(values)) * 1.5, 12, _BINS))


def _range(values: Array) -> tuple[float, float]:
    """Without the most extreme half per cent on either side, which would squeeze the rest."""
    low, high = np.quantile(values, [0.005, 0.995])
    return (float(low), float(high)) if high > low else (float(low) - 1, float(high) + 1)
