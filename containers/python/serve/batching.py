"""What waits is predicted in one call, without waiting for more.

Most of the cost of a prediction is the same for one row and for fifty.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import NamedTuple, Protocol

from serve.codecs import Rows
from serve.limits import Limits
from serve.model import Predicted
from serve.refusal import busy

# The user's function is asked for so many rows at once, so that the next ones soon get their turn.
_MOST_ROWS = 10_000

Send = Callable[[bytes, bytes], None]
Ask = Callable[[Sequence[Rows]], Predicted]


@dataclass(slots=True)
class Timing:
    """How long a request took, where it asked for that; in seconds of perf_counter."""

    parsed: float
    since: float


class Waiting(NamedTuple):
    """A request whose rows have been read."""

    rows: Rows
    outgoing: str
    send: Send
    timing: Timing | None


class Done(NamedTuple):
    """The outcome of several requests: predictions or an exception, and when it was found."""

    requests: Sequence[Waiting]
    outcome: Predicted | Exception
    began: float
    ended: float


class Batch(Protocol):
    """Takes requests and hands them on in company."""

    def add(self, request: Waiting) -> None:
        """Predict these rows; raises Refusal when too much waits."""


class TurnBatch:
    """Rows that arrive in the same turn of the event loop; the model answers within the turn."""

    def __init__(
        self, ask: Ask, deliver: Callable[[Done], None], loop: asyncio.AbstractEventLoop, limits: Limits
    ) -> None:
        self._ask, self._deliver, self._loop = ask, deliver, loop
        self._most = limits.waiting_rows
        self._waiting: list[Waiting] = []
        self._rows = 0

    def add(self, request: Waiting) -> None:
        """Predict at the end of this turn."""
        count = request.rows.height
        if self._rows + count > self._most:
            raise busy("too many rows are waiting")
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(request)
        self._rows += count

    def _flush(self) -> None:
        waiting, self._waiting, self._rows = self._waiting, [], 0
        for done in asked(self._ask, waiting):
            self._deliver(done)


class ThreadBatch:
    """Requests that wait for a function of the user's, which a thread calls, so that /ping is answered."""

    def __init__(
        self, ask: Ask, deliver: Callable[[Done], None], loop: asyncio.AbstractEventLoop, limits: Limits
    ) -> None:
        self._ask, self._deliver, self._loop = ask, deliver, loop
        self._limits = limits
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="functions")
        self._waiting: list[Waiting] = []
        self._rows = 0
        self._running = False
        self._seconds_per_row = 0.0

    def add(self, request: Waiting) -> None:
        """Predict as soon as the thread is free; refused where that would be too late."""
        rows = self._rows + request.rows.height
        seconds = rows * self._seconds_per_row
        if self._rows and (rows > self._limits.waiting_rows or seconds > self._limits.waiting_seconds):
            raise busy("too many rows are waiting", max(1, round(seconds)))
        self._waiting.append(request)
        self._rows = rows
        if not self._running:
            self._running = True
            # The others of this turn come along.
            self._loop.call_soon(self._start)

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        count = rows = 0
        for request in self._waiting:
            if count and rows + request.rows.height > _MOST_ROWS:
                break
            count, rows = count + 1, rows + request.rows.height
        turn, self._waiting = self._waiting[:count], self._waiting[count:]
        future = self._thread.submit(asked, self._ask, turn)
        future.add_done_callback(lambda done: self._loop.call_soon_threadsafe(self._finished, done, rows))

    def _finished(self, future: Future[list[Done]], rows: int) -> None:
        self._rows -= rows
        outcomes = future.result()
        took = sum(done.ended - done.began for done in outcomes) / max(1, rows)
        # The last calls count most.
        self._seconds_per_row = 0.7 * self._seconds_per_row + 0.3 * took if self._seconds_per_row else took
        self._running = bool(self._waiting)
        if self._running:
            self._start()
        for done in outcomes:
            self._deliver(done)


def asked(ask: Ask, waiting: Sequence[Waiting]) -> list[Done]:
    """The outcome for all; where it is an exception, one for each, so that one request fails alone."""
    began = perf_counter()
    try:
        outcome: Predicted | Exception = ask([request.rows for request in waiting])
    except Exception as error:  # noqa: BLE001  each request is answered, whatever happened
        if len(waiting) > 1:
            return [done for request in waiting for done in asked(ask, [request])]
        outcome = error
    return [Done(waiting, outcome, began, perf_counter())]
