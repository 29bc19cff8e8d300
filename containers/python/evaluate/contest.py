"""Challenger and champion predict the same hold-out."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from evaluate import forecasts, predictions
from evaluate.metrics import Array, Rows
from evaluate.units import scale, units
from tabular import artifact
from tabular.artifact import Artifact, ArtifactError
from tabular.contract import DataError
from tabular.encoding import Matrix, matrix
from tabular.schema import Schema

_ARCHIVE = "model.tar.gz"


@dataclass(frozen=True)
class Contestant:
    """What a model predicts for the hold-out; `model` is None where a batch transform predicted."""

    rows: Rows
    model: Artifact | None

    @property
    def predicted(self) -> Array:
        """One prediction per row of the hold-out."""
        return self.rows.predicted


@dataclass(frozen=True)
class Contest:
    """`absent` says why no champion took part."""

    holdout: pl.DataFrame
    schema: Schema
    truth: Array
    challenger: Contestant
    champion: Contestant | None
    absent: str | None

    @cached_property
    def encoded(self) -> Matrix:
        """The hold-out as the challenger sees it."""
        return _encoded(self.holdout, self.schema)


def hold(inputs: Path, scratch: Path) -> Contest:
    """Let both predict; DataError when the challenger cannot, `absent` says why the champion cannot."""
    files = sorted((inputs / "holdout").glob("*.parquet"))
    if not files:
        raise DataError("the input 'holdout' holds no Parquet file")
    table = pl.read_parquet(files)
    challenger = None
    if not (inputs / "predictions").is_dir():
        try:
            challenger = forecasts.unknowing(_load(inputs / "model", scratch / "challenger"), table)
        except ArtifactError as error:
            raise DataError(f"the challenger cannot be loaded: {error}") from error
    schema = challenger.schema if challenger else _schema(inputs / "schema")
    if schema.target not in table.columns:
        raise DataError(f"the hold-out has no column {schema.target!r}, which is the target")
    truth = table[schema.target].to_numpy()
    naive = scale(table, schema)
    if challenger:
        encoded = _encoded(table, schema)
        predicted = np.asarray(challenger.model.predict(encoded))
        own = forecasts.scale(challenger, encoded)
        naive = naive if own is None else own
    else:
        predicted = predictions.read(inputs / "predictions", schema, table.height)
    rows = Rows(schema.problem, truth, predicted, units(table, schema), naive)
    contest = Contest(table, schema, truth, Contestant(rows, challenger), None, None)
    return _with_champion(contest, inputs, scratch)


def _with_champion(contest: Contest, inputs: Path, scratch: Path) -> Contest:
    model, absent = None, None
    if (inputs / "champion-predictions").is_dir():
        predicted = predictions.read(inputs / "champion-predictions", contest.schema, contest.holdout.height)
    else:
        model, absent = _champion(inputs / "champion", scratch / "champion", contest)
        if model is None:
            return Contest(contest.holdout, contest.schema, contest.truth, contest.challenger, None, absent)
        predicted = np.asarray(model.model.predict(_encoded(contest.holdout, model.schema)))
    judged = contest.challenger.rows
    rows = Rows(judged.problem, judged.truth, predicted, judged.units, judged.scale)
    return Contest(
        contest.holdout, contest.schema, contest.truth, contest.challenger, Contestant(rows, model), None
    )


def _schema(directory: Path) -> Schema:
    try:
        return Schema.read(directory / "schema.json")
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"the input 'schema' holds no usable schema.json: {error}") from error


def _load(directory: Path, into: Path) -> Artifact:
    archive = directory / _ARCHIVE
    if not archive.is_file():
        raise ArtifactError(f"there is no {_ARCHIVE}")
    into.mkdir()
    artifact.extract(archive, into)
    return artifact.load(into)


def _champion(directory: Path, into: Path, contest: Contest) -> tuple[Artifact, None] | tuple[None, str]:
    if not (directory / _ARCHIVE).is_file():
        return None, "there is no champion yet"
    try:
        champion = _load(directory, into)
    except ArtifactError as error:
        return None, f"the champion cannot be compared: {error}"
    theirs, ours = champion.schema, contest.schema
    lost = [name for name in theirs.names if name not in contest.holdout.columns]
    if lost:
        return None, f"the champion cannot be compared: the data no longer has its column {lost[0]!r}"
    if (theirs.target, theirs.problem, theirs.classes) != (ours.target, ours.problem, ours.classes):
        return None, "the champion cannot be compared: it predicts another target or other classes"
    try:
        return forecasts.unknowing(champion, contest.holdout), None
    except DataError as error:
        return None, f"the champion cannot be compared: {error}"


def _encoded(table: pl.DataFrame, schema: Schema) -> Matrix:
    try:
        return matrix(table, schema)
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"a column of the hold-out no longer has the type that the model knows: {error}"
        ) from error
