"""How the memory of a server changes while it works."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from benchmarks.serving.processes import Running


@dataclass
class Memory:
    """Megabytes of the server's processes, looked at now and then."""

    every: float
    samples: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self, server: Running) -> None:
        """Look until told to stop."""
        while not self._stop.wait(self.every):
            self.samples.append(server.memory_mb())

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()


def growth(samples: Sequence[float]) -> float:
    """The median of the last fifth less that of the second one: the first fifth warms up.

    Raises ValueError for fewer than ten samples.
    """
    if len(samples) < 10:
        raise ValueError(f"{len(samples)} samples of the memory cannot show a growth; ten can")
    fifth = len(samples) // 5
    return median(samples[-fifth:]) - median(samples[fifth : 2 * fifth])


@contextmanager
def watched(server: Running, seconds: float) -> Iterator[Memory]:
    """Watch the memory during the block, about a hundred times in so many seconds."""
    memory = Memory(max(0.2, seconds / 100))
    thread = threading.Thread(target=memory.watch, args=(server,), daemon=True)
    thread.start()
    try:
        yield memory
    finally:
        memory.stop()
        thread.join()
