"""python trained.py MODEL ROWS: replaces the matrix in ROWS by what the training program's model predicts.

Runs with the image's programs on its path.
"""

import sys
from pathlib import Path

import numpy as np

from tabular import artifact

if __name__ == "__main__":
    model, rows = map(Path, sys.argv[1:])
    np.save(rows, artifact.load(model).model.predict(np.load(rows, allow_pickle=False)))
