"""Challenger and champion predict the same hold-out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from evaluate.metrics import Array, metrics
from tabular import artifact
from tabular.artifact import Artifact, ArtifactError
from tabular.contract import DataError
from tabular.encoding import matrix
from tabular.schema import Schema

_ARCHIVE = "model.tar.gz"


@dataclass(frozen=True)
class Contestant:
    """A model, what it predicts for the hold-out, and how good that is."""

    model: Artifact
    predicted: Array
    metrics: dict[str, float]


@dataclass(frozen=True)
class Contest:
    """`absent` says why no champion took part."""

    holdout: pl.DataFrame
    truth: Array
    challenger: Contestant
    champion: Contestant | None
    absent: str | None


def hold(model: Path, champion: Path, holdout: Path, scratch: Path) -> Contest:
    """Let both predict; DataError when the challenger cannot, `absent` says why the champion cannot."""
    files = sorted(holdout.glob("*.parquet"))
    if not files:
        raise DataError("the input 'holdout' holds no Parquet file")
    rows = pl.read_parquet(files)
    try:
        challenger = _load(model, scratch / "challenger")
    except ArtifactError as error:
        raise DataError(f"the challenger cannot be loaded: {error}") from error
    truth = rows[challenger.schema.target].to_numpy()
    reigning, absent = _champion(champion, scratch / "champion", challenger.schema, rows)
    return Contest(
        rows,
        truth,
        _predict(challenger, rows, truth),
        _predict(reigning, rows, truth) if reigning else None,
        absent,
    )


def _load(directory: Path, into: Path) -> Artifact:
    archive = directory / _ARCHIVE
    if not archive.is_file():
        raise ArtifactError(f"there is no {_ARCHIVE}")
    into.mkdir()
    artifact.extract(archive, into)
    return artifact.load(into)


def _champion(
    directory: Path, into: Path, schema: Schema, rows: pl.DataFrame
) -> tuple[Artifact, None] | tuple[None, str]:
    if not (directory / _ARCHIVE).is_file():
        return None, "there is no champion yet"
    try:
        champion = _load(directory, into)
    except ArtifactError as error:
        return None, f"the champion cannot be compared: {error}"
    theirs = champion.schema
    lost = [name for name in theirs.names if name not in rows.columns]
    if lost:
        return None, f"the champion cannot be compared: the data no longer has its column {lost[0]!r}"
    if (theirs.target, theirs.problem, theirs.classes) != (schema.target, schema.problem, schema.classes):
        return None, "the champion cannot be compared: it predicts another target or other classes"
    return champion, None


def _predict(model: Artifact, rows: pl.DataFrame, truth: Array) -> Contestant:
    try:
        encoded = matrix(rows, model.schema)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"a column of the hold-out no longer has the type that the model knows: {error}"
        ) from error
    predicted = np.asarray(model.booster.inplace_predict(encoded))
    return Contestant(model, predicted, metrics(model.schema.problem, truth, predicted))
