"""Tuning by default against its peers: how good, how good without tuning, and at what cost."""
