"""Which rows of a hold-out hang together, so that a bootstrap must draw them together."""

import polars as pl

from evaluate.metrics import Array
from tabular.schema import Schema


def units(table: pl.DataFrame, schema: Schema) -> Array | None:
    """The unit of each row: its query in a ranking, its block of moments in a forecast; else None.

    The errors of neighbouring moments are alike, so blocks of about the cube root of their number are drawn:
    Künsch, The jackknife and the bootstrap for general stationary observations (1989).
    """
    if schema.problem == "ranking" and schema.group is not None:
        return _codes(table[schema.group])
    if schema.problem == "forecast" and schema.time is not None:
        moments = _codes(table[schema.time])
        length = max(1, round((int(moments.max()) + 1) ** (1 / 3)))
        blocks: Array = moments // length
        return blocks
    return None


def scale(table: pl.DataFrame, schema: Schema) -> Array | None:
    """The mean step between neighbouring moments of each row's series: the error of the naive forecast.

    It stands in where a model that is not ours has no training rows to show: Hyndman & Koehler take those.
    """
    if schema.problem != "forecast" or schema.time is None:
        return None
    target = pl.col(schema.target).cast(pl.Float64)
    series = pl.struct(schema.series) if schema.series else pl.lit(0)
    step = target.sort_by(schema.time).diff().abs().mean().over(series)
    steps = table.select(step.alias("step"))["step"]
    usual = steps.filter(steps > 0).mean()
    # A series of one moment, or one that never moves, has no error of its own to compare with.
    filled = pl.when(steps > 0).then(steps).otherwise(pl.lit(usual if usual is not None else 1.0))
    return table.select(filled.alias("step"))["step"].to_numpy()


def _codes(values: pl.Series) -> Array:
    """Numbers from 0, in the order of the values."""
    return values.rank("dense").cast(pl.Int64).to_numpy() - 1
