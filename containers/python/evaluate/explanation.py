"""Which columns move the prediction, by SHAP values on a sample of the hold-out.

https://xgboost.readthedocs.io/en/stable/prediction.html
"""

import numpy as np
import polars as pl
import xgboost

from tabular.artifact import Artifact
from tabular.encoding import matrix

_SAMPLE = 2000


def importances(model: Artifact, rows: pl.DataFrame) -> list[tuple[str, float]]:
    """Each feature's share of all movement of the prediction, largest first; the shares add up to 1."""
    schema = model.schema
    sample = rows.gather_every(max(1, -(-rows.height // _SAMPLE)))
    encoded = matrix(sample, schema)
    data = xgboost.DMatrix(encoded, feature_types=schema.feature_types, enable_categorical=True)
    contributions = np.abs(model.booster.predict(data, pred_contribs=True))
    # The last column is the bias; several classes add an axis in the middle.
    moved = contributions.reshape(-1, contributions.shape[-1])[:, :-1].mean(axis=0)
    total = float(moved.sum()) or 1.0
    shares = zip(schema.names, (moved / total).tolist(), strict=True)
    return sorted(shares, key=lambda share: (-share[1], share[0]))
