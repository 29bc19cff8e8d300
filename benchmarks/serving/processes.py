"""A server as a tree of processes: started, watched and ended as one."""

import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil  # type: ignore[import-untyped]

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class ServerError(RuntimeError):
    """The server did not start; the text has the end of its log."""


@dataclass(frozen=True)
class Running:
    """A server that answers on `port`; its output goes to `log`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def tree(self) -> list[psutil.Process]:
        """The server's process and all below it."""
        try:
            root = psutil.Process(self.process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.Error:
            return []

    def cpu_seconds(self) -> float:
        """Processor time that the tree has taken so far, user and system, ended children included."""
        total = 0.0
        for process in self.tree():
            with suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
                total += times.children_user + times.children_system
        return total

    def memory_mb(self) -> float:
        """Proportional set size of the tree: what it shares counts once."""
        total = 0
        for process in self.tree():
            with suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total / 2**20

    def workers(self) -> list[int]:
        """The processes right below the server's, which predict."""
        try:
            return sorted(process.pid for process in psutil.Process(self.process.pid).children())
        except psutil.Error:
            return []


@dataclass
class Peak:
    """The most memory of a server while the block ran."""

    megabytes: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    def watch(self, server: Running) -> None:
        """Look every half second until told to stop."""
        while True:
            self.megabytes = max(self.megabytes, server.memory_mb())
            if self._stop.wait(0.5):
                return


@contextmanager
def peak_memory(server: Running) -> Iterator[Peak]:
    """Watch the memory during the block."""
    peak = Peak()
    watcher = threading.Thread(target=peak.watch, args=(server,), daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        peak.stop()
        watcher.join()


@contextmanager
def running(command: Sequence[str], port: int, log: Path, environment: dict[str, str]) -> Iterator[Running]:
    """Start, wait until it answers, and end it with all that belongs to it; raises ServerError."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # One prediction, one thread; bytecode is written, or cold starts would be compared with warm ones.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=inherited | {"OMP_NUM_THREADS": "1"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Running(process, port, log)
    try:
        _wait(server)
        yield server
    finally:
        _end(server)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def status(port: int, path: str, seconds: float = 2.0) -> int | None:
    """The status of GET `path`; None while there is no answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def _wait(server: Running) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        found = status(server.port, "/ping")
        # The limits have no /ping of their own; any answer shows that they are there.
        if found is not None and found < 500:
            return
        time.sleep(0.05)
    words = server.log.read_text(errors="replace").strip()[-600:]
    raise ServerError(f"the server did not start: {words or 'it said nothing'}")


def _end(server: Running) -> None:
    tree = server.tree()
    server.process.terminate()
    _, alive = psutil.wait_procs(tree, timeout=_STOP_SECONDS)
    for process in alive:
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
    server.process.wait()
