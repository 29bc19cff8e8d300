"""`python loop.py SECONDS ROWS`: the server's own predictor without a server, in a loop over distinct rows.

Prints the processor microseconds of a call. It runs on the programs of the image.
"""

import sys
import time

import numpy as np

from serve.model import Model
from tabular.contract import ml


def main() -> None:
    """Call until the time is over."""
    seconds, rows = float(sys.argv[1]), int(sys.argv[2])
    model = Model(ml("model"))
    asked = np.load(ml("asked.npy"), allow_pickle=False)
    pieces = [
        np.ascontiguousarray(asked[start : start + rows]) for start in range(0, len(asked) - rows, rows)
    ]
    calls, until, began = 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < until:
        for piece in pieces:
            model.predict(piece)
        calls += len(pieces)
    print((time.process_time() - began) / calls * 1e6)


if __name__ == "__main__":
    main()
