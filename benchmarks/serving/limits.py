"""The predictor without a server: what a call of it takes."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.serving.model import Asked, TrainedModel
from benchmarks.serving.paths import PROGRAMS

_PROGRAM = Path(__file__).with_name("loop.py")
_SECONDS = 1.5
ROWS = (1, 32, 100)


def predictor(model: TrainedModel, asked: Asked) -> Mapping[int, float]:
    """CPU microseconds of one call in a loop, by the number of rows in it."""
    np.save(model.ml / "asked.npy", asked.matrix, allow_pickle=False)
    environment = os.environ | {
        "SAGEMAKER_BASE_DIR": str(model.ml),
        "PYTHONPATH": str(PROGRAMS),
        "OMP_NUM_THREADS": "1",
    }
    found = {}
    for rows in ROWS:
        command = [sys.executable, "-P", str(_PROGRAM), str(_SECONDS), str(rows)]
        done = subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=120
        )
        found[rows] = float(done.stdout)
    return found
