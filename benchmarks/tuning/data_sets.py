"""Five real data sets that ship in packages, prepared by the image's own program."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from declaration import Data, LightGBM, XGBoost
from declaration.metrics import METRICS
from examples.airtime.data import COLUMNS
from examples.flights.data import flights, flown, source

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "containers" / "python"


@dataclass(frozen=True)
class DataSet:
    """Rows, what is learnt from them by which algorithm, and the metric that tuning improves.

    Without tuning, models are compared by `judged`, which says how good the decisions are: unlike the log
    loss it does not reward one library for stopping early and another for not doing so.
    """

    name: str
    table: Callable[[], pl.DataFrame]
    data: Data
    algorithm: XGBoost | LightGBM
    metric: str
    judged: str

    @property
    def maximize(self) -> bool:
        """Whether more of the metric is better."""
        return METRICS[self.metric].higher_is_better

    def prepared(self, directory: Path) -> Path:
        """The directory of the channels train, holdout and schema, made as a processing job makes them."""
        inputs = directory / "processing" / "input" / "data"
        inputs.mkdir(parents=True)
        self.table().write_csv(inputs / "rows.csv")
        command = [sys.executable, "-P", "-m", "prepare", "--target", self.data.target]
        command += ["--problem", self.data.problem]
        command += ["--time", self.data.time] if self.data.time else []
        environment = os.environ | {"SAGEMAKER_BASE_DIR": str(directory), "PYTHONPATH": str(PROGRAMS)}
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        return directory / "processing" / "output"


def _flights() -> pl.DataFrame:
    """Every 40th flight of the year."""
    return flights().drop("month").gather_every(40)


def _airtime() -> pl.DataFrame:
    """Every seventh flight of a month, with the columns of the example."""
    weather = source("weather.csv").select("origin", "time_hour", "temp", "wind_dir", "wind_speed")
    month = flown().filter(pl.col("month") == 2, pl.col("air_time").is_not_null()).gather_every(7)
    return month.join(weather, on=["origin", "time_hour"], how="left", maintain_order="left").select(COLUMNS)


def _sklearn(name: str) -> Callable[[], pl.DataFrame]:
    def table() -> pl.DataFrame:
        from sklearn import datasets

        loaded: Any = getattr(datasets, f"load_{name}")()
        names = [str(column).replace(" ", "_") for column in loaded.feature_names]
        frame = pl.DataFrame(loaded.data, schema=names)
        return frame.with_columns(pl.Series("target", loaded.target))

    return table


DATA_SETS = (
    DataSet("flights", _flights, Data("late", time="time_hour"), XGBoost(), "auc", "auc"),
    DataSet(
        "airtime",
        _airtime,
        Data("air_time", time="time_hour", problem="regression"),
        LightGBM(),
        "rmse",
        "rmse",
    ),
    DataSet(
        "digits", _sklearn("digits"), Data("target", problem="multiclass"), XGBoost(), "log_loss", "accuracy"
    ),
    DataSet(
        "diabetes", _sklearn("diabetes"), Data("target", problem="regression"), XGBoost(), "rmse", "rmse"
    ),
    DataSet("breast_cancer", _sklearn("breast_cancer"), Data("target"), XGBoost(), "log_loss", "auc"),
)
