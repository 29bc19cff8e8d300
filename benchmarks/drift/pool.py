"""Flights of the whole year in no order, so that nothing ever changes, and a model learnt from others."""

import io
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from benchmarks.tuning.data_sets import PROGRAMS
from benchmarks.tuning.training import declared, learnt, programs
from declaration import Data, XGBoost
from examples.flights.data import flights

if TYPE_CHECKING:
    from learners.learning import Model
    from tabular.schema import Schema

TARGET, TIME = "late", "time_hour"
# Rows that the model learns from, which are none of the pool's.
_LEARNT = 60_000
_EXPLAINED = 1000
# More do not make it better on these rows, and each prediction slower.
_ALGORITHM = XGBoost(rounds=200)

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Learned:
    """A model, the columns that it sees, and each one's share of all movement of its predictions."""

    schema: "Schema"
    model: "Model"
    importance: Mapping[str, float]

    def scores(self, rows: pl.DataFrame) -> Array:
        """The predictions of typed rows."""
        from tabular.encoding import matrix

        return np.asarray(self.model.predict(matrix(rows, self.schema)), dtype=float)

    def typed(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of the source with the features in the types that prepare gives them, and the target."""
        from tabular.columns import from_typed

        features = [from_typed(each.name, rows.schema[each.name], each.type) for each in self.schema.features]
        return rows.select(*features, TARGET)


@dataclass(frozen=True)
class Pool:
    """Typed rows to draw from, and their predictions."""

    learned: Learned
    rows: pl.DataFrame
    scores: Array


def prepared(rows: pl.DataFrame, directory: Path, *arguments: str) -> Path:
    """The outputs of the image's own program on these rows."""
    shutil.rmtree(directory, ignore_errors=True)
    inputs = directory / "processing" / "input" / "data"
    inputs.mkdir(parents=True)
    rows.write_csv(inputs / "rows.csv")
    command = [sys.executable, "-P", "-m", "prepare", "--target", TARGET, "--problem", "binary", *arguments]
    environment = os.environ | {"SAGEMAKER_BASE_DIR": str(directory), "PYTHONPATH": str(PROGRAMS)}
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"prepare failed: {done.stderr.strip()}")
    return directory / "processing" / "output"


def learned(output: Path) -> Learned:
    """What the training job learns of the outputs of prepare."""
    programs()
    from tabular.encoding import matrix
    from tabular.schema import Schema

    schema = Schema.read(output / "schema" / "schema.json")
    rows = pl.read_parquet(sorted((output / "train").glob("*.parquet")))
    with redirect_stdout(io.StringIO()):
        model = learnt(rows, schema, declared(_ALGORITHM, Data(TARGET, time=schema.time))).model
    step = max(1, rows.height // _EXPLAINED)
    moved = model.contributions(matrix(rows.gather_every(step), schema))
    shares = np.abs(moved).mean(axis=0) if moved is not None else np.ones(len(schema.names))
    return Learned(schema, model, dict(zip(schema.names, (shares / shares.sum()).tolist(), strict=True)))


def pool(directory: Path, seed: int) -> Pool:
    """All flights shuffled; the first of them are the model's."""
    shuffled = flights().drop("month", TIME).sample(fraction=1.0, shuffle=True, seed=seed)
    found = learned(prepared(shuffled.head(_LEARNT), directory))
    rows = found.typed(shuffled.slice(_LEARNT))
    return Pool(found, rows, found.scores(rows))
