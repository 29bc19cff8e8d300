"""The metrics that can judge a model: their problems, their better direction and their values."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal["binary", "multiclass", "regression", "ranking", "forecast"]
KINDS: tuple[Kind, ...] = get_args(Kind)


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
        # Scaled by the error of the naive forecast: 1 is as good as repeating what was (Hyndman & Koehler,
        # "Another look at measures of forecast accuracy", 2006).
        Metric("mase", ("forecast",), False, 0, math.inf),
        Metric("wape", ("forecast",), False, 0, math.inf),
        Metric("rmse", ("regression", "forecast"), False, 0, math.inf),
        Metric("mae", ("regression", "forecast"), False, 0, math.inf),
        Metric("r2", ("regression",), True, -math.inf, 1),
        Metric("ndcg", ("ranking",), True, 0, 1),
        Metric("map", ("ranking",), True, 0, 1),
    )
}


def metrics_for(problem: Kind) -> list[str]:
    """The names of the metrics that fit a problem."""
    return [metric.name for metric in METRICS.values() if problem in metric.problems]
