"""Files that a declaration names."""

import sys
from pathlib import Path

_PACKAGES = {"declaration", "pydantic", "dataclasses"}


def given_path(text: str) -> Path:
    """The absolute path that a text means: from the folder of the file that says it, else from here."""
    beside = (declaring_folder() / text).resolve()
    return Path(text).resolve() if Path(text).exists() and not beside.exists() else beside


def declaring_folder() -> Path:
    """The folder of the file that declares: of the nearest caller that is not of this package."""
    frame = sys._getframe()
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _PACKAGES:
        frame = frame.f_back
    return Path(frame.f_code.co_filename).resolve().parent
