"""Without tuning: our defaults, those of HistGradientBoosting, and an AutoML that has as much time."""

import io
import multiprocessing
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from rich.table import Table

from benchmarks.tuning.data_sets import DATA_SETS, DataSet
from benchmarks.tuning.peer_environment import PEER
from benchmarks.tuning.training import ONE_THREAD, declared, learnt, programs
from declaration import LightGBM, XGBoost
from declaration.metrics import METRICS

LEARNERS = ("xgboost", "lightgbm", "histgb", "flaml")
OURS: Mapping[str, XGBoost | LightGBM] = {"xgboost": XGBoost(), "lightgbm": LightGBM()}
SPLITS = 5
HELD_OUT = 0.2
PROCESSES = 2
LEAST_SECONDS = 1.0
"""The least that the peer is given: our defaults often take less than its first model does."""
_PEER_PROGRAM = Path(__file__).with_name("peer.py")


@dataclass(frozen=True)
class Scores:
    """The hold-out scores of a data set by learner, in the order of its splits."""

    data_set: DataSet
    by_learner: Mapping[str, Sequence[float]]

    @property
    def medians(self) -> dict[str, float]:
        """The median score of each learner."""
        return {learner: round(median(scores), 4) for learner, scores in self.by_learner.items()}


def measure(channels: Path, *, peer: bool, splits: int = SPLITS) -> list[Scores]:
    """Score every learner on every split of every data set."""
    with ProcessPoolExecutor(PROCESSES, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = {
            data_set.name: [
                pool.submit(scores, data_set.name, number, splits, str(channels), peer)
                for number in range(splits)
            ]
            for data_set in DATA_SETS
        }
        found = {name: [future.result() for future in futures] for name, futures in running.items()}
    return [
        Scores(each, {name: [one[name] for one in found[each.name]] for name in found[each.name][0]})
        for each in DATA_SETS
    ]


def scores(name: str, number: int, splits: int, channels: str, peer: bool) -> dict[str, float]:
    """The hold-out score of each learner on one split."""
    programs()
    from evaluate.metrics import metrics
    from tabular.encoding import matrix
    from tabular.schema import Schema

    data_set = next(each for each in DATA_SETS if each.name == name)
    source = Path(channels, name)
    schema = Schema.read(source / "schema" / "schema.json")
    rows = pl.concat(pl.read_parquet(source / side / "*.parquet") for side in ("train", "holdout"))
    learning, judging = divided(rows, data_set.data.time, number, splits)
    features, asked = matrix(learning, schema), matrix(judging, schema)
    labels, truth = (side[data_set.data.target].cast(pl.Float32).to_numpy() for side in (learning, judging))
    categories = [place for place, letter in enumerate(schema.feature_types) if letter == "c"]
    predicted: dict[str, Any] = {}
    seconds = [LEAST_SECONDS]
    for learner, algorithm in OURS.items():
        began = time.monotonic()
        with redirect_stdout(io.StringIO()):
            model = learnt(learning, schema, declared(algorithm, data_set.data)).model
        seconds.append(time.monotonic() - began)
        predicted[learner] = model.predict(asked)
    predicted["histgb"] = _histgb(data_set.data.problem, features, labels, asked, categories)
    if peer:
        given = {
            "features": features,
            "labels": labels,
            "asked": asked,
            "categories": np.array(categories, int),
        }
        told = {"problem": data_set.data.problem, "metric": data_set.judged, "seed": number}
        predicted["flaml"] = _peer({**given, **told}, max(seconds))
    return {
        learner: metrics(data_set.data.problem, truth, values)[data_set.judged]
        for learner, values in predicted.items()
    }


def divided(
    rows: pl.DataFrame, time: str | None, number: int, splits: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows to learn from and rows to judge by: later ones where there is a time, else drawn by chance."""
    size = round(rows.height * HELD_OUT)
    if time is not None:
        cut = rows.height - size * (splits - number + 1) // 2 if splits > 1 else rows.height - size
        ordered = rows.sort(time, maintain_order=True)
        return ordered[:cut], ordered[cut : cut + size]
    order = np.random.default_rng(number).permutation(rows.height)
    return rows[order[size:]], rows[order[:size]]


def _histgb(problem: str, features: Any, labels: Any, asked: Any, categories: list[int]) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if problem == "regression":
        return (
            HistGradientBoostingRegressor(categorical_features=categories, random_state=0)
            .fit(features, labels)
            .predict(asked)
        )
    model = HistGradientBoostingClassifier(categorical_features=categories, random_state=0)
    predicted = model.fit(features, labels).predict_proba(asked)
    return predicted[:, 1] if problem == "binary" else predicted


def _peer(given: Mapping[str, Any], seconds: float) -> Any:
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory, "given.npz"), Path(directory, "predicted.npz")
        np.savez(source, **given)
        command = [str(PEER / "bin" / "python"), str(_PEER_PROGRAM), str(source), str(target), str(seconds)]
        done = subprocess.run(
            command,
            check=False,
            env=os.environ | ONE_THREAD,
            capture_output=True,
            text=True,
            timeout=120 + 10 * seconds,
        )
        if done.returncode:
            raise RuntimeError(f"FLAML failed: {done.stderr.strip().splitlines()[-1]}")
        return np.load(target, allow_pickle=False)["predicted"]


def table(found: Sequence[Scores]) -> Table:
    """The median hold-out scores, the best learner's in bold."""
    learners = [name for name in LEARNERS if name in found[0].by_learner]
    splits = len(found[0].by_learner[learners[0]])
    drawn = Table(title=f"hold-out score of defaults without tuning, median of {splits} splits")
    drawn.add_column("data set, metric")
    for learner in learners:
        drawn.add_column(learner, justify="right")
    for each in found:
        medians = each.medians
        higher = METRICS[each.data_set.judged].higher_is_better
        best = (max if higher else min)(medians.values())
        cells = [f"{medians[name]:.4f}" for name in learners]
        marked = [
            f"[bold]{cell}[/]" if medians[name] == best else cell
            for name, cell in zip(learners, cells, strict=True)
        ]
        drawn.add_row(f"{each.data_set.name}, {each.data_set.judged}", *marked)
    return drawn
