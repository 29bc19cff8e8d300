"""A year of real flights: never retrained, retrained each month, retrained on drift: `make demo-year`."""

import os

# Threads that wait by spinning would take the processors from the jobs; read when xgboost is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
