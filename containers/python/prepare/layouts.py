"""The same rows as other containers read them.

csv: with a header, the target first (a class by its place), texts as they are, nothing for a missing value.
label-first: the same without a header and all in numbers, as SageMaker's first-party algorithms want it:
https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from pathlib import Path

import polars as pl

from prepare.arguments import Layout
from tabular.encoding import matrix
from tabular.schema import Schema
from tabular.validation import divide, ordered

_SEED = 0
_DATETIME = "%Y-%m-%dT%H:%M:%S%.fZ"


def write(output: Path, layout: Layout, schema: Schema) -> None:
    """Turn train.parquet into train.csv and validation.csv; write the hold-out's features for a transform."""
    parquet = output / "train" / "train.parquet"
    rows = ordered(pl.read_parquet(parquet), schema, _SEED)
    parquet.unlink()
    learning, validation = divide(rows, schema, _SEED)
    for side, positions in (("train", learning), ("validation", validation)):
        table = rows[positions]
        columns = [table[schema.target], *_features(table, layout, schema)]
        _write(columns, output / side / f"{side}.csv", header=layout == "csv")
    holdout = pl.read_parquet(output / "holdout" / "holdout.parquet")
    _write(
        _features(holdout, layout, schema).get_columns(), output / "features" / "features.csv", header=False
    )


def _features(rows: pl.DataFrame, layout: Layout, schema: Schema) -> pl.DataFrame:
    if layout == "csv":
        return rows.select(schema.names)
    return pl.DataFrame(matrix(rows, schema), schema=list(schema.names), orient="row").fill_nan(None)


def _write(columns: list[pl.Series], path: Path, *, header: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_csv(path, include_header=header, datetime_format=_DATETIME)
