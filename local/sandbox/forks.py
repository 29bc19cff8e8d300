"""Containers whose program is a fork of a process that has its modules loaded.

An image offers that with two labels: `fork-server.program` is what to execute, `fork-server.commands` are the
programs of the image that its forks can be. The protocol is told in local.sandbox_init.forked. The server is
started for the first such container; it ends when nobody used it for a while, and with its owner.
"""

import dataclasses
import logging
import marshal
import os
import select
import shlex
import signal
import socket
import struct
import subprocess
import threading
import weakref
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from local.images.image import Image
from local.sandbox import layout
from local.sandbox.boot import ANSWER_WITHIN, await_answer, boot_python
from local.sandbox.container import SandboxError
from local.sandbox.program import Program, variables

PROGRAM, COMMANDS = "fork-server.program", "fork-server.commands"
IDLE_SECONDS = 300.0
MOST_SERVERS = 2
"""Each keeps the libraries of one image in memory."""
_KEEPER = "keeper"
_HOSTNAME = "fork-server"
logger = logging.getLogger(__name__)


class ForkServer:
    """A running fork server; it ends when neither this object nor a container of it is held any more."""

    def __init__(self, image: Image, processors: list[int], idle_seconds: float) -> None:
        """Start it; raises SandboxError where that can't be."""
        program = {
            "argv": shlex.split(image.labels[PROGRAM]),
            "environment": variables(image, {}, _HOSTNAME),
            "workdir": image.workdir,
            "hostname": _HOSTNAME,
            "mounts": layout.plan(image, None, _HOSTNAME),
            "processors": processors,
        }
        settings = {"program": program, "as_user": os.geteuid() != 0, "idle_seconds": idle_seconds}
        self._process, self._control = boot_python(_KEEPER, socket.SOCK_SEQPACKET, None)
        with suppress(OSError):
            self._control.sendall(marshal.dumps(settings))
        await_answer(self._process, self._control)

    @property
    def pid(self) -> int:
        """Process id; killing it ends the server and all of its containers."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it takes requests."""
        return self._process.poll() is None

    def boot(self, program: Program, log: Path) -> tuple["ForkedProcess", socket.socket]:
        """Make a container and wait until all is ready for its program; raises SandboxError."""
        control, inside = socket.socketpair()
        status, told = socket.socketpair()
        with inside, told, log.open("ab") as output:
            status.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            descriptors = [inside.fileno(), told.fileno(), output.fileno()]
            try:
                socket.send_fds(self._control, [b"j"], descriptors)
            except OSError as error:
                raise SandboxError(f"The fork server has ended ({error}).") from None
        fields = dataclasses.asdict(program)
        del fields["isolated"], fields["as_user"]
        process = ForkedProcess(self, status)
        control.settimeout(ANSWER_WITHIN)
        with suppress(OSError):
            control.sendall(marshal.dumps(fields))
        await_answer(process, control)
        return process, control


class ForkedProcess:
    """What `subprocess.Popen` is for a child: the outermost process of a forked container."""

    def __init__(self, server: ForkServer, status: socket.socket) -> None:
        """Learn the process id, which the kernel adds to the first message; raises SandboxError."""
        self._server = server  # which would end if nobody held it
        self._turn = threading.Lock()
        self._code: int | None = None
        status.settimeout(ANSWER_WITHIN)
        size = socket.CMSG_SPACE(struct.calcsize("3i"))
        try:
            said, ancillary, _, _ = status.recvmsg(1, size)
        except OSError:
            said, ancillary = b"", []
        if not said:
            raise SandboxError("The fork server has ended.")
        self.pid = int(struct.unpack("3i", ancillary[0][2])[0])
        self._handle = os.pidfd_open(self.pid)
        status.setblocking(True)
        self._status = status.detach()
        # Not before the end of this object: another thread may be waiting.
        weakref.finalize(self, _close, self._handle, self._status)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code; raises subprocess.TimeoutExpired."""
        if self._code is None:
            poll = select.poll()
            poll.register(self._status, select.POLLIN)
            if not poll.poll(None if timeout is None else timeout * 1000):
                raise subprocess.TimeoutExpired("container", timeout or 0)
        with self._turn:
            if self._code is None:
                # No code is told by what was killed.
                self._code = (os.read(self._status, 1) or bytes([128 + signal.SIGKILL]))[0]
            return self._code

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        with self._turn, suppress(ProcessLookupError):
            if self._code is None:
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class ForkServers:
    """The fork servers of this process: one for each image and number of processors, a few at most."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._servers: OrderedDict[tuple[str, Path, int], ForkServer | None] = OrderedDict()

    def boot(self, image: Image, program: Program, log: Path) -> tuple[ForkedProcess, socket.socket] | None:
        """Make a container that a fork will enter; None where the program must be executed instead."""
        if not _offers(image, program.argv):
            return None
        try:
            server = self._server(image, program)
            return server.boot(program, log) if server else None
        except SandboxError as error:
            logger.warning("%s Its program is executed instead.", error)
            return None

    def _server(self, image: Image, program: Program) -> ForkServer | None:
        # Libraries count the processors when they are loaded.
        key = (image.digest, image.files, len(program.processors))
        with self._lock:
            server = self._servers.get(key)
            if key not in self._servers or (server and not server.alive):
                self._servers[key] = None  # what can't be started is not tried again
                self._servers[key] = server = ForkServer(image, program.processors, self._idle_seconds)
            self._servers.move_to_end(key)
            if len(self._servers) > MOST_SERVERS:
                self._servers.popitem(last=False)
            return server


servers = ForkServers()
"""Those of this process."""


def _offers(image: Image, argv: Sequence[str]) -> bool:
    """Whether the image says that its forks can be this program."""
    if PROGRAM not in image.labels or argv[0] not in image.labels.get(COMMANDS, "").split():
        return False
    # Below /opt/ml the file systems of image and job are one, which a server does not see.
    return not (image.files / "opt/ml").exists()


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
