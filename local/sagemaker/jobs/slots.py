"""Places for the containers of jobs: as many as the machine has processors, the other jobs wait."""

import os
import threading
from collections import deque
from collections.abc import Callable

_LOOK_SECONDS = 0.2


class Slots:
    """Places that threads hold one of, given out in the order in which they were asked for."""

    def __init__(self) -> None:
        self.free = max(2, os.cpu_count() or 1)
        """Places that nobody holds."""
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()
        self._thread = threading.local()

    def enter(self, look: Callable[[], None]) -> None:
        """Take a place for this thread, unless it has one; `look` is called while it waits, and may raise."""
        if getattr(self._thread, "holds", False):
            return
        turn = object()
        with self._changed:
            self._waiting.append(turn)
        try:
            while not self._take(turn):
                look()
        finally:
            with self._changed:
                self._waiting.remove(turn)
                self._changed.notify_all()
        self._thread.holds = True

    def leave(self) -> None:
        """Give the place of this thread back, if it has one."""
        if getattr(self._thread, "holds", False):
            self._thread.holds = False
            with self._changed:
                self.free += 1
                self._changed.notify_all()

    def _take(self, turn: object) -> bool:
        with self._changed:
            mine = self._changed.wait_for(lambda: self.free > 0 and self._waiting[0] is turn, _LOOK_SECONDS)
            self.free -= mine
            return mine
