"""The model in memory, warmed by a first prediction."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from serve.answers import Writer
from serve.codecs import MatrixCodec, Rows, TableCodec
from serve.limits import Limits
from serve.predictors import Chosen, Predict, chosen, sample
from tabular import artifact, code
from tabular.artifact import Artifact
from tabular.encoding import Matrix
from tabular.schema import Schema

if TYPE_CHECKING:
    import polars as pl


class Predicted(NamedTuple):
    """The predictions of several requests' rows one after the other, and each request's unseen categories."""

    values: Any
    unseen: Sequence[int]


class Model:
    """A verified model; `version` is the first 12 hex digits of the artifact's digest.

    Where the user has functions of their own it works on tables, which takes long enough to need a thread.
    """

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        loaded = artifact.load(directory)
        self.directory = directory
        self.limits = limits or Limits()
        self.schema: Schema = loaded.schema
        self.version = loaded.digest[:12]
        self.writer = Writer(loaded.schema, self.version)
        found: Chosen = chosen(loaded.origin.algorithm, loaded.model, loaded.schema)
        self.difference = found.difference
        # Of a matrix as the training made it.
        self.predict: Predict = found.predict
        self.tabular = loaded.schema.preparation is not None or loaded.schema.predict is not None
        self.codec: MatrixCodec | TableCodec
        self._rows: _Matrices | _Tables
        if self.tabular:
            self.codec = TableCodec(self.schema, self.limits)
            self._rows = _Tables(loaded, found.predict)
        else:
            self.codec = MatrixCodec(self.schema, self.limits)
            self._rows = _Matrices(self.schema, found.predict)
        self.predict(sample(self.schema, 1))

    def ask(self, requests: Sequence[Rows]) -> Predicted:
        """The probability of the positive class or of each, or the value, or what the user's function says.

        Other rows do not change a row's prediction.
        """
        return self._rows.ask(requests)

    def encoded(self, requests: Sequence[Rows]) -> tuple[Matrix, Sequence[int]]:
        """The numbers that the model sees, and each request's categories that training never saw."""
        return self._rows.encoded(requests)


class _Matrices:
    def __init__(self, schema: Schema, predict: Predict) -> None:
        self._predict = predict
        self._width = len(schema.features)

    def ask(self, requests: Sequence[Rows]) -> Predicted:
        matrix, unseen = self.encoded(requests)
        return Predicted(self._predict(matrix), unseen)

    def encoded(self, requests: Sequence[Rows]) -> tuple[Matrix, Sequence[int]]:
        packed = b"".join([rows.values for rows in requests])
        matrix = np.frombuffer(packed, np.float32).reshape(-1, self._width)
        return matrix, [rows.unseen for rows in requests]


class _Tables:
    def __init__(self, loaded: Artifact, predict: Predict) -> None:
        # Polars and Narwhals take a while to load.
        from serve import functions, tables

        schema = loaded.schema
        self._schema = schema
        self._frame = tables.frame
        prepare = code.load(loaded.code, schema.preparation.function) if schema.preparation else None
        self._model = functions.Predictor(schema, predict, prepare)
        own = code.load(loaded.code, schema.predict) if schema.predict else None
        self._own = functions.Answering(own, self._model) if own else None
        self._predict = predict

    def ask(self, requests: Sequence[Rows]) -> Predicted:
        if self._own is not None:
            return Predicted(self._own(self._table(requests)), [0] * len(requests))
        encoded, unseen = self.encoded(requests)
        return Predicted(self._predict(encoded), unseen)

    def encoded(self, requests: Sequence[Rows]) -> tuple[Matrix, Sequence[int]]:
        encoded, unseen = self._model.encoded(self._table(requests))
        counts, start = [], 0
        for rows in requests:
            counts.append(sum(unseen[start : start + rows.height]))
            start += rows.height
        return encoded, counts

    def _table(self, requests: Sequence[Rows]) -> "pl.DataFrame":
        import polars as pl

        return pl.concat(
            [
                rows.values
                if isinstance(rows.values, pl.DataFrame)
                else self._frame(rows.values, self._schema)
                for rows in requests
            ]
        )
