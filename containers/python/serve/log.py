"""Structured logs, one JSON object a line; never a payload, at most its size."""

import sys
import time

import orjson

_MOST_REFUSALS_PER_SECOND = 20


def event(name: str, **fields: object) -> None:
    """Write one line."""
    line = orjson.dumps({"time": round(time.time(), 3), "event": name, **fields}, default=str)
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


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
