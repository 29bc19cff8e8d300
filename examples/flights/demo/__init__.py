"""The whole loop on a year of real flights, driven by events alone: `make demo`."""

import os

# Threads that wait by spinning would take the processors from the model servers; read when xgboost is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
