"""The user's own `predict(model, rows)`: asked for a batch, and what it returns is checked."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import polars as pl

from serve.predictors import Predict
from tabular import preparation
from tabular.code import Function
from tabular.contract import DataError
from tabular.encoding import Matrix, matrix
from tabular.schema import Schema


class Predictor:
    """The `model` that the user's function is given."""

    def __init__(self, schema: Schema, predict: Predict, prepare: Function | None) -> None:
        self._schema, self._predict, self._prepare = schema, predict, prepare
        self.classes: tuple[str, ...] = schema.classes

    def predict(self, rows: pl.DataFrame) -> Any:
        """The model's predictions of a table with the requested columns, one float32 each, or one a class."""
        return self._predict(self.encoded(rows)[0])

    def encoded(self, rows: pl.DataFrame) -> tuple[Matrix, list[int]]:
        """The numbers that the model sees, and for each row how many categories training never saw."""
        schema = self._schema
        missing = [column.name for column in schema.requested if column.name not in rows.columns]
        if missing:
            raise DataError(f"the rows have no column {missing[0]!r}, which the model needs")
        table = rows.select([column.name for column in schema.requested])
        if self._prepare is not None:
            table = preparation.features(self._prepare, table)
            if table.height != rows.height:
                raise DataError(f"{self._prepare.title}: it made {table.height} rows of {rows.height}")
        encoded = np.ascontiguousarray(matrix(table, schema))
        unseen = np.zeros(table.height, dtype=np.int64)
        for place, feature in enumerate(schema.features):
            if feature.type == "category":
                unseen += table[feature.name].is_not_null().to_numpy() & np.isnan(encoded[:, place])
        return encoded, unseen.tolist()


class Answering:
    """Calls the user's function; one call at a time, as it may not expect more."""

    def __init__(self, function: Function, model: Predictor) -> None:
        self._function, self._model = function, model
        self._alone = threading.Lock()

    def __call__(self, rows: pl.DataFrame) -> Sequence[Any]:
        """One value for each row; raises DataError that names the function."""
        with self._alone:
            try:
                returned = self._function(self._model, rows)
            except SystemExit as error:
                raise DataError(f"{self._function.title}: it ended the program") from error
        return self._checked(returned, rows.height)

    def _checked(self, returned: Any, rows: int) -> Sequence[Any]:
        """Plain values, or a DataError that says what came instead of them."""
        title = self._function.title
        if isinstance(returned, pl.Series | np.ndarray):
            values = returned.tolist() if isinstance(returned, np.ndarray) else returned.to_list()
        else:
            values = returned
        if not isinstance(values, list | tuple):
            raise DataError(
                f"{title}: it returned {type(returned).__name__}; "
                "it must return a list, a numpy array or a Polars Series with a value for each row"
            )
        if len(values) != rows:
            raise DataError(f"{title}: it returned {len(values)} values for {rows} rows")
        for value in values:
            try:
                orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)
            except orjson.JSONEncodeError as error:
                raise DataError(
                    f"{title}: it returned {type(value).__name__} for a row, which JSON cannot hold: {error}"
                ) from error
        return values
