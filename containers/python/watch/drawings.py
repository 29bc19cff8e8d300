"""The charts of the page: a column before and now, and the looks so far."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl
from markupsafe import Markup

from evaluate.charts import Axis, Chart, round_axis, share_axis
from tabular.schema import Feature
from watch import comparable
from watch.distances import Array, present
from watch.history import Look

_BINS, _CATEGORIES, _TICKS = 24, 8, 6
_NAME = 10


def compared(feature: Feature, before: pl.Series, now: pl.Series, title: str) -> Markup:
    """Shares of the training rows as grey bars, those of the window in the model's colour."""
    if comparable.textual(feature):
        return _categories(feature, before, now, title)
    known, seen = (_finite(comparable.numbers(each)) for each in (before, now))
    if not len(known) and not len(seen):
        return Markup("")
    edges = _edges(known, seen)
    shares = [_shares(each, edges) for each in (known, seen)]
    chart = Chart(_axis(feature, edges), _height(shares), title, width=520, height=250)
    for left, right, share in zip(edges, edges[1:], shares[0].tolist(), strict=False):
        chart.bar(left, right, share, "negative", f"training: {share:.1%}")
    steps = [
        (edge, share)
        for left, right, share in zip(edges, edges[1:], shares[1].tolist(), strict=False)
        for edge in (left, right)
    ]
    chart.line(steps, "challenger")
    return chart.svg()


def looks(history: Sequence[Look]) -> Markup:
    """The largest index of any column, and that of the prediction, look by look."""
    values = [each for look in history for each in (look.largest, look.prediction) if each is not None]
    chart = Chart(
        _windows(history),
        round_axis(0, max([0.2, *values]), "stability index"),
        "Drift over the looks",
        width=1080,
        height=270,
    )
    _series(chart, [look.largest for look in history], "challenger")
    _series(chart, [look.prediction for look in history], "observed")
    return chart.svg()


def quality(history: Sequence[Look], metric: str) -> Markup:
    """The live metric with its interval, and its bound, look by look."""
    told = [look for look in history if look.value is not None and look.metric == metric]
    marks = [
        each for look in told for each in (look.low, look.high, look.value, look.bound) if each is not None
    ]
    if not marks:
        return Markup("")
    y = round_axis(min(marks), max(marks), "live")
    chart = Chart(_windows(told), y, "Live quality over the looks", width=1080, height=270)
    for place, look in enumerate(told):
        if look.low is not None and look.high is not None:
            chart.line([(place, look.low), (place, look.high)], "")
    _series(chart, [look.value for look in told], "observed")
    _series(chart, [look.bound for look in told], "chance", dots=False)
    return chart.svg()


def _series(chart: Chart, values: Sequence[float | None], css: str, *, dots: bool = True) -> None:
    points = [(float(place), value) for place, value in enumerate(values) if value is not None]
    if len(points) > 1:
        chart.line(points, css)
    if dots:
        chart.dots(points, css)


def _windows(history: Sequence[Look]) -> Axis:
    step = max(1, -(-len(history) // _TICKS))
    ticks = [(float(place), look.day) for place, look in enumerate(history) if place % step == 0]
    return Axis(-0.5, max(len(history) - 0.5, 0.5), "end of the window", ticks)


def _categories(feature: Feature, before: pl.Series, now: pl.Series, title: str) -> Markup:
    """The most frequent ones in pairs of bars, then all others, then those that the model does not know."""
    counts = [comparable.counts(each) for each in (before, now)]
    totals = [sum(each.values()) for each in counts]
    shares = {
        name: (counts[0].get(name, 0) / (totals[0] or 1), counts[1].get(name, 0) / (totals[1] or 1))
        for name in comparable.known(feature)
    }
    order = sorted(shares, key=lambda name: (-max(shares[name]), name))
    pairs = [(name, shares[name]) for name in order[:_CATEGORIES]]
    rest = [shares[name] for name in order[_CATEGORIES:]]
    if rest:
        pairs.append(("others", (sum(each[0] for each in rest), sum(each[1] for each in rest))))
    unknown = tuple(max(0.0, 1 - sum(each[side] for each in shares.values())) for side in (0, 1))
    if max(unknown) > 0 and totals[1] > 0:
        pairs.append(("unknown", (unknown[0], unknown[1])))
    ticks = [(place + 0.5, name[:_NAME]) for place, (name, _) in enumerate(pairs)]
    high = max((max(each) for _, each in pairs), default=0.0)
    x, y = Axis(0, len(pairs) or 1, "", ticks), share_axis("rows", high)
    chart = Chart(x, y, title, width=520, height=250)
    for place, (name, (was, is_now)) in enumerate(pairs):
        chart.bar(place + 0.12, place + 0.5, was, "negative", f"{name}, training: {was:.1%}")
        chart.bar(place + 0.5, place + 0.88, is_now, "positive", f"{name}, window: {is_now:.1%}")
    return chart.svg()


def _finite(values: Array) -> Array:
    """What has a place on an axis; a model of one's own may answer infinity."""
    found: Array = present(values).astype(float)
    finite: Array = found[np.isfinite(found)]
    return finite


def _edges(known: Array, seen: Array) -> Array:
    """Without the most extreme half per cent of either, which would squeeze the rest."""
    ends = np.concatenate([np.quantile(each, [0.005, 0.995]) for each in (known, seen) if len(each)])
    low, high = float(ends.min()), float(ends.max())
    return np.linspace(low, high if high > low else low + 1, _BINS + 1)


def _shares(values: Array, edges: Array) -> Array:
    counts: Array = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
    return counts / max(1, len(values))


def _height(shares: Sequence[Array]) -> Axis:
    return share_axis("rows", float(max(each.max() for each in shares)))


def _axis(feature: Feature, edges: Array) -> Axis:
    low, high = float(edges[0]), float(edges[-1])
    if feature.type != "datetime":
        # The ticks of a round axis may lie outside of the bars, which would leave them narrower.
        inside = [(value, text) for value, text in round_axis(low, high, "").ticks if low <= value <= high]
        return Axis(low, high, "", inside)
    places = np.linspace(low, high, 4).tolist()
    return Axis(low, high, "", [(place, _day(place)) for place in places])


def _day(days: float) -> str:
    """A day; beyond the years of the calendar the number of years since 1970."""
    try:
        return f"{datetime.fromtimestamp(days * 86_400, UTC):%-d %b %Y}"
    except (ValueError, OverflowError, OSError):
        return f"{days / 365.2425:+,.0f} years"
