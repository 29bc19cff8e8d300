"""What a new model must reach before it is registered."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Annotated, Literal

from pydantic import Field

from declaration.errors import Problem
from declaration.metrics import METRICS, Metric
from declaration.value import declared

MetricName = Literal[
    "auc", "average_precision", "accuracy", "f1", "f1_macro", "log_loss", "brier", "rmse", "mae", "r2"
]


@declared
class Gate:
    """A threshold on the hold-out, and by default the reigning model to beat by at least `margin`.

    Metrics where higher is better (auc, r2) take `at_least`, the others (rmse, log_loss) `at_most`.
    """

    metric: Annotated[MetricName, Field(examples=["'auc'"])]
    _: KW_ONLY
    at_least: Annotated[float | None, Field(examples=["0.7"])] = None
    at_most: Annotated[float | None, Field(examples=["0.5"])] = None
    beats_champion: bool = True
    margin: Annotated[float, Field(ge=0)] = 0.0

    @property
    def judged_by(self) -> Metric:
        """What is known of the metric."""
        return METRICS[self.metric]

    @property
    def threshold(self) -> float:
        """The bound: a lower one where higher is better, else an upper one."""
        bound = self.at_least if self.judged_by.higher_is_better else self.at_most
        if bound is None:
            raise ValueError(f"the gate on {self.metric} has no threshold")
        return bound

    def problems(self) -> Iterator[Problem]:
        """A bound on the wrong side, none, or one that the metric never takes."""
        metric = self.judged_by
        right, wrong = ("at_least", "at_most") if metric.higher_is_better else ("at_most", "at_least")
        way = "higher" if metric.higher_is_better else "lower"
        bound, misplaced = getattr(self, right), getattr(self, wrong)
        if misplaced is not None:
            rule = f"{metric.name} is better when {way}, so its gate takes {right} alone"
            yield Problem(f"Gate, {wrong}", f"{misplaced}", rule, f"write {right}={misplaced}")
        elif bound is None:
            rule = f"a gate on {metric.name} needs {right}, a number {_range(metric)}"
            yield Problem(
                f"Gate, {right}", "nothing", rule, f'write for example Gate("{metric.name}", {right}=0.7)'
            )
        elif not metric.lowest <= bound <= metric.highest:
            percent = 1 < bound <= 100 and (metric.lowest, metric.highest) == (0, 1)
            fix = f"did you mean {bound / 100:g}" if percent else f"choose a number {_range(metric)}"
            yield Problem(f"Gate, {right}", f"{bound}", f"{metric.name} is a number {_range(metric)}", fix)


def _range(metric: Metric) -> str:
    if metric.highest == float("inf"):
        return f"from {metric.lowest} up"
    if metric.lowest == float("-inf"):
        return f"of at most {metric.highest}"
    return f"from {metric.lowest} to {metric.highest}"
