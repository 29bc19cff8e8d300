"""Structured logs, one JSON object a line; never a payload, at most its size."""

import sys
import time
import traceback
from pathlib import Path

import orjson

_MOST_REFUSALS_PER_SECOND = 20
_OURS = Path(__file__).parents[1]
_MOST_FRAMES, _MOST_TEXT = 10, 300


def event(name: str, **fields: object) -> None:
    """Write one line."""
    line = orjson.dumps({"time": round(time.time(), 3), "event": name, **fields}, default=str)
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def failed(error: Exception, request_id: str) -> None:
    """A failure behind a 500; where a function of the user's raised it, with that function's own lines."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else None
    frames = [
        f"{Path(frame.filename).name}, line {frame.lineno}, in {frame.name}"
        for frame in traceback.extract_tb(cause.__traceback__ if cause else None)
        if _is_users(Path(frame.filename))
    ]
    text = f"{type(error).__name__}: {error}"[:_MOST_TEXT]
    event(
        "failed",
        request_id=request_id,
        error=text,
        **({"traceback": frames[-_MOST_FRAMES:]} if frames else {}),
    )


def _is_users(file: Path) -> bool:
    """Not ours and no library's: the user's modules are imported as user.NAME from the model's code."""
    return file.parent.name == "code" and _OURS not in file.parents


class Refusals:
    """Logs refused requests, and only counts them when a client sends a flood of them."""

    def __init__(self) -> None:
        self._second = 0
        self._written = 0
        self._silent = 0

    def add(self, **fields: object) -> None:
        """One refused request."""
        second = int(time.monotonic())
        if second != self._second:
            if self._silent:
                event("refusals_not_logged", count=self._silent)
            self._second, self._written, self._silent = second, 0, 0
        if self._written < _MOST_REFUSALS_PER_SECOND:
            self._written += 1
            event("refused", **fields)
        else:
            self._silent += 1
