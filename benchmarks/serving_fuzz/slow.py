"""Clients that send a byte now and then, while another one asks whether the server is well."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from benchmarks.serving.processes import status

_BODY = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n"
_PAUSE_SECONDS = 0.5
_PING_EVERY_SECONDS = 0.05
HEADER_SECONDS, BODY_SECONDS = 12.0, 33.0
"""When a slow header, and a slow body, must have ended: 10 and 30 seconds, and what it takes to notice."""


@dataclass(frozen=True)
class Slow:
    """The slowest /ping, pings without an answer, and how many slow clients were not ended in time."""

    clients: int
    slowest_ping_ms: float
    pings_lost: int
    not_ended: int


async def measure(port: int, clients: int, *, bodies: bool) -> Slow:
    """Clients that never end their headers; with `bodies`, which takes longer, half never end those."""
    limits = [BODY_SECONDS if bodies and number % 2 else HEADER_SECONDS for number in range(clients)]
    with pinging(port) as pings:
        ended = await asyncio.gather(
            *(_drip(port, body=limit == BODY_SECONDS, seconds=limit) for limit in limits)
        )
    return Slow(clients, pings.slowest_ms, pings.lost, ended.count(False))


async def _drip(port: int, *, body: bool, seconds: float) -> bool:
    """Whether the server ended this client in time."""
    began = time.monotonic()
    writer = None
    # Not all of them at once, which would measure this program.
    await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_BODY if body else b"POST /invocations HTTP/1.1\r\nX: ")
        ended = asyncio.create_task(reader.read())
        while time.monotonic() - began < seconds:
            done, _ = await asyncio.wait([ended], timeout=_PAUSE_SECONDS)
            if done:
                # With or without a reset: it is over.
                ended.exception()
                return True
            writer.write(b"1")
        ended.cancel()
        return False
    except OSError:
        return True
    finally:
        if writer is not None:
            writer.close()


class Pings:
    """The slowest /ping, and how many got no answer, while another thread asked."""

    def __init__(self, port: int) -> None:
        self.slowest_ms = 0.0
        self.lost = 0
        self._port = port
        self._stop = threading.Event()

    def ask(self) -> None:
        """Ask over new connections until told to stop."""
        while not self._stop.wait(_PING_EVERY_SECONDS):
            began = time.monotonic()
            if status(self._port, "/ping") == HTTPStatus.OK:
                self.slowest_ms = max(self.slowest_ms, (time.monotonic() - began) * 1e3)
            else:
                self.lost += 1

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()


@contextmanager
def pinging(port: int) -> Iterator[Pings]:
    """Ask /ping during the block."""
    pings = Pings(port)
    thread = threading.Thread(target=pings.ask, daemon=True)
    thread.start()
    try:
        yield pings
    finally:
        pings.stop()
        thread.join()
