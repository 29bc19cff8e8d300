"""Scaling of an endpoint by its own policy: under 100,000 calls a minute, and against the simulator."""
