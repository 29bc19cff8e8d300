"""The environment of the peers: their packages, pinned, with the bytecode compiled."""

import subprocess
from collections.abc import Sequence

from benchmarks.serving.paths import PEERS, ROOT

# xgboost-cpu is xgboost without the libraries of a GPU, which are several hundred megabytes.
PACKAGES = (
    "flask==3.1.3",
    "gunicorn==27.0.1",
    "xgboost-cpu==3.2.0",
    "numpy==2.4.6",
    "scipy==1.17.1",
    "orjson==3.13.0",
    "fastapi==0.163.2",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
    "httptools==0.9.0",
    "granian==2.8.7",
    "mosec==0.9.8",
    "onnx==1.23.2",
    "onnxruntime==1.31.1",
)
COMPILER = ("ziglang==0.17.0",)
"""A C compiler as a wheel, for a machine without one."""


def missing(*, packages: Sequence[str] = PACKAGES) -> str | None:
    """Make the environment; why that cannot be done, None when it stands."""
    stamp = PEERS / ".installed"
    if stamp.is_file() and set(packages) <= set(stamp.read_text().split()):
        return None
    uv, python = (str(ROOT / ".venv" / "bin" / name) for name in ("uv", "python"))
    make = [uv, "venv", "--quiet", "--allow-existing", "--python", python, str(PEERS)]
    install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(PEERS), *packages]
    for command in (make, install):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[1]} failed"
    before = stamp.read_text().split() if stamp.is_file() else []
    stamp.write_text("\n".join(sorted({*before, *packages})) + "\n")
    return None
