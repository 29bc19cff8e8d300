"""Libraries without what they would load for nothing."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*modules: str) -> Iterator[None]:
    """Import as though these modules were not installed, unless they are loaded already.

    XGBoost and LightGBM import scikit-learn and pandas for interfaces that nothing here uses: that is three
    quarters of their import time, and more than the whole training of a small model.
    """
    hidden = [name for name in modules if name not in sys.modules]
    # None makes `import` raise ModuleNotFoundError: https://docs.python.org/3/reference/import.html
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def threads() -> int:
    """How many threads a library may use: OMP_NUM_THREADS, or the processors of this process."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return int(os.environ.get("OMP_NUM_THREADS", processors))
