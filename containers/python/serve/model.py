"""The model in memory, warmed by a first prediction."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from serve.codecs import Codec, Matrix
from tabular import artifact
from tabular.schema import Schema

# One prediction uses one thread: the server has a process for each processor.
os.environ.setdefault("OMP_NUM_THREADS", "1")

Predict = Callable[[Matrix], Any]


class Model:
    """A verified model; `version` is the first 12 hex digits of the sha256 of model.ubj."""

    def __init__(self, directory: Path) -> None:
        loaded = artifact.load(directory)
        self.schema: Schema = loaded.schema
        self.version = loaded.digest[:12]
        self.codec = Codec(loaded.schema)
        # A codec counts while it reads, so the thread that reads large bodies has its own.
        self.bulk_codec = Codec(loaded.schema)
        self._booster = loaded.booster
        self._booster.set_param({"nthread": 1})
        self.predict(np.full((1, len(self.schema.features)), np.nan, dtype=np.float32))

    def predict(self, rows: Matrix) -> Any:
        """Probability of the positive class or of each, or the value; other rows do not change it."""
        return self._booster.inplace_predict(rows, validate_features=False)
