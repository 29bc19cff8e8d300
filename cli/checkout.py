"""Where the user's project lies, and the embedded AWS that belongs to it."""

import os
from pathlib import Path


def root() -> Path:
    """The nearest directory upwards with a cdk.json; the working directory when there is none."""
    here = Path.cwd()
    return next((path for path in (here, *here.parents) if (path / "cdk.json").exists()), here)


def state() -> Path:
    """Where the embedded AWS of this checkout keeps everything."""
    return Path(os.environ.get("SAGELOOP_STATE") or root() / ".sageloop")
