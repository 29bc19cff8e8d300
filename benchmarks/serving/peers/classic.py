"""Rows and predictions as the XGBoost container of AWS has them: sniffed CSV, then a DMatrix.

https://github.com/aws/sagemaker-xgboost-container, encoder.py: the delimiter is sniffed from the first line,
empty cells become nan, and numpy turns the texts into numbers. It reads no JSON; the obvious way is taken.
"""

import csv
import json
import os

import numpy as np
import xgboost

_booster = xgboost.Booster(model_file=os.environ["PEER_MODEL"] + ".ubj")
_booster.set_param({"nthread": 1})


def answer(body: bytes, content_type: str | None) -> str:
    """The predictions, one a line."""
    if content_type is not None and content_type.startswith("application/json"):
        matrix = np.array(json.loads(body)["instances"], dtype=np.float32)
    else:
        text = body.decode().strip()
        sniffed = csv.Sniffer().sniff(text.split("\n")[0][:512]).delimiter
        delimiter = "," if sniffed.isalnum() else sniffed
        cells = [[cell or "nan" for cell in line.split(delimiter)] for line in text.split("\n")]
        matrix = np.array(cells).astype(np.float32)
    # Without the check of column names, which is kind to it.
    predicted = _booster.predict(xgboost.DMatrix(matrix, nthread=1), validate_features=False)
    return "\n".join(map(str, predicted.tolist()))
