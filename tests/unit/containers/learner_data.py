"""Small tables that each kind of problem can be learnt from."""

import numpy as np

from learners.learning import Training
from tabular.schema import Feature, Problem, Schema, Split

FEATURES = (
    *(Feature(f"n{place}", "number") for place in range(4)),
    Feature("kind", "category", ("a", "b", "c", "d")),
)
_GROUP = 15


def training(problem: Problem, rows: int = 900, *, threads: int = 1, refit: bool = True) -> Training:
    """Numbers and a category with holes in both; a ranking has groups of 15 rows."""
    chance = np.random.default_rng(0)
    features = chance.normal(size=(rows, 5)).astype(np.float32)
    features[:, 4] = chance.integers(0, 4, rows)
    signal = 1.5 * features[:, 0] - features[:, 1] + np.array([0, 1, -1, 2])[features[:, 4].astype(int)]
    signal = signal + chance.normal(size=rows) * 0.5
    features[chance.random(rows) < 0.1, 2] = np.nan
    features[chance.random(rows) < 0.05, 4] = np.nan
    classes: tuple[str, ...] = ()
    groups = None
    match problem:
        case "binary":
            labels, classes = signal > 0, ("no", "yes")
        case "multiclass":
            labels, classes = np.digitize(signal, [-1, 1]), ("low", "middle", "high")
        case "ranking":
            labels, groups = np.clip(np.round(signal), 0, 4), np.arange(rows) // _GROUP
        case _:
            labels = 100 * signal + 1000
    cut = rows * 9 // 10 // _GROUP * _GROUP
    group = "query" if groups is not None else None
    return Training(
        schema=Schema(problem, "y", classes, None, FEATURES, (), Split(rows, 0), (), group),
        features=features,
        labels=labels.astype(np.float32),
        groups=groups,
        learning=np.arange(cut),
        validation=np.arange(cut, rows),
        seed=0,
        threads=threads,
        refit=refit,
    )
