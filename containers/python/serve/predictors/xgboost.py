"""XGBoost's own prediction, called in C: bit for bit what Booster.inplace_predict returns.

https://xgboost.readthedocs.io/en/stable/c.html#c.XGBoosterPredictFromDense
"""

import ctypes
import json
from typing import Any

import numpy as np
from xgboost.core import _LIB

from learners.xgboost import Model
from serve.predictors import Predict
from tabular.encoding import Matrix
from tabular.schema import Schema

_CONFIG = json.dumps(
    {
        "type": 0,
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,
        "strict_shape": True,
        "missing": float("nan"),
        "cache_id": 0,
    }
).encode()
_ARRAY = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f4","version":3}'
# A call this small is over before another thread could use the time, and letting go of the interpreter and
# getting it back may take longer than the call.
_SMALL = 256
_ARGUMENTS: list[Any] = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, *[ctypes.c_void_p] * 4]


def predictor(model: Model, schema: Schema) -> Predict:  # noqa: ARG001  others need the schema
    """Predicts from float32 rows that are contiguous in memory."""
    booster = model.booster
    holding = _function(ctypes.PyDLL(_LIB._name))
    letting = _function(ctypes.CDLL(_LIB._name))

    def predict(matrix: Matrix) -> Any:
        rows, width = matrix.shape
        array = _ARRAY % (matrix.__array_interface__["data"][0], rows, width)
        shape, dimensions = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
        values = ctypes.c_void_p()
        call = holding if rows <= _SMALL else letting
        failed = call(
            # By way of the booster, which must not be freed.
            booster.handle,
            array,
            _CONFIG,
            None,
            ctypes.byref(shape),
            ctypes.byref(dimensions),
            ctypes.byref(values),
        )
        if failed:
            raise RuntimeError(_LIB.XGBGetLastError().decode(errors="replace"))
        # Strict shapes have two dimensions here: rows and outputs.
        outputs = shape[1]
        # A copy: the library uses the memory again for this thread's next prediction.
        found = np.frombuffer(ctypes.string_at(values, 4 * rows * outputs), np.float32)
        return found if outputs == 1 else found.reshape(rows, outputs)

    return predict


def _function(library: ctypes.CDLL) -> Any:
    function = library.XGBoosterPredictFromDense
    function.argtypes, function.restype = _ARGUMENTS, ctypes.c_int
    return function
