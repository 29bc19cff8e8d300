"""What evaluation needs of a forecast: each model as it was before the hold-out began, and a drawing.

A model in use goes on from the latest values, the held-out ones among them. Here each forecasts the whole
hold-out from what it knew before the first held-out moment: the challenger all that is older, the champion
what it was given when it learnt, as that is what would go on being served if it stayed.
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

import numpy as np
import polars as pl
from markupsafe import Markup

from evaluate.charts import Axis, Chart, round_axis
from evaluate.metrics import Array
from tabular.artifact import Artifact
from tabular.encoding import Matrix, matrix

if TYPE_CHECKING:
    from evaluate.contest import Contest
    from learners.forecast import Model


def unknowing(model: Artifact, holdout: pl.DataFrame) -> Artifact:
    """The model without any value of the hold-out's first moment or later; other models as they are.

    DataError where nothing is left of what it knew.
    """
    if model.origin.algorithm != "forecast" or model.schema.time is None:
        return model
    first = holdout.select(pl.col(model.schema.time).min())
    moment = matrix(holdout.filter(pl.col(model.schema.time) == first.item()).head(1), model.schema)
    place = model.schema.names.index(model.schema.time)
    return replace(model, model=cast("Model", model.model).before(float(moment[0, place])))


def scale(model: Artifact | None, encoded: Matrix) -> Array | None:
    """The naive error in the training rows of each row's series; None for a model that does not know it."""
    if model is None or model.origin.algorithm != "forecast":
        return None
    return cast("Model", model.model).scale(encoded)


def largest(contest: "Contest") -> tuple[str, Markup] | None:
    """Name and drawing of the series with the largest values, and of what came before."""
    schema, table = contest.schema, contest.holdout
    if schema.time is None:
        return None
    known = pl.DataFrame(
        {"at": table[schema.time], "actual": contest.truth, "challenger": contest.challenger.predicted}
        | ({"champion": contest.champion.predicted} if contest.champion else {})
    )
    keys = table.select(pl.concat_str(schema.series or [pl.lit("")], separator=", ").alias("key"))["key"]
    sizes = known.with_columns(keys).group_by("key").agg(size=pl.col("actual").abs().sum())
    name = sizes.sort("size", "key", descending=[True, False])["key"][0]
    chosen = (keys == name).to_numpy()
    lines = known.filter(pl.Series(chosen)).sort("at")
    past = _past(contest, chosen, lines.height)
    return name or "the series", _drawn(lines, past)


def _past(contest: "Contest", chosen: Array, count: int) -> Array:
    """The last values that the challenger learnt from, about as many as are forecast."""
    model = contest.challenger.model
    if model is None or model.origin.algorithm != "forecast":
        return np.empty(0)
    values = cast("Model", model.model).past(contest.encoded[chosen][:1])
    return values[len(values) - min(len(values), count) :]


def _drawn(lines: pl.DataFrame, past: Array) -> Markup:
    start, count = len(past), lines.height
    figures = np.concatenate([past, *(lines[name].to_numpy() for name in lines.columns[1:])])
    places = np.unique(np.linspace(0, count - 1, min(count, 6)).round().astype(int)).tolist()
    ticks = [(start + place, _date(lines["at"][place])) for place in places]
    x = Axis(0, max(start + count - 1, 1), "the hold-out, after the last values before it", ticks)
    y = round_axis(float(np.nanmin(figures)), float(np.nanmax(figures)), "value")
    chart = Chart(x, y, "Actual and forecast", width=1080, height=300)
    actual = [*past.tolist(), *lines["actual"].to_list()]
    chart.line([(start - 0.5, y.low), (start - 0.5, y.high)], "chance")
    for name in reversed(lines.columns[2:]):
        chart.line([(start + place, value) for place, value in enumerate(lines[name].to_list())], name)
    chart.line([(place, value) for place, value in enumerate(actual) if value == value], "observed")
    chart.dots([(place, value) for place, value in enumerate(actual) if value == value], "observed", 2.5)
    return chart.svg()


def _date(moment: object) -> str:
    return f"{moment:%-d %b %Y}" if isinstance(moment, datetime) else f"{moment}"
