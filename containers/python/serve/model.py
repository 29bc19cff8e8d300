"""The model in memory, warmed by a first prediction."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from serve.codecs import Codec, Matrix
from tabular import artifact, code
from tabular.artifact import Artifact
from tabular.schema import Schema

Predict = Callable[[Matrix], Any]


class Model:
    """A verified model; `version` is the first 12 hex digits of the artifact's digest.

    `predict` gives the probability of the positive class or of each, or the value; other rows of the matrix
    do not change a row's.
    """

    def __init__(self, directory: Path) -> None:
        loaded = artifact.load(directory)
        self.schema: Schema = loaded.schema
        self.version = loaded.digest[:12]
        self.codec = _codec(loaded)
        # A codec counts while it reads, so the thread that reads large bodies has its own.
        self.bulk_codec = _codec(loaded)
        self.predict: Predict = loaded.model.predict
        self.predict(np.full((1, len(self.schema.features)), np.nan, dtype=np.float32))


def _codec(loaded: Artifact) -> Codec:
    preparation = loaded.schema.preparation
    if preparation is None:
        return Codec(loaded.schema)
    # Polars and Narwhals take a while to load.
    from serve.prepared import PreparedCodec

    return PreparedCodec(loaded.schema, code.load(loaded.code, preparation.function))
