"""What the report shows of the champion comparison: how the lead changes with the rows it is measured on."""

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from evaluate.charts import Axis, Chart, round_axis
from evaluate.compare import Comparison
from evaluate.gate import Gate

_BINS = 44


@dataclass(frozen=True)
class Lead:
    """The drawing, and the share of all resamples in which the challenger leads by the margin or more."""

    chart: Markup
    share: float


def lead(found: Comparison, gate: Gate, low: float | None) -> Lead | None:
    """None without a champion, or where both predict the same."""
    if not gate.beats_champion or found.champion_replicates is None:
        return None
    sign = 1 if gate.higher else -1
    values = sign * (found.replicates - found.champion_replicates)
    values = values[np.isfinite(values)]
    if not len(values) or values.min() == values.max():
        return None
    reach = np.quantile(values, [0.002, 0.998])
    x = round_axis(
        min(float(reach[0]), gate.margin), max(float(reach[1]), gate.margin), "lead over the champion"
    )
    # An edge at the margin, so that every bar is on one side of it.
    width = (x.high - x.low) / _BINS
    start = gate.margin - np.ceil((gate.margin - x.low) / width) * width
    edges = start + width * np.arange(_BINS + 2)
    counts = np.histogram(values, edges)[0] / len(values)
    top = float(counts.max()) * 1.18
    chart = Chart(x, Axis(0, top, "", ()), "Lead over the champion", 1080, 230)
    for left, height in zip(edges, counts.tolist(), strict=False):
        right = min(float(left) + width, x.high)
        if height and right > x.low:
            side = "ahead" if left + width / 2 >= gate.margin else "behind"
            title = f"{left:.4f} to {right:.4f}: {height:.1%} of the resamples"
            chart.bar(max(float(left), x.low), right, height, side, title)
    chart.line([(gate.margin, 0), (gate.margin, top)], "zero")
    if low is not None and gate.confidence is not None and x.low <= low <= x.high:
        chart.line([(low, 0), (low, top * 0.93)], "lowend")
        words = f"{gate.confidence:.0%} sure of at least {low:.4f}"
        right = low > (x.low + x.high) / 2
        nudge = (x.high - x.low) * (-0.012 if right else 0.012)
        chart.note((low + nudge, top * 0.95), words, "strong small", "end" if right else "start")
    return Lead(chart.svg(), float((values >= gate.margin).mean()))
