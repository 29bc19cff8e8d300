"""One training, in process, and what its log tells a tuning job."""

import io
import os
import re
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from benchmarks.tuning.data_sets import PROGRAMS, DataSet
from declaration import Data, LightGBM, XGBoost
from pipelines.requests.tuning import as_text

if TYPE_CHECKING:
    from learners.learning import Learnt
    from tabular.schema import Schema

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
Texts = Mapping[str, str]


def static(data_set: DataSet) -> dict[str, str]:
    """The hyperparameters that all trials share, as the pipeline of a declaration with `tune=` has them."""
    algorithm = data_set.algorithm
    texts = declared(algorithm, data_set.data) | {"refit": "false"}
    return {name: text for name, text in texts.items() if name not in algorithm.ranges}


def declared(algorithm: XGBoost | LightGBM, data: Data) -> dict[str, str]:
    """All hyperparameters of a training job of a declaration."""
    return {
        "algorithm": algorithm.program,
        "problem": data.problem,
        "target": data.target,
        **{name: as_text(value) for name, value in algorithm.hyperparameters.items()},
    }


def pattern(metric: str) -> str:
    """The regular expression that finds a metric of the validation rows in the log."""
    return rf"validation-{metric}=([-+0-9.eE]+)"


def programs() -> None:
    """Make the image's programs importable, with one thread for each of their libraries."""
    # They count their threads when they are loaded.
    os.environ.update(ONE_THREAD)
    if str(PROGRAMS) not in sys.path:
        sys.path.append(str(PROGRAMS))


def learnt(rows: pl.DataFrame, schema: "Schema", hyperparameters: Texts) -> "Learnt":
    """What the training job of these hyperparameters learns, as its own program does."""
    from learners import bounds, learner
    from learners.progress import Progress
    from train.learning import training
    from train.settings import Job

    given = dict(hyperparameters)
    job: Job = bounds.read(Job, {name: given.pop(name) for name in Job.__dataclass_fields__ if name in given})
    algorithm = learner(job.algorithm)
    settings = bounds.read(algorithm.Settings, given)
    return algorithm.learn(training(rows, schema, job), settings, Progress(job.problem))


class Training:
    """The training job of a data set; channels are read once."""

    def __init__(self, data_set: DataSet, channels: Path) -> None:
        programs()
        from tabular.schema import Schema

        self._schema = Schema.read(channels / "schema" / "schema.json")
        self._rows = pl.read_parquet(sorted((channels / "train").glob("*.parquet")))
        self._static = static(data_set)
        self._regex = re.compile(pattern(data_set.metric))

    def values(self, texts: Texts) -> list[float]:
        """The objective values in the log of a training with these tuned hyperparameters; the last counts."""
        log = io.StringIO()
        with redirect_stdout(log):
            learnt(self._rows, self._schema, {**self._static, **texts})
        return [float(value) for value in self._regex.findall(log.getvalue())]
