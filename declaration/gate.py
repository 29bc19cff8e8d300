"""What a new model must reach before it is registered."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from declaration.bounds import bound_problems
from declaration.code import Function, reference
from declaration.data import Column
from declaration.errors import Problem
from declaration.explain import shown
from declaration.metrics import KINDS, METRICS, Metric
from declaration.value import declared

MetricName = Literal[
    "auc",
    "average_precision",
    "accuracy",
    "f1",
    "f1_macro",
    "log_loss",
    "brier",
    "rmse",
    "mae",
    "r2",
    "ndcg",
    "map",
    "mase",
    "wape",
]
CustomMetric = Annotated[Callable[..., Any], Function("truth", "predicted")]
Measure = Literal["demographic_parity", "equal_opportunity", "equalized_odds"]
# An evaluation takes each slice as two of at most 100 arguments:
# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_AppSpecification.html
_MAX_SLICES = 10


@declared
class Fair:
    """The largest difference between the groups of a column that a model may show.

    `demographic_parity` compares how often each group is predicted positive, `equal_opportunity` how often
    its positives are found, `equalized_odds` the false alarms as well (Hardt, Price & Srebro, 2016).
    """

    column: Annotated[Column, Field(examples=["'sex'"])]
    measure: Annotated[Measure, Field(examples=["'demographic_parity'"])]
    _: KW_ONLY
    at_most: Annotated[float, Field(ge=0, le=1)] = 0.1

    @property
    def expression(self) -> str:
        """The bound as the evaluation reads it: `demographic_parity:sex<=0.1`."""
        return f"{self.measure}:{self.column}<={self.at_most}"


@declared
class Gate:
    """A threshold on the hold-out, and by default the reigning model to beat by at least `margin`.

    Metrics where higher is better (auc, r2) take `at_least`, the others (rmse, log_loss) `at_most`; a
    function `def profit(truth, predicted)` is a metric too and takes either. With `confidence` the new model
    must beat the reigning one in that share of bootstrap samples, so that noise promotes nothing. On no value
    of a column in `slices` may it be worse than the reigning one by more than `slice_tolerance`.
    """

    metric: Annotated[MetricName | CustomMetric, Field(examples=["'auc'"])]
    _: KW_ONLY
    at_least: Annotated[float | None, Field(examples=["0.7"])] = None
    at_most: Annotated[float | None, Field(examples=["0.5"])] = None
    beats_champion: bool = True
    margin: Annotated[float, Field(ge=0)] = 0.0
    confidence: Annotated[Annotated[float, Field(ge=0.5, le=0.999)] | None, Field(examples=["0.9"])] = 0.8
    slices: Annotated[Sequence[Column], AfterValidator(tuple), Field(examples=["['carrier']"])] = ()
    slice_tolerance: Annotated[float, Field(ge=0)] = 0.02
    fair: Annotated[
        Sequence[Fair], AfterValidator(tuple), Field(examples=["[Fair('sex', 'demographic_parity')]"])
    ] = ()

    @property
    def name(self) -> str:
        """The metric's name: `auc`, or that of the user's function."""
        return self.metric if isinstance(self.metric, str) else self.metric.__name__

    @property
    def function(self) -> Callable[..., Any] | None:
        """The user's function, where the metric is one."""
        return None if isinstance(self.metric, str) else self.metric

    @property
    def judged_by(self) -> Metric:
        """What is known of the metric; for a function no more than the direction of its bound."""
        if isinstance(self.metric, str):
            return METRICS[self.metric]
        return Metric(self.name, KINDS, self.at_least is not None, -math.inf, math.inf)

    @property
    def threshold(self) -> float:
        """The bound: a lower one where higher is better, else an upper one."""
        bound = self.at_least if self.judged_by.higher_is_better else self.at_most
        if bound is None:
            raise ValueError(f"the gate on {self.name} has no threshold")
        return bound

    @property
    def expression(self) -> str:
        """The bound as the evaluation reads it: `auc>=0.7`, or `features:profit>=100.0`."""
        metric = self.metric if isinstance(self.metric, str) else reference(self.metric)
        return f"{metric}{'>=' if self.judged_by.higher_is_better else '<='}{self.threshold}"

    def problems(self) -> Iterator[Problem]:
        """A bound on the wrong side, none, or one that the metric never takes; slices that stand twice."""
        yield from bound_problems("Gate, ", "Gate", self.metric, self.at_least, self.at_most)
        if len(self.slices) > _MAX_SLICES:
            rule = f"an evaluation takes at most {_MAX_SLICES} columns"
            yield Problem("Gate, slices", f"{len(self.slices)} columns", rule, "keep those that matter most")
        if len(set(self.slices)) < len(self.slices):
            yield Problem("Gate, slices", shown(self.slices), "each column may stand once", "remove one")
        if len({(each.column, each.measure) for each in self.fair}) < len(self.fair):
            rule = "each column and measure may stand once"
            yield Problem("Gate, fair", shown(self.fair), rule, "remove the repeated one")
