"""FLAML on one split, run in an environment of its own: `python peer.py SPLIT.npz PREDICTED.npz SECONDS`."""

import sys

import numpy as np
import pandas as pd
from flaml import AutoML  # type: ignore[import-not-found]

TASKS = {"binary": "classification", "multiclass": "classification", "regression": "regression"}
METRICS = {"auc": "roc_auc", "accuracy": "accuracy", "rmse": "rmse"}


def main() -> None:
    """Learn from features and labels of the first file, and write predictions of its `asked` rows."""
    source, target, seconds = sys.argv[1:]
    given = np.load(source, allow_pickle=False)
    problem, seed = str(given["problem"]), int(given["seed"])
    model = AutoML()
    model.fit(
        _frame(given["features"], given["categories"]),
        given["labels"],
        task=TASKS[problem],
        metric=METRICS[str(given["metric"])],
        time_budget=float(seconds),
        n_jobs=1,
        seed=seed,
        verbose=0,
    )
    asked = _frame(given["asked"], given["categories"])
    predicted = model.predict(asked) if problem == "regression" else model.predict_proba(asked)
    np.savez(target, predicted=predicted[:, 1] if problem == "binary" else predicted)


def _frame(matrix: np.ndarray, categories: np.ndarray) -> pd.DataFrame:
    """Columns as it wants them, which fills in missing values of a table only."""
    frame = pd.DataFrame(matrix, columns=[f"x{place}" for place in range(matrix.shape[1])])
    return frame.astype({f"x{place}": "category" for place in categories})


if __name__ == "__main__":
    main()
