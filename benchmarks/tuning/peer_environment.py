"""The environment of the AutoML peer, which is none of the product's."""

import subprocess

from benchmarks.tuning.data_sets import ROOT

PEER = ROOT / ".sageloop" / "bench" / "flaml"
# xgboost-cpu is xgboost without the libraries of a GPU, which are several hundred megabytes.
_PACKAGES = ("flaml==2.7.0", "lightgbm==4.7.0", "xgboost-cpu==2.1.4", "scikit-learn==1.9.1", "pandas==3.1.1")


def missing() -> str | None:
    """Make the environment; why that cannot be done, None when it stands."""
    uv, python = (str(ROOT / ".venv" / "bin" / name) for name in ("uv", "python"))
    make = [uv, "venv", "--quiet", "--allow-existing", "--python", python, str(PEER)]
    install = [uv, "pip", "install", "--quiet", "--python", str(PEER), *_PACKAGES]
    for command in (make, install):
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"{command[1]} failed"
    return None
