"""Bodies that wait for the process that reads them: a lane for the short ones, one for the others."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from serve.model import Model
from serve.reader import Reader
from serve.refusal import busy

# Larger bodies have a lane of their own, so that smaller ones do not wait for them.
_SHORT = 1 << 20
# A process that has nothing to read for so long ends, and gives its 40 MB back. Its start, on two processors,
# takes 0.3 s, which the first body after that waits: none is started before there is such a body.
_IDLE_SECONDS = 60.0

Response = tuple[bytes, bytes]


class Lanes:
    """Both lanes of a server."""

    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self._short, self._long = _Lane(model, loop), _Lane(model, loop)

    def add(
        self, size: int, work: Callable[[Reader], Response], done: Callable[[Future[Response]], None]
    ) -> None:
        """Work in a thread on a body of this size, then call `done` in the loop; raises Refusal when busy."""
        (self._short if size < _SHORT else self._long).add(size, work, done)

    def close(self) -> None:
        """Stop the threads and the processes."""
        self._short.close()
        self._long.close()


class _Lane:
    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self._limits, self._loop = model.limits, loop
        self._reader = Reader(model)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="large-body")
        self._waiting = 0
        self._bytes = 0
        self._rest: asyncio.TimerHandle | None = None

    def add(
        self, size: int, work: Callable[[Reader], Response], done: Callable[[Future[Response]], None]
    ) -> None:
        too_many = self._waiting >= self._limits.large_bodies
        if too_many or (self._waiting and self._bytes + size > self._limits.large_waiting_bytes):
            raise busy("too many large bodies are waiting", 2)
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None
        self._waiting += 1
        self._bytes += size
        future = self._thread.submit(work, self._reader)
        future.add_done_callback(
            lambda finished: self._loop.call_soon_threadsafe(self._done, finished, size, done)
        )

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._reader.close()

    def _done(self, future: Future[Response], size: int, done: Callable[[Future[Response]], None]) -> None:
        self._waiting -= 1
        self._bytes -= size
        if not self._waiting:
            # By the thread, which alone uses the reader.
            self._rest = self._loop.call_later(_IDLE_SECONDS, self._thread.submit, self._reader.close)
        done(future)
