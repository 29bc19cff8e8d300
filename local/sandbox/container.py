"""A running container, seen from outside."""

import contextlib
import signal
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class SandboxError(Exception):
    """A container could not be started; the text is one sentence for the user."""


@dataclass(frozen=True)
class Limits:
    """What a container may use; None is everything that the machine has."""

    cpus: float | None = None
    """Processors: rounded up, and what the programs inside see as the machine's number."""
    memory_mb: int | None = None
    """Memory of all its processes together; the container that uses more is killed and exits with 137."""


class Process(Protocol):
    """A process as `subprocess.Popen` has it."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raises subprocess.TimeoutExpired."""

    def send_signal(self, number: int, /) -> None:
        """Send a signal, unless it has ended."""

    def kill(self) -> None:
        """Send SIGKILL."""


class Container:
    """A running container; it dies with this object, and with the process that holds it."""

    def __init__(
        self,
        process: Process,
        lifeline: socket.socket,
        open_connection: Callable[[int, float], socket.socket],
    ) -> None:
        self._process = process
        self._lifeline = lifeline
        self._open_connection = open_connection

    @property
    def pid(self) -> int:
        """Process id outside; killing it in any way ends all of the container."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the program still runs."""
        return self.wait(0) is None

    def connect(self, port: int, timeout: float = 1.0) -> socket.socket:
        """Return a TCP connection to 127.0.0.1:`port` inside; safe from any thread.

        Raises ConnectionRefusedError while nothing listens there, and once the container has ended.
        """
        connection = self._open_connection(port, timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit code (128 + n after signal n, as Docker), or None after `timeout` seconds."""
        try:
            code = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._lifeline.close()
        return code if code >= 0 else 128 - code

    def stop(self, grace_seconds: float) -> int:
        """Send SIGTERM to the program, after the grace SIGKILL to everything; return the exit code."""
        self._process.send_signal(signal.SIGTERM)
        code = self.wait(grace_seconds)
        return self.kill() if code is None else code

    def kill(self) -> int:
        """Kill every process of the container and return the exit code."""
        with contextlib.suppress(OSError):
            self._lifeline.shutdown(socket.SHUT_RDWR)
        code = self.wait(5)
        if code is None:
            self._process.kill()
            code = self.wait()
        return code if code is not None else 137
