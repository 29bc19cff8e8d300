"""Gradient-boosted trees by XGBoost.

A training that is killed and goes on from its checkpoint ends with the same bytes, rows and columns sampled
or not: each round draws from a generator of its own, and predictions are sums in the order of the trees.
https://xgboost.readthedocs.io/en/stable/parameter.html
"""

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
from tabular.schema import Problem, Schema

with without("sklearn", "pandas"):
    import xgboost

PROBLEMS: tuple[Problem, ...] = ("binary", "multiclass", "regression", "ranking")
# What runs on a GPU comes in a package of its own, in the image for such instances.
GPU = bool(xgboost.build_info()["USE_CUDA"])
LIBRARIES = ("xgboost" if GPU else "xgboost-cpu", "polars", "numpy")
_DRIVER = Path("/dev/nvidiactl")
FILE = "model.ubj"

# XGBoost's metrics of each problem; the gate knows them by these names, an error rate as its opposite.
_METRICS: dict[Problem, list[str]] = {
    "binary": ["logloss", "auc"],
    "multiclass": ["merror", "mlogloss"],
    "regression": ["mae", "rmse"],
    # With a minus, a group without any relevant row counts 0, as in evaluation.
    "ranking": ["ndcg-"],
}
_NAMES = {"logloss": "log_loss", "mlogloss": "log_loss", "merror": "accuracy", "ndcg-": "ndcg"}
# The parameters that make a round draw rows or columns.
_SHARES = ("subsample", "colsample_bytree", "colsample_bynode")
_OBJECTIVES: dict[Problem, str] = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "regression": "reg:squarederror",
    "ranking": "rank:ndcg",
}


@dataclass(frozen=True)
class Settings:
    """XGBoost's hyperparameters by their own names."""

    rounds: int = within(500, 1)
    max_depth: int = within(6, 1)
    eta: float = within(0.1, 0, 1)
    subsample: float = within(1.0, 0.01, 1)
    colsample_bytree: float = within(1.0, 0.01, 1)
    min_child_weight: float = within(1.0, 0)
    gamma: float = within(0.0, 0)
    reg_alpha: float = within(0.0, 0)
    reg_lambda: float = within(1.0, 0)
    max_bin: int = within(256, 2)
    early_stopping: int = within(20, 1)


class Model:
    """A booster; one prediction uses as many threads as learners.libraries.threads says."""

    def __init__(self, booster: xgboost.Booster, schema: Schema) -> None:
        self.booster = booster
        self._types = schema.feature_types

    def predict(self, matrix: Matrix) -> Array:
        """As learners.learning.Model says; a ranking's scores are comparable within a group only."""
        # What the encoding made needs no validation, which would take longer than one row's prediction.
        predicted: Array = self.booster.inplace_predict(matrix, validate_features=False)
        return predicted

    def contributions(self, matrix: Matrix) -> Array:
        """SHAP values, exact for trees: https://xgboost.readthedocs.io/en/stable/prediction.html"""
        data = xgboost.DMatrix(matrix, feature_types=self._types, enable_categorical=True)
        found: Array = self.booster.predict(data, pred_contribs=True)[..., :-1]
        return found if found.ndim == 2 else np.abs(found).mean(axis=1)

    def save(self, directory: Path) -> Sequence[str]:
        """Write model.ubj."""
        (directory / FILE).write_bytes(self.booster.save_raw("ubj"))
        return (FILE,)


def learn(data: Training, settings: Settings, progress: Progress) -> Learnt:
    """Boost until the validation rows gain nothing, then as long on all rows."""
    parameters = base(data) | {
        "max_depth": settings.max_depth,
        "eta": settings.eta,
        "subsample": settings.subsample,
        "colsample_bytree": settings.colsample_bytree,
        "min_child_weight": settings.min_child_weight,
        "gamma": settings.gamma,
        "reg_alpha": settings.reg_alpha,
        "reg_lambda": settings.reg_lambda,
        "max_bin": settings.max_bin,
    }
    return grown(data, parameters, settings.rounds, settings.early_stopping, progress)


def load(directory: Path, schema: Schema) -> Model:
    """Read model.ubj."""
    booster = xgboost.Booster(model_file=directory / FILE)
    booster.set_param({"nthread": threads()})
    return Model(booster, schema)


def base(data: Training) -> dict[str, Any]:
    """The parameters that the problem decides; the number of threads does not change the model."""
    problem = data.schema.problem
    several = {"num_class": len(data.schema.classes)} if problem == "multiclass" else {}
    # The gain that evaluation's ndcg has.
    linear = {"ndcg_exp_gain": False} if problem == "ranking" else {}
    return (
        several
        | linear
        | ({"device": "cuda"} if GPU and _DRIVER.exists() else {})
        | {
            "objective": _OBJECTIVES[problem],
            "eval_metric": _METRICS[problem],
            "tree_method": "hist",
            "seed": data.seed,
            "seed_per_iteration": True,
            "nthread": data.threads,
        }
    )


def grown(data: Training, parameters: dict[str, Any], most: int, patience: int, progress: Progress) -> Learnt:
    """Learn in rounds with these parameters, on top of the rounds of a model to go on from."""
    champion = data.champion.booster if isinstance(data.champion, Model) else None
    first = bytes(champion.save_raw("ubj")) if champion else None
    before = champion.num_boosted_rounds() if champion else 0

    def begin(rows: Array, compare: bool, state: bytes | None) -> "_Growing":
        return _Growing(data, parameters, rows, compare, first if state is None else state, before)

    return rounds.learn(data, begin, most, patience, progress)


class _Growing:
    """The loop of xgboost.train, with the curve and the checkpoint in our hands."""

    def __init__(
        self,
        data: Training,
        parameters: dict[str, Any],
        rows: Array,
        compare: bool,
        state: bytes | None,
        before: int,
    ) -> None:
        self._schema, self._before = data.schema, before
        self._rows = _matrix(data, rows)
        # The last pair decides when to stop.
        pairs = {"train": data.sample, "validation": data.validation} if compare else {}
        self._compared = [(_matrix(data, positions), name) for name, positions in pairs.items()]
        cache = [self._rows, *(matrix for matrix, _ in self._compared)]
        self._booster = xgboost.Booster(
            parameters, cache, model_file=bytearray(state) if state is not None else None
        )
        self._round = self._booster.num_boosted_rounds() if state is not None else 0
        self._sampled = any(parameters.get(name, 1.0) < 1 for name in _SHARES)

    def grow(self) -> None:
        if self._sampled:
            self._renew()
        self._booster.update(self._rows, self._round)
        self._round += 1

    def figures(self) -> dict[str, float]:
        # The round, then after tabs such as train-logloss:0.61 and validation-logloss:0.64.
        pairs = self._booster.eval_set(self._compared, self._round - 1).split("\t")[1:]
        return dict(_named(*pair.rsplit(":", 1)) for pair in pairs)

    def remember(self) -> None:
        """Earlier rounds stay in the model."""

    def state(self) -> bytes:
        return bytes(self._booster.save_raw("ubj"))

    def _renew(self) -> None:
        """Let the next round draw as the first round of a new process would.

        What grows the trees seeds its generator once, when it is made, and it is made again when another
        method was chosen meanwhile, which asking for the configuration makes known.
        """
        self._booster.set_param({"tree_method": "approx"})
        self._booster.save_config()
        self._booster.set_param({"tree_method": "hist"})

    def model(self, rounds: int) -> Model:
        every = self._before + rounds
        booster = self._booster if every == self._round else self._booster[:every]
        return Model(booster, self._schema)


def _named(name: str, text: str) -> tuple[str, float]:
    rows, _, metric = name.partition("-")
    value = 1 - float(text) if metric == "merror" else float(text)
    return f"{rows}-{_NAMES.get(metric, metric)}", value


def _matrix(data: Training, rows: Array) -> xgboost.DMatrix:
    # Without the columns' names, in which XGBoost allows no brackets: the schema knows them.
    groups = {} if data.groups is None else {"qid": data.groups[rows]}
    whole = len(rows) == len(data.labels)
    return xgboost.DMatrix(
        data.features if whole else data.features[rows],
        data.labels if whole else data.labels[rows],
        feature_types=data.schema.feature_types,
        enable_categorical=True,
        nthread=data.threads,
        **groups,
    )
