"""Whether /ping tells the truth while a model is loaded, and comes in time when no processor is idle."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.serving import servers
from benchmarks.serving.model import TrainedModel
from benchmarks.serving.processes import Running, free_port, running, status
from benchmarks.serving_fuzz import slow
from benchmarks.serving_fuzz.goals import Goal

MOST_MS = 2_000.0
_BUSY = "while True: pass"


def measure(model: TrainedModel, row: bytes, log: Path, load: Callable[[Running], None]) -> Goal:
    """A server of its own: /ping from before its start, then under `load` beside busy processes."""
    contender, port = servers.product(model), free_port()
    command = [part.replace("{port}", str(port)) for part in contender.command]
    environment = {name: value.replace("{port}", str(port)) for name, value in contender.environment.items()}
    seen: list[int | None] = []
    loaded: list[int] = []

    def watch() -> None:
        while HTTPStatus.OK not in seen:
            seen.append(status(port, "/ping"))
        loaded.append(_predict(port, row))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    with running(command, port, log, environment) as server:
        watching.join(timeout=10)
        with _no_processor_left(), slow.pinging(port) as pings:
            load(server)
    early = {found for found in seen[:-1] if found is not None}
    ready = loaded == [HTTPStatus.OK] and early <= {HTTPStatus.SERVICE_UNAVAILABLE}
    return Goal(
        7,
        "/ping while loading and at 100 % CPU",
        f"{len(seen) - 1:,} pings while the model was loaded: {_shown(early)}; then 200, and the first "
        f"prediction {loaded[0] if loaded else 'was not tried'}; under load the slowest took "
        f"{pings.slowest_ms:.0f} ms, {pings.lost} were lost",
        "503 or no connection until loaded; then under 2 s",
        ready and pings.slowest_ms < MOST_MS and not pings.lost,
    )


def _shown(statuses: set[int]) -> str:
    return ", ".join(map(str, sorted(statuses))) or "no connection"


def _predict(port: int, row: bytes) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=MOST_MS / 1e3)
    try:
        connection.request("POST", "/invocations", row, {"Content-Type": "text/csv"})
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def _no_processor_left() -> Iterator[None]:
    """A process for each processor that computes without a pause."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
