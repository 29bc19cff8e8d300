"""The points of CloudWatch metrics by their time: a period is found without a look at all that there are.

An endpoint under load leaves thousands of points a minute, and each alarm looks at many periods each second.
"""

from bisect import bisect_left
from collections.abc import Hashable
from typing import Any

Point = dict[str, Any]
_known: dict[Hashable, tuple[int, Point]] = {}
"""How many of a metric's first points are known to be in order, and the last of these."""


def between(metric: Hashable, points: list[Point], start: float, end: float) -> list[Point]:
    """The points of a metric from `start` until before `end` (Unix seconds); puts all of them in order.

    Only from the event loop, on which ministack adds points and drops old ones.
    """
    count, last = _known.get(metric, (0, None))
    if count > len(points) or (count and points[count - 1] is not last):
        count = 0
    if any(_moment(points[n]) < _moment(points[n - 1]) for n in range(max(count, 1), len(points))):
        points.sort(key=_moment)
    if points:
        _known[metric] = len(points), points[-1]
    return points[bisect_left(points, start, key=_moment) : bisect_left(points, end, key=_moment)]


def _moment(point: Point) -> float:
    return float(point["Timestamp"])
