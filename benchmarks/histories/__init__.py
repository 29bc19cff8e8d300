"""Histories in full numbers, and whether they find the bugs that were planted."""

import sys
from pathlib import Path

# The functions lie where Lambda sees them, at the top of their asset; processes that play get this path, too.
_FUNCTIONS = str(Path(__file__).resolve().parents[2] / "lambda")
if _FUNCTIONS not in sys.path:
    sys.path.insert(0, _FUNCTIONS)
