"""The environment of the peer, which is none of the product's; locked with its hashes like the others."""

import hashlib
import subprocess
import sys
from pathlib import Path

from benchmarks.tuning.data_sets import ROOT

PEER = ROOT / ".sageloop" / "bench" / "evidently"
LOCK = Path(__file__).with_name("requirements.txt")


def missing() -> str | None:
    """Make the environment, unless it stands as locked; why that cannot be done, None when it stands."""
    stamp, locked = PEER / ".installed", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == locked:
        return None
    uv, python = str(Path(sys.executable).with_name("uv")), sys.executable
    make = [uv, "venv", "--quiet", "--clear", "--python", python, str(PEER)]
    install = [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
    install += ["--python", str(PEER), str(LOCK)]
    for command in (make, install):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[1]} failed"
    stamp.write_text(locked)
    return None
