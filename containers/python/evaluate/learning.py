"""What the report shows of the training itself: its curves, round by round."""

from collections.abc import Mapping

import numpy as np
from markupsafe import Markup

from evaluate.charts import Axis, Chart, round_axis
from evaluate.metrics import LOWER_IS_BETTER
from tabular.artifact import Origin

_MOST_CHARTS = 2
_POINTS = 250


def curves(origin: Origin, preferred: str, titles: Mapping[str, str]) -> list[tuple[str, Markup]]:
    """A title and a drawing for at most two metrics that were followed; none for a model without rounds."""
    followed = [name.removeprefix("validation-") for name in origin.curve if name.startswith("validation-")]
    long = [name for name in followed if len(set(origin.curve[f"validation-{name}"])) > 1]
    # The gate's metric first.
    chosen = sorted(long, key=lambda name: name != preferred)[:_MOST_CHARTS]
    return [(titles.get(name, name), _curve(origin, name, titles.get(name, name))) for name in chosen]


def _curve(origin: Origin, metric: str, title: str) -> Markup:
    sides = {side: origin.curve.get(f"{side}-{metric}", []) for side in ("train", "validation")}
    everything = np.array([value for values in sides.values() for value in values if np.isfinite(value)])
    # The first rounds are far off and would press the rest into a line.
    low, high = np.quantile(everything, [0.0, 0.97] if metric in LOWER_IS_BETTER else [0.03, 1.0])
    count = len(sides["validation"])
    marks = np.unique(np.linspace(1, count, 5).round().astype(int)).tolist()
    axis = round_axis(float(low), float(high), title)
    chart = Chart(Axis(1, count, "round", [(mark, f"{mark:,}") for mark in marks]), axis, f"{title} by round")
    best = min(origin.rounds, count)
    chart.line([(best, axis.low), (best, axis.high)], "chance")
    for side, css in (("train", "training"), ("validation", "challenger")):
        values = sides[side]
        kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), _POINTS)).round().astype(int))
        points = [(int(place) + 1, values[place]) for place in kept if axis.low <= values[place] <= axis.high]
        chart.line(points, css)
    chart.dots([(best, min(max(sides["validation"][best - 1], axis.low), axis.high))], "winner", 5)
    end = "end" if best > 0.7 * count else "start"
    nudge = -0.015 * count if end == "end" else 0.015 * count
    level = axis.low + 0.92 * (axis.high - axis.low)
    chart.note((best + nudge, level), f"round {best}", "", end)
    return chart.svg()
