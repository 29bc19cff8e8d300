"""Bounds of metrics: on which side they stand, and which values they take."""

from collections.abc import Callable, Iterator
from typing import Any

from declaration.errors import Problem
from declaration.explain import shown
from declaration.metrics import METRICS, Metric


def bound_problems(
    where: str,
    owner: str,
    metric: str | Callable[..., Any],
    at_least: float | None,
    at_most: float | None,
) -> Iterator[Problem]:
    """A bound on the wrong side, none, or one that the metric never takes; `owner` is the type it is of."""
    if isinstance(metric, str):
        yield from side_problems(where, owner, METRICS[metric], at_least, at_most)
        return
    name = metric.__name__
    if (at_least is None) == (at_most is None):
        rule = f"a bound of {name} is either at_least or at_most, which says what is better"
        fix = f"write for example {owner}({name}, at_least=100)"
        given = "nothing" if at_least is None else f"at_least={at_least}, at_most={at_most}"
        yield Problem(f"{where}at_least", given, rule, fix)
    if name in METRICS:
        fix = f"rename it or write {owner}({name!r}, ...)"
        yield Problem(f"{where}metric", shown(metric), f"{name} is a metric already", fix)


def side_problems(
    where: str, owner: str, metric: Metric, at_least: float | None, at_most: float | None
) -> Iterator[Problem]:
    """The same for a metric whose better direction is known."""
    bounds = {"at_least": at_least, "at_most": at_most}
    right, wrong = ("at_least", "at_most") if metric.higher_is_better else ("at_most", "at_least")
    way = "higher" if metric.higher_is_better else "lower"
    bound, misplaced = bounds[right], bounds[wrong]
    if misplaced is not None:
        rule = f"{metric.name} is better when {way}, so it takes {right} alone"
        yield Problem(f"{where}{wrong}", f"{misplaced}", rule, f"write {right}={misplaced}")
    elif bound is None:
        rule = f"a bound of {metric.name} is {right}, a number {_range(metric)}"
        fix = f'write for example {owner}("{metric.name}", {right}=0.7)'
        yield Problem(f"{where}{right}", "nothing", rule, fix)
    elif not metric.lowest <= bound <= metric.highest:
        percent = 1 < bound <= 100 and (metric.lowest, metric.highest) == (0, 1)
        fix = f"did you mean {bound / 100:g}" if percent else f"choose a number {_range(metric)}"
        yield Problem(f"{where}{right}", f"{bound}", f"{metric.name} is a number {_range(metric)}", fix)


def _range(metric: Metric) -> str:
    if metric.highest == float("inf"):
        return f"from {metric.lowest} up" if metric.lowest > float("-inf") else "of any size"
    if metric.lowest == float("-inf"):
        return f"of at most {metric.highest}"
    return f"from {metric.lowest} to {metric.highest}"
