"""The metrics that can judge a model: their problems, their better direction and their values."""

import math
from dataclasses import dataclass
from typing import Literal

Kind = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Metric:
    """A metric that evaluation writes for each problem in `problems`; its values lie in [lowest, highest]."""

    name: str
    problems: tuple[Kind, ...]
    higher_is_better: bool
    lowest: float
    highest: float


METRICS = {
    metric.name: metric
    for metric in (
        Metric("auc", ("binary",), True, 0, 1),
        Metric("average_precision", ("binary",), True, 0, 1),
        Metric("accuracy", ("binary", "multiclass"), True, 0, 1),
        Metric("f1", ("binary",), True, 0, 1),
        Metric("f1_macro", ("multiclass",), True, 0, 1),
        Metric("log_loss", ("binary", "multiclass"), False, 0, math.inf),
        Metric("brier", ("binary",), False, 0, 1),
        Metric("rmse", ("regression",), False, 0, math.inf),
        Metric("mae", ("regression",), False, 0, math.inf),
        Metric("r2", ("regression",), True, -math.inf, 1),
    )
}


def metrics_for(problem: Kind) -> list[str]:
    """The names of the metrics that fit a problem."""
    return [metric.name for metric in METRICS.values() if problem in metric.problems]
