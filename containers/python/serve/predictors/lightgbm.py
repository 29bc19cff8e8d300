"""LightGBM's own prediction, called in C: bit for bit what Booster.predict returns.

https://lightgbm.readthedocs.io/en/stable/C-API.html#c.LGBM_BoosterPredictForMat
"""

import ctypes
from typing import Any

import numpy as np
from lightgbm import basic

from learners.lightgbm import Model
from serve.predictors import Predict
from tabular.encoding import Matrix
from tabular.schema import Schema

_LIBRARY: ctypes.CDLL = vars(basic)["_LIB"]
_FLOAT32, _ROW_MAJOR, _NORMAL = 0, 1, 0
_ALL_TREES = -1
_PARAMETERS = b"num_threads=1"
# As for XGBoost: such a call is too short to let another thread run meanwhile.
_SMALL = 256


def predictor(model: Model, schema: Schema) -> Predict:  # noqa: ARG001  others need the schema
    """Predicts from float32 rows that are contiguous in memory."""
    booster = model.booster
    outputs = booster.num_model_per_iteration()
    name = _LIBRARY._name
    holding = ctypes.PyDLL(name).LGBM_BoosterPredictForMat
    letting = ctypes.CDLL(name).LGBM_BoosterPredictForMat

    def predict(matrix: Matrix) -> Any:
        rows, width = matrix.shape
        found = np.empty(rows * outputs, dtype=np.float64)
        written = ctypes.c_int64()
        call = holding if rows <= _SMALL else letting
        failed = call(
            # By way of the booster, which must not be freed.
            booster._handle,
            ctypes.c_void_p(matrix.__array_interface__["data"][0]),
            _FLOAT32,
            ctypes.c_int32(rows),
            ctypes.c_int32(width),
            _ROW_MAJOR,
            _NORMAL,
            0,
            _ALL_TREES,
            _PARAMETERS,
            ctypes.byref(written),
            ctypes.c_void_p(found.__array_interface__["data"][0]),
        )
        if failed or written.value != found.size:
            raise RuntimeError(_error())
        narrow = found.astype(np.float32)
        return narrow if outputs == 1 else narrow.reshape(rows, outputs)

    return predict


def _error() -> str:
    last = _LIBRARY.LGBM_GetLastError
    last.restype = ctypes.c_char_p
    return str(last().decode(errors="replace"))
