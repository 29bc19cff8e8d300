"""How good the answers were, of those calls whose truth is known by now."""

from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
import polars as pl

from evaluate import custom
from evaluate.compare import compare
from evaluate.custom import Function
from evaluate.metrics import NAMES, Rows
from tabular.contract import DataError
from tabular.schema import Schema
from watch import comparable, distances
from watch.labels import KEY, Labels
from watch.window import Rules

# The latest rows that a metric is computed on.
_MOST = 200_000


@dataclass(frozen=True)
class Quality:
    """A metric of the model in service on labelled calls; None where it cannot be told.

    `low` and `high` are the ends of the interval by the bootstrap's standard error; `below` is whether even
    the better end is on the wrong side of the bound. Of `predicted` rows `labelled` have their truth:
    `coverage`. `unmatched` labels belong to no call. `late_days_p50` is how long half of the labels took.
    `bias_p` is how likely the scores of labelled and unlabelled rows differ as much by chance: the labels may
    be no random sample.
    """

    metric: str
    value: float | None
    low: float | None
    high: float | None
    bound: float
    below: bool
    labelled: int
    predicted: int
    coverage: float
    conflicts: int
    unmatched: int
    late_days_p50: float | None
    bias_p: float | None
    rejected: tuple[str, ...]

    @property
    def short(self) -> str:
        """Without the module that a user's own function lives in."""
        return self.metric.rpartition(":")[2]


def joined(now: pl.DataFrame, earlier: Path) -> pl.DataFrame:
    """The predictions of this window and of those before; of one that comes twice the latest."""
    tables = [pl.read_parquet(path) for path in sorted(earlier.rglob("predictions.parquet"))]
    fitting = [table.select(now.columns) for table in tables if set(now.columns) <= set(table.columns)]
    same = [table for table in fitting if table.schema == now.schema]
    everything = pl.concat([*same, now]).sort("time", maintain_order=True)
    return everything.unique(KEY, keep="last", maintain_order=True)


@dataclass(frozen=True)
class Known:
    """All rows that the model in service answered with a score, and those with their truth, as `truth`."""

    answered: pl.DataFrame
    labelled: pl.DataFrame
    labels: Labels
    unmatched: int


def known(predictions: pl.DataFrame, labels: Labels, version: str) -> Known:
    """Join labels; only what this version answered counts: it is not to blame for the one before."""
    unmatched = labels.table.join(predictions, on=KEY, how="anti").height
    own = predictions.filter((pl.col("version") == version) & pl.col("score").is_not_null())
    own = own.filter(_finite(own["score"])) if own.height else own
    return Known(own, own.join(labels.table, on=KEY, how="inner", maintain_order="left"), labels, unmatched)


def measure(found: Known, schema: Schema, rules: Rules, code: Path) -> Quality | None:
    """None where the declaration watches no metric; DataError for one that cannot be told of this model."""
    if rules.metric is None or rules.bound is None:
        return None
    functions = custom.load(code, [rules.metric]) if ":" in rules.metric else {}
    name = rules.metric.rpartition(":")[2]
    _require(name, schema, functions)
    own, known, labels = found.answered, found.labelled, found.labels
    value, width = _told(known.tail(_MOST), schema, name, functions, rules.level)
    low, high = (None, None) if value is None else (value - width, value + width)
    worse = False
    if low is not None and high is not None:
        worse = high < rules.bound if rules.higher else low > rules.bound
    return Quality(
        metric=rules.metric,
        value=value,
        low=low,
        high=high,
        bound=rules.bound,
        below=worse and known.height >= rules.labelled_rows,
        labelled=known.height,
        predicted=own.height,
        coverage=known.height / own.height if own.height else 0.0,
        conflicts=labels.conflicts,
        unmatched=found.unmatched,
        late_days_p50=_late(known),
        bias_p=_bias(own.join(labels.table, on=KEY, how="anti"), known),
        rejected=labels.rejected,
    )


def _told(
    known: pl.DataFrame, schema: Schema, name: str, functions: dict[str, Function], level: float
) -> tuple[float | None, float]:
    """The metric, and how far its interval reaches to either side; None where it cannot be told."""
    if not known.height:
        return None, 0.0
    found = compare(_rows(known, schema), None, [name], functions)[name]
    replicates = found.replicates[np.isfinite(found.replicates)]
    if not np.isfinite(found.value) or not len(replicates):
        return None, 0.0
    return float(found.value), NormalDist().inv_cdf(level) * float(np.std(replicates))


def _require(name: str, schema: Schema, functions: dict[str, Function]) -> None:
    if name not in functions and name not in NAMES[schema.problem]:
        ours = ", ".join(NAMES[schema.problem])
        raise DataError(f"a {schema.problem} model has no metric {name!r} to watch; it has {ours}")
    if name == "mase":
        raise DataError(
            "mase compares with the steps of the training series, which calls do not carry: "
            "let OnQuality watch wape, rmse or mae"
        )


def _rows(known: pl.DataFrame, schema: Schema) -> Rows:
    """Truth and prediction; the rows of one call are one query of a ranking."""
    units = None
    if schema.problem == "ranking":
        units = known["inference_id"].rank("dense").cast(pl.Int64).to_numpy() - 1
    return Rows(schema.problem, known["truth"].to_numpy(), comparable.matrix(known["score"]), units)


def _finite(scores: pl.Series) -> pl.Series:
    return scores.list.sum().is_finite() if isinstance(scores.dtype, pl.List) else scores.is_finite()


def _late(known: pl.DataFrame) -> float | None:
    days = known.select((pl.col("known_at") - pl.col("time")).dt.total_seconds() / 86_400).to_series()
    median = days.drop_nulls().median()
    return float(median) if isinstance(median, int | float) else None


def _bias(unlabelled: pl.DataFrame, labelled: pl.DataFrame) -> float | None:
    sides = [_leading(each["score"]) for each in (labelled, unlabelled)]
    found = distances.numbers(*sides)
    return found.p if found else None


def _leading(scores: pl.Series) -> distances.Array:
    """The score, or that of the most probable class."""
    return comparable.numbers(scores.list.max() if isinstance(scores.dtype, pl.List) else scores)
