"""Where the benchmarks of serving keep what they make."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = ROOT / "containers" / "python"
STATE = ROOT / ".sageloop" / "bench" / "serving"
PEERS = ROOT / ".sageloop" / "bench" / "serving-peers"
"""The environment of the peers, which is none of the product's."""
