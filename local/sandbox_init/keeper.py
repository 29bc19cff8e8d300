"""The first process around a fork server: starts it, and makes the containers that its forks enter.

A fork server is a program of an image that has its modules loaded and forks on request. It is untrusted, as
every program of an image: it has no privileges, no network and no job's files. What is trusted is this
process, which makes each job's container as `supervisor.contain` does. The fork is then let in: it is of the
user that owns the container's user namespace, and the namespaces are handed to it as descriptors.

Each job has a process of its own below this one, so all of them die with it, and it with its owner.
"""

import contextlib
import marshal
import os
import select
import signal
import socket
import sys
import time
from typing import NoReturn

from local.sandbox_init import filesystem, kernel
from local.sandbox_init.forked import NAMESPACES, ForkedSupervisor
from local.sandbox_init.supervisor import FORWARDED, refuse, replace_process, stand_in

SOCKET_VARIABLE = "FORK_SERVER_SOCKET"
MOST_BYTES = 1 << 20


def main() -> None:
    """Read what the server is from the control socket, whose descriptor is in argv, and keep it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    settings = marshal.loads(control.recv(MOST_BYTES))  # noqa: S302 - our owner wrote it
    try:
        kernel.unshare(kernel.CLONE_NEWPID, as_user=settings["as_user"])
    except OSError as error:
        os._exit(refuse(control, f"{error.filename}: {error.strerror}"))
    if first := os.fork():
        control.close()
        os._exit(os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF)
    kernel.die_with_parent()
    os._exit(Keeper(control, settings["program"], settings["idle_seconds"]).run())


class Keeper:
    """Runs one fork server, anew after a crash, and one container per request of the owner."""

    def __init__(self, control: socket.socket, program: "dict[str, object]", idle_seconds: float) -> None:
        self.control = control
        self.program = program
        self.idle_seconds = idle_seconds
        self.jobs: set[int] = set()
        self.server = 0
        self.requests: socket.socket | None = None
        self.ready = False
        self.unusable = False

    def run(self) -> int:
        """Serve until the owner is gone, or nothing was asked for `idle_seconds`."""
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self.control.sendall(b"+")
        last_use = time.monotonic()
        while self.jobs or time.monotonic() - last_use < self.idle_seconds:
            poll = select.poll()
            poll.register(self.control, select.POLLIN)
            poll.register(wake, select.POLLIN)
            if self.requests and not self.ready:
                poll.register(self.requests, select.POLLIN)
            for descriptor, _ in poll.poll(None if self.jobs else self.idle_seconds * 1000):
                last_use = time.monotonic()
                if descriptor == wake:
                    os.read(wake, 64)
                    self.reap()
                elif descriptor == self.control.fileno():
                    if not self.accept():
                        return 0
                elif self.requests:
                    self.greet(self.requests)
        return 0

    def reap(self) -> None:
        """Collect the processes that ended; a server that was never ready is not tried again."""
        with contextlib.suppress(ChildProcessError):
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                self.jobs.discard(pid)
                if pid == self.server and self.requests:
                    self.greet(self.requests)
                    self.unusable = not self.ready
                    self.requests.close()
                    self.requests = None

    def greet(self, requests: socket.socket) -> None:
        """Note that the server has loaded its modules."""
        with contextlib.suppress(OSError):
            self.ready = self.ready or requests.recv(1, socket.MSG_DONTWAIT) == b"+"

    def accept(self) -> bool:
        """Take a request: three descriptors, of the control socket, of the status socket and of the log."""
        message, descriptors, _, _ = socket.recv_fds(self.control, 1, 3)
        for descriptor in descriptors:  # nothing of a job is for the server
            os.set_inheritable(descriptor, False)
        if not message:
            return False
        self.reap()
        if self.requests is None and not self.unusable:
            self.launch()
        pid = os.fork()
        if not pid:
            self.contain(*descriptors)
        self.jobs.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        return True

    def launch(self) -> None:
        """Start the server."""
        self.ready = False
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.server = os.fork()
        if not self.server:
            problem = ""
            try:
                problem = execute_server(theirs, **self.program)  # type: ignore[arg-type]
            except OSError as error:
                problem = f"{error.filename or 'set-up'}: {error.strerror}"
            finally:
                print(f"The fork server could not be started: {problem}.", file=sys.stderr, flush=True)
                os._exit(127)
        theirs.close()

    def contain(self, control_descriptor: int, status_descriptor: int, log: int) -> NoReturn:
        """In a child: run one job in its own container, tell its exit code and leave."""
        self.control.close()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.dup2(log, 1)
        os.dup2(log, 2)
        control = socket.socket(fileno=control_descriptor)
        status = socket.socket(fileno=status_descriptor)
        # The kernel adds this process's id as the owner sees it.
        status.sendall(b"p")
        with control.makefile("rb") as stream:
            program = marshal.load(stream)  # noqa: S302 - our owner wrote it
        code = contain_fork(control, status, self.requests, **program)
        with contextlib.suppress(OSError):
            status.sendall(bytes([code]))
        os._exit(code)


def execute_server(
    requests: socket.socket,
    *,
    argv: list[str],
    environment: dict[str, str],
    workdir: str,
    hostname: str,
    mounts: filesystem.Mounts,
    processors: list[int],
) -> str:
    """Become the fork server; return why that failed."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    # In the process namespace of its keeper: a process can enter no other than those below its own.
    kernel.unshare(kernel.ALL & ~kernel.CLONE_NEWPID, as_user=False)
    filesystem.enter(mounts)
    filesystem.settle(hostname)
    kernel.drop_privileges()
    if processors:
        os.sched_setaffinity(0, processors)
    os.chdir(workdir)
    requests.set_inheritable(True)
    return replace_process(argv, {**environment, SOCKET_VARIABLE: str(requests.fileno())})


def contain_fork(
    control: socket.socket,
    status: socket.socket,
    requests: socket.socket | None,
    *,
    argv: list[str],
    environment: dict[str, str],
    workdir: str,
    hostname: str,
    mounts: filesystem.Mounts,
    processors: list[int],
    memory_bytes: int,
) -> int:
    """Make the container, have a fork of the server run `argv` in it, and return the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})
    try:
        # First the root directory, then the user namespace that the server's forks can enter: a process of
        # that namespace, which the server might reach, must never have this machine's files in sight.
        kernel.unshare(kernel.CLONE_NEWNS, as_user=False)
        filesystem.enter(filesystem.with_writable_proc(mounts))
        kernel.unshare(as_user=True)
        if first := os.fork():
            control.close()
            return stand_in(first)
        status.close()
        kernel.die_with_parent()
        filesystem.mount_proc()
        filesystem.settle(hostname)
        namespaces = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in NAMESPACES]
        kernel.drop_privileges()
        if processors:
            os.sched_setaffinity(0, processors)
        os.chdir(workdir)
    except OSError as error:
        os._exit(refuse(control, f"{error.filename or error.filename2 or 'set-up'}: {error.strerror}"))
    supervisor = ForkedSupervisor(control, memory_bytes, requests, namespaces, workdir)
    os._exit(supervisor.run(argv, environment))
