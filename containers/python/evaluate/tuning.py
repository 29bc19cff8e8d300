"""What the report shows of a tuning job's trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluate.charts import Axis, Chart, round_axis
from evaluate.metrics import LOWER_IS_BETTER, Array
from evaluate.trials import Trial, best_first

_MOST_AXES = 9
_MOST_TICKS = 8
# A range over so many orders is drawn by its logarithm.
_WIDE = 15
_WIDTH, _HEIGHT, _TOP, _BOTTOM, _SIDE = 1080, 330, 44, 30, 70
_TREES = 200


@dataclass(frozen=True)
class Dimension:
    """A hyperparameter that differs between the trials: its place from 0 to 1 in each, and its ends."""

    name: str
    places: Array
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True)
class Tuning:
    """The drawings; `importances` are shares that add up to 1."""

    metric: str
    trials: int
    best: Trial
    best_number: int
    settings: tuple[tuple[str, str], ...]
    history: Markup
    parallel: Markup | None
    importances: tuple[tuple[str, float], ...]


def tuning(trials: list[Trial], metric: str, title: str) -> Tuning:
    """Draw trials that all have the metric; `title` is its name for people."""
    values = np.array([trial.metrics[metric] for trial in trials])
    best = best_first(trials, metric)[0]
    dimensions = _dimensions(trials)
    varied = {dimension.name for dimension in dimensions}
    return Tuning(
        metric,
        len(trials),
        best,
        trials.index(best) + 1,
        tuple((name, _short(best.hyperparameters[name])) for name in sorted(varied)),
        _history(values, metric, title),
        _parallel(dimensions[:_MOST_AXES], values, metric, title) if dimensions else None,
        _importances(dimensions, values) if dimensions and len(trials) >= 8 else (),
    )


def _history(values: Array, metric: str, title: str) -> Markup:
    """Each trial's value, and the best so far; hopeless trials are drawn at the edge."""
    lower = metric in LOWER_IS_BETTER
    near = _near(values, lower)
    ends = float(near.min()), float(near.max())
    best = np.minimum.accumulate(values) if lower else np.maximum.accumulate(values)
    count = len(values)
    marks = sorted({1, count, *range(5, count - 1, max(5, round(count / 8 / 5) * 5))})
    x = Axis(0.5, count + 0.5, "trial", [(mark, str(mark)) for mark in marks])
    chart = Chart(x, round_axis(*ends, title), "Tuning history")
    steps = [(1.0, float(best[0]))]
    for place in range(1, count):
        steps += [(place + 1.0, float(best[place - 1])), (place + 1.0, float(best[place]))]
    chart.line([(place, min(max(value, ends[0]), ends[1])) for place, value in steps], "challenger")
    chart.dots(zip(range(1, count + 1), near.tolist(), strict=True), "trial", 3.5)
    place = int(values.argmin() if lower else values.argmax())
    chart.dots([(place + 1.0, float(values[place]))], "winner", 6)
    return chart.svg()


def _near(values: Array, lower: bool) -> Array:
    """Values no further from the best than six times the median is."""
    best = values.min() if lower else values.max()
    reach = 6 * float(np.median(np.abs(values - best))) or float(np.abs(values - best).max())
    near: Array = np.clip(values, best - reach, best + reach)
    return near


def _dimensions(trials: Sequence[Trial]) -> list[Dimension]:
    shared = [
        name for name in trials[0].hyperparameters if all(name in each.hyperparameters for each in trials)
    ]
    found = []
    for name in shared:
        texts = [trial.hyperparameters[name] for trial in trials]
        if len(set(texts)) > 1:
            found.append(_dimension(name, texts))
    return found


def _dimension(name: str, texts: list[str]) -> Dimension:
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        names = sorted(set(texts))
        places = np.array([names.index(text) for text in texts]) / (len(names) - 1)
        step = max(1, -(-len(names) // _MOST_TICKS))
        shown = [(place / (len(names) - 1), text) for place, text in enumerate(names)][::step]
        return Dimension(name, places, tuple(shown))
    low, high = float(numbers.min()), float(numbers.max())
    if low > 0 and high / low > _WIDE:
        numbers, span = np.log(numbers), (math.log(low), math.log(high))
        middle = math.exp(sum(span) / 2)
    else:
        span, middle = (low, high), (low + high) / 2
    places = (numbers - span[0]) / (span[1] - span[0])
    ticks = ((0.0, f"{low:,.3g}"), (0.5, f"{middle:,.3g}"), (1.0, f"{high:,.3g}"))
    return Dimension(name, places, ticks)


def _parallel(dimensions: list[Dimension], values: Array, metric: str, title: str) -> Markup:
    """A line per trial through its hyperparameters to its value at the right; the better, the stronger."""
    near = _near(values, metric in LOWER_IS_BETTER)
    low, high = float(near.min()), float(near.max())
    height = (near - low) / ((high - low) or 1)
    ends = Dimension(title, height, ((0.0, f"{low:.4g}"), (1.0, f"{high:.4g}")))
    axes = [*dimensions, ends]
    across = np.linspace(_SIDE, _WIDTH - _SIDE, len(axes))
    quality = 1 - height if metric in LOWER_IS_BETTER else height
    order = np.argsort(quality, kind="stable")
    parts = [
        Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="Parallel coordinates">').format(
            _WIDTH, _HEIGHT
        )
    ]
    rank = np.empty(len(order))
    rank[order] = np.arange(len(order)) / max(1, len(order) - 1)
    for trial in order.tolist():
        points = " ".join(
            f"{x:.1f},{_up(float(axis.places[trial])):.1f}" for x, axis in zip(across, axes, strict=True)
        )
        css = "winner" if trial == order[-1] else ""
        parts.append(
            Markup('<polyline class="trialline {}" opacity="{:.2f}" points="{}"/>').format(
                css, 1.0 if css else 0.08 + 0.72 * float(rank[trial]) ** 2, points
            )
        )
    for x, axis in zip(across.tolist(), axes, strict=True):
        parts.append(_axis(x, axis))
    return Markup("").join(parts) + Markup("</svg>")


def _up(place: float) -> float:
    return _HEIGHT - _BOTTOM - place * (_HEIGHT - _TOP - _BOTTOM)


def _axis(x: float, axis: Dimension) -> Markup:
    parts = [
        Markup('<line class="axis" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>').format(
            x, _up(0), _up(1)
        ),
        Markup('<text class="label" x="{:.1f}" y="16" text-anchor="middle">{}</text>').format(x, axis.name),
    ]
    for place, text in axis.ticks:
        parts.append(
            Markup('<text class="halo" x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>').format(
                x, _up(place) + (-7 if place == 1 else 16 if place == 0 else 4), text
            )
        )
    return Markup("").join(parts)


def _importances(dimensions: list[Dimension], values: Array) -> tuple[tuple[str, float], ...]:
    """What each hyperparameter explains of the differences: mean |SHAP| of a forest over the trials' ranks.

    After Hutter, Hoos & Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance (2014),
    who take a forest apart by variance. Ranks, for one hopeless trial would else explain everything.
    """
    from learners.libraries import without

    with without("sklearn", "pandas"):
        import xgboost

    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(float)
    data = xgboost.DMatrix(np.stack([dimension.places for dimension in dimensions], axis=1), ranks)
    forest = xgboost.train(
        {
            "num_parallel_tree": _TREES, "subsample": 0.7, "colsample_bynode": 0.7, "eta": 1.0,
            "reg_lambda": 0.0, "min_child_weight": 2, "seed": 0, "nthread": 1,
        },
        data,
        1,
    )  # fmt: skip
    moved = np.abs(forest.predict(data, pred_contribs=True)[:, :-1]).mean(axis=0)
    shares = (moved / (moved.sum() or 1)).tolist()
    named = zip((dimension.name for dimension in dimensions), shares, strict=True)
    return tuple(sorted(named, key=lambda each: -each[1]))


def _short(text: str) -> str:
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text
