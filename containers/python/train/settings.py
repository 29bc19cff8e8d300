"""The hyperparameters of a training job, which arrive as texts."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabular.contract import DataError
from tabular.schema import Problem

# The last metric of each list is the one that stops training early.
METRICS: dict[Problem, list[str]] = {
    "binary": ["logloss", "auc"],
    "multiclass": ["merror", "mlogloss"],
    "regression": ["mae", "rmse"],
}
_OBJECTIVES: dict[Problem, str] = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "regression": "reg:squarederror",
}


@dataclass(frozen=True)
class Settings:
    """XGBoost's hyperparameters by their own names, and what is to be learnt."""

    target: str
    problem: Problem = "binary"
    rounds: int = 500
    max_depth: int = 6
    eta: float = 0.1
    subsample: float = 1.0
    colsample_bytree: float = 1.0
    early_stopping: int = 20
    seed: int = 0

    def booster(self, classes: int, threads: int) -> dict[str, Any]:
        """The parameters of `xgboost.train`; the number of threads does not change the model."""
        several = {"num_class": classes} if self.problem == "multiclass" else {}
        return several | {
            "objective": _OBJECTIVES[self.problem],
            "eval_metric": METRICS[self.problem],
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "eta": self.eta,
            "subsample": self.subsample,
            "colsample_bytree": self.colsample_bytree,
            "seed": self.seed,
            "nthread": threads,
        }


def read(path: Path) -> Settings:
    """Read hyperparameters.json; DataError names the hyperparameter that is unknown or has no such value."""
    given: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    fields = Settings.__dataclass_fields__
    values: dict[str, Any] = {}
    for name, text in given.items():
        if name not in fields:
            raise DataError(f"there is no hyperparameter {name!r}; there are {', '.join(fields)}")
        wanted = fields[name].type
        try:
            values[name] = wanted(text) if isinstance(wanted, type) else text
        except ValueError as error:
            kind = "a whole number" if wanted is int else "a number"
            raise DataError(f"the hyperparameter {name} is {text!r}, which is not {kind}") from error
    if "target" not in values:
        raise DataError("the hyperparameter 'target' is missing: it names the column to learn")
    if values.get("problem", "binary") not in METRICS:
        raise DataError(
            f"the hyperparameter problem is {given['problem']!r}; it is one of {', '.join(METRICS)}"
        )
    return Settings(**values)
