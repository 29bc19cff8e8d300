"""How long to learn, and then learning from everything."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import xgboost

from tabular.encoding import Matrix, matrix
from tabular.schema import Schema
from train.settings import Settings

_VALIDATION = 0.1

Labels = np.ndarray[tuple[int], np.dtype[np.float32]]


@dataclass(frozen=True)
class Learnt:
    """A model, the number of its rounds, and its validation metrics at that round."""

    booster: xgboost.Booster
    rounds: int
    metrics: dict[str, float]


def learn(rows: pl.DataFrame, schema: Schema, settings: Settings, threads: int) -> Learnt:
    """Find the best number of rounds on the latest tenth of the rows, then learn from all of them as long."""
    if schema.time is not None:
        rows = rows.sort(schema.time, maintain_order=True)
    features, labels = matrix(rows, schema), rows[schema.target].cast(pl.Float32).to_numpy()
    learning, validation = _divide(rows, schema, settings.seed)
    parameters = settings.booster(len(schema.classes), threads)
    progress: dict[str, dict[str, list[float]]] = {}
    first = xgboost.train(
        parameters,
        _data(features[learning], labels[learning], schema),
        settings.rounds,
        evals=[(_data(features[validation], labels[validation], schema), "validation")],
        evals_result=progress,
        early_stopping_rounds=settings.early_stopping,
        verbose_eval=False,
        callbacks=[_Log()],
    )
    best = first.best_iteration
    metrics = {name: values[best] for name, values in progress["validation"].items()}
    # The latest rows are the most like those to come: a model that never saw them would start out old.
    booster = xgboost.train(parameters, _data(features, labels, schema), best + 1)
    return Learnt(booster, best + 1, metrics)


class _Log(xgboost.callback.TrainingCallback):
    """Prints `[round] validation-auc=0.7`, which SageMaker's metric definitions read."""

    def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
        figures = " ".join(
            f"validation-{name}={values[-1]:.6f}" for name, values in evals_log["validation"].items()
        )
        print(f"[{epoch}] {figures}", flush=True)
        return False


def _data(features: Matrix, labels: Labels, schema: Schema) -> xgboost.DMatrix:
    # Without the columns' names, in which XGBoost allows no brackets: the schema knows them.
    return xgboost.DMatrix(features, labels, feature_types=schema.feature_types, enable_categorical=True)


def _divide(rows: pl.DataFrame, schema: Schema, seed: int) -> tuple[Any, Any]:
    """Positions to learn from and to validate on; every class is on both sides where it has two rows."""
    count = rows.height
    size = max(1, round(count * _VALIDATION))
    if schema.time is not None:
        return np.arange(count - size), np.arange(count - size, count)
    order = np.random.default_rng(seed).permutation(count)
    if schema.classes:
        labels = rows[schema.target].to_numpy()[order]
        order = order[_spread(labels)]
    return np.sort(order[size:]), np.sort(order[:size])


def _spread(labels: Any) -> Any:
    """An order in which every prefix has about the same share of each class."""
    places = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        places[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.argsort(places, kind="stable")
