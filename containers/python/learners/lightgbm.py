"""Gradient-boosted trees by LightGBM, grown leaf by leaf.

A training that is killed and goes on from its checkpoint ends with the same bytes, columns sampled or not.
LightGBM cannot restore the generator that draws rows: with a bagging_fraction below 1 a killed training
starts again, and ends with the same bytes all the same.
https://lightgbm.readthedocs.io/en/stable/Parameters.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from learners import rounds
from learners.bounds import within
from learners.learning import Array, Learnt, Training
from learners.libraries import threads, without
from learners.progress import Progress
from tabular.encoding import Matrix
from tabular.schema import MOST_RELEVANT, Problem, Schema

try:
    with without("sklearn", "pandas", "pyarrow", "matplotlib", "graphviz", "dask"):
        import lightgbm
        from lightgbm.basic import _InnerPredictor
except OSError as error:
    raise ImportError(f"{error}: install the system's OpenMP library, Debian's libgomp1") from error

PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "regression", "ranking")
LIBRARIES = ("lightgbm", "polars", "numpy")
FILE = "model.txt"

_METRICS: dict[Problem, list[str]] = {
    "binary": ["binary_logloss", "auc"],
    "multiclass": ["multi_error", "multi_logloss"],
    "regression": ["l1", "rmse"],
    "ranking": ["ndcg"],
}
_NAMES = {
    "binary_logloss": "log_loss",
    "multi_logloss": "log_loss",
    "multi_error": "accuracy",
    "l1": "mae",
}
_OBJECTIVES: dict[Problem, str] = {
    "binary": "binary",
    "multiclass": "multiclass",
    "regression": "regression",
    "ranking": "lambdarank",
}


@dataclass(frozen=True)
class Settings:
    """LightGBM's hyperparameters by their own names; a `max_depth` of -1 sets no limit."""

    rounds: int = within(500, 1)
    num_leaves: int = within(31, 2, 131_072)
    learning_rate: float = within(0.1, 0, 1)
    min_data_in_leaf: int = within(20, 1)
    feature_fraction: float = within(1.0, 0.01, 1)
    bagging_fraction: float = within(1.0, 0.01, 1)
    lambda_l1: float = within(0.0, 0)
    lambda_l2: float = within(0.0, 0)
    max_depth: int = within(-1, -1)
    early_stopping: int = within(20, 1)


class Model:
    """A booster; one prediction uses as many threads as learners.libraries.threads says."""

    def __init__(self, booster: lightgbm.Booster) -> None:
        self.booster = booster
        self._threads = threads()

    def predict(self, matrix: Matrix) -> Array:
        """As learners.learning.Model says; a ranking's scores are comparable within a group only."""
        predicted: Array = np.asarray(self.booster.predict(matrix, num_threads=self._threads))
        return predicted.astype(np.float32)

    def contributions(self, matrix: Matrix) -> Array:
        """SHAP values, exact for trees."""
        flat = np.asarray(self.booster.predict(matrix, pred_contrib=True, num_threads=self._threads))
        # For each class the features and then the expected value.
        found: Array = flat.reshape(len(matrix), -1, matrix.shape[1] + 1)[..., :-1]
        return found[:, 0] if found.shape[1] == 1 else np.abs(found).mean(axis=1)

    def save(self, directory: Path) -> Sequence[str]:
        """Write model.txt."""
        (directory / FILE).write_text(text(self.booster), encoding="utf-8")
        return (FILE,)


def learn(data: Training, settings: Settings, progress: Progress) -> Learnt:
    """Boost until the validation rows gain nothing, then as long on all rows."""
    parameters = _base(data) | {
        "num_leaves": settings.num_leaves,
        "learning_rate": settings.learning_rate,
        "min_data_in_leaf": settings.min_data_in_leaf,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1 if settings.bagging_fraction < 1 else 0,
        "lambda_l1": settings.lambda_l1,
        "lambda_l2": settings.lambda_l2,
        "max_depth": settings.max_depth,
    }
    if settings.bagging_fraction < 1:
        progress.forgo()

    champion = data.champion.booster if isinstance(data.champion, Model) else None
    first = text(champion).encode() if champion else None
    before = champion.current_iteration() if champion else 0

    def begin(rows: Array, compare: bool, state: bytes | None) -> "_Growing":
        return _Growing(data, parameters, rows, compare, first if state is None else state, before)

    return rounds.learn(data, begin, settings.rounds, settings.early_stopping, progress)


def load(directory: Path, schema: Schema) -> Model:  # noqa: ARG001  another learner needs the schema
    """Read model.txt."""
    return Model(lightgbm.Booster(model_file=directory / FILE))


def text(booster: lightgbm.Booster) -> str:
    """A booster as LightGBM writes it, but for the number of threads, which must not show in a model."""
    return re.sub(r"^\[num_threads: .*\]$", "[num_threads: 0]", booster.model_to_string(), flags=re.M)


def _base(data: Training) -> dict[str, Any]:
    """The parameters that the problem decides; with these the number of threads does not change the model."""
    problem = data.schema.problem
    parameters: dict[str, Any] = {
        "objective": _OBJECTIVES[problem],
        "metric": _METRICS[problem],
        "seed": data.seed,
        "num_threads": data.threads,
        "deterministic": True,
        "force_row_wise": True,
        # With few rows it would leave no feature to learn from, and then fail.
        "feature_pre_filter": False,
        "verbosity": -1,
    }
    if problem == "multiclass":
        parameters["num_class"] = len(data.schema.classes)
    if data.groups is not None:
        # The whole list, with the gain that evaluation's ndcg has.
        parameters["eval_at"] = [int(np.bincount(data.groups).max())]
        parameters["label_gain"] = list(range(MOST_RELEVANT + 1))
    return parameters


class _Growing:
    """The loop of lightgbm.train, with the curve and the checkpoint in our hands."""

    def __init__(
        self,
        data: Training,
        parameters: dict[str, Any],
        rows: Array,
        compare: bool,
        state: bytes | None,
        before: int,
    ) -> None:
        self._data, self._before = data, before
        saved = lightgbm.Booster(model_str=state.decode()) if state is not None else None
        # What lightgbm.train does with its init_model.
        predictor = _InnerPredictor.from_booster(saved, pred_parameter={}) if saved else None
        learning = self._dataset(rows, parameters)._set_predictor(predictor)
        self._booster = lightgbm.Booster(parameters, learning)
        pairs = {"train": data.sample, "validation": data.validation} if compare else {}
        for name, positions in pairs.items():
            compared = self._dataset(positions, parameters, learning)._set_predictor(predictor)
            self._booster.add_valid(compared, name)
        self._sampled = parameters["feature_fraction"] < 1
        self._seed = data.seed

    def grow(self) -> None:
        if self._sampled:
            # Each round draws its columns afresh, so that a training can go on at any round.
            self._booster.reset_parameter(
                {"feature_fraction_seed": self._seed + self._booster.current_iteration()}
            )
        self._booster.update()

    def figures(self) -> dict[str, float]:
        return dict(_named(*found[:3]) for found in self._booster.eval_valid())

    def remember(self) -> None:
        """Earlier rounds stay in the model."""

    def state(self) -> bytes:
        return self._booster.model_to_string(num_iteration=-1).encode()

    def model(self, rounds: int) -> Model:
        every = self._before + rounds
        return Model(lightgbm.Booster(model_str=self._booster.model_to_string(num_iteration=every)))

    def _dataset(
        self, rows: Array, parameters: dict[str, Any], reference: lightgbm.Dataset | None = None
    ) -> lightgbm.Dataset:
        types = self._data.schema.feature_types
        groups = None if self._data.groups is None else self._data.groups[rows]
        return lightgbm.Dataset(
            self._data.features[rows],
            self._data.labels[rows],
            reference=reference,
            params=parameters,
            group=None if groups is None else np.unique(groups, return_counts=True)[1],
            categorical_feature=[place for place, letter in enumerate(types) if letter == "c"],
        )


def _named(rows: str, metric: str, value: float) -> tuple[str, float]:
    name = metric.partition("@")[0]
    return f"{rows}-{_NAMES.get(name, name)}", 1 - value if name == "multi_error" else value
