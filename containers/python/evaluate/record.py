"""What the model predicted for the hold-out, kept for a comparison with what it predicts in use.

predictions.parquet is registered with the model. It has `truth` (the place of a class, or the value), `score`
(the chance of the positive class, of each class as a list, or the value) and, of rows with a time, the block.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DriftCheckModelQuality.html
"""

from pathlib import Path

import numpy as np
import polars as pl

from evaluate.contest import Contest
from evaluate.metrics import Array
from tabular.blocks import BLOCK, blocks

FILE = "predictions.parquet"
_MOST_ROWS = 20_000


def write(directory: Path, contest: Contest) -> None:
    """Write the file, with a sample of the rows where there are many; the same rows every time."""
    rows = contest.holdout.height
    chosen = np.arange(rows)
    if rows > _MOST_ROWS:
        chosen = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_ROWS])
    columns = [
        _scores(contest.challenger.predicted[chosen]),
        pl.Series("truth", contest.truth[chosen].astype(float)),
    ]
    time = contest.schema.time
    number = blocks(contest.holdout[time].gather(chosen)) if time is not None else None
    if number is not None:
        columns.append(number.alias(BLOCK))
    pl.DataFrame(columns).write_parquet(directory / FILE)


def _scores(predicted: Array) -> pl.Series:
    if predicted.ndim == 1:
        return pl.Series("score", predicted.astype(float))
    return pl.Series("score", predicted.astype(float).tolist(), dtype=pl.List(pl.Float64))
