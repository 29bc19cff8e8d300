"""The curves of two classifiers, from what their reports carry for their own threshold slider."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from cli.pages.charts import Chart, Point, share_axis

# How many positives (hits) and negatives (alarms) score at or above 0, 0.01, ..., 1.
_ROWS = re.compile(r"const rows = (\{.*?\});")


@dataclass(frozen=True)
class Curves:
    """Points of the ROC curve, and of precision over recall."""

    roc: Sequence[Point]
    precision: Sequence[Point]


def read(report: str) -> Curves | None:
    """The curves of a report; None where it has none, as when there are not two classes."""
    found = _ROWS.search(report)
    if found is None:
        return None
    try:
        rows = json.loads(found[1])
        counts = list(zip(rows["hits"], rows["alarms"], strict=True))
        positives, negatives = rows["positives"] or 1, rows["negatives"] or 1
    except (ValueError, KeyError, TypeError):
        return None
    return Curves(
        [(alarms / negatives, hits / positives) for hits, alarms in [*counts, (0, 0)]],
        [(hits / positives, hits / (hits + alarms)) for hits, alarms in counts if hits],
    )


def overlaid(first: Curves, second: Curves) -> list[tuple[str, Markup]]:
    """Both curves of both, each with its title."""
    roc = Chart(share_axis("false positives"), share_axis("true positives"), "ROC curves")
    roc.line([(0, 0), (1, 1)], "chance")
    precision = Chart(share_axis("recall"), share_axis("precision"), "Precision and recall")
    for curves, css in ((first, "one"), (second, "two")):
        roc.line(curves.roc, css)
        precision.line(curves.precision, css)
    return [("ROC", roc.svg()), ("Precision and recall", precision.svg())]
