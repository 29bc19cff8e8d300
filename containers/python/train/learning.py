"""A training set as an algorithm sees it."""

import polars as pl

from learners.learning import Labels, Model, Recent, Training
from learners.libraries import threads
from tabular.contract import DataError
from tabular.encoding import matrix
from tabular.schema import Schema
from tabular.validation import GROUP, divide, ordered
from train.settings import Job


def training(
    rows: pl.DataFrame,
    schema: Schema,
    job: Job,
    recent: pl.DataFrame | None = None,
    champion: Model | None = None,
) -> Training:
    """Encode the rows and divide them; DataError when they are too few.

    `recent` are those held out, and `champion` is the model to go on from.
    """
    if rows.height < 2:
        raise DataError("one training row is not enough: one must be left to compare with")
    rows = ordered(rows, schema, job.seed)
    learning, validation = divide(rows, schema, job.seed)
    if not len(learning):
        raise DataError(f"all training rows have the same {schema.group!r}: a ranking needs two groups")
    return Training(
        schema=schema,
        features=matrix(rows, schema),
        labels=_labels(rows, schema),
        groups=rows[GROUP].to_numpy() if schema.group is not None else None,
        learning=learning,
        validation=validation,
        seed=job.seed,
        threads=threads(),
        refit=job.refit,
        recent=None if recent is None else Recent(matrix(recent, schema), _labels(recent, schema)),
        champion=champion,
    )


def _labels(rows: pl.DataFrame, schema: Schema) -> Labels:
    return rows[schema.target].cast(pl.Float32).to_numpy()
