"""The first process of a container: starts the program, reaps, hands out sockets, dies with its owner.

Runs under `python -I -S -E` and imports little, because every container waits for it.
"""

import contextlib
import errno
import marshal
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable

from local.sandbox_init import filesystem, kernel, memory

FORWARDED = (signal.SIGTERM, signal.SIGINT)
KILLED = 128 + signal.SIGKILL
CHECK_MEMORY_EVERY = 0.25


def main() -> None:
    """Read what to run from the control socket, whose descriptor is in argv, and run it."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    with control.makefile("rb") as stream:
        program = marshal.load(stream)  # noqa: S302 - our owner wrote it
    os._exit(contain(control, **program))


def contain(
    control: socket.socket,
    *,
    isolated: bool,
    as_user: bool,
    argv: list[str],
    environment: dict[str, str],
    workdir: str,
    hostname: str,
    mounts: list[tuple[str, str, str]],
    processors: list[int],
    memory_bytes: int,
) -> int:
    """Make the container, run `argv` in it and return the exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {*FORWARDED, signal.SIGCHLD})
    try:
        if isolated:
            kernel.unshare(as_user=as_user)
            first = os.fork()
            if first:
                control.close()
                return stand_in(first)
            kernel.die_with_parent()
            filesystem.enter(mounts)
            filesystem.settle(hostname)
            kernel.drop_privileges()
        if processors:
            os.sched_setaffinity(0, processors)
        os.chdir(workdir)
    except OSError as error:
        return refuse(control, f"{error.filename or error.filename2 or 'set-up'}: {error.strerror}")
    return Supervisor(control, memory_bytes).run(argv, environment)


def stand_in(first: int) -> int:
    """Outside of the namespaces: pass signals on to PID 1 and end as it ends."""
    while True:
        received = signal.sigwait({*FORWARDED, signal.SIGCHLD})
        if received in FORWARDED:
            with contextlib.suppress(ProcessLookupError):
                os.kill(first, received)
        elif os.waitid(os.P_PID, first, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return exit_code(os.waitpid(first, 0)[1])


def exit_code(status: int) -> int:
    """Return the exit code as Docker counts it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def refuse(control: socket.socket, why: str) -> int:
    """Tell the owner why there is no container."""
    with contextlib.suppress(OSError):
        control.sendall(b"!" + why.encode())
    return 125


def replace_process(argv: list[str], environment: dict[str, str]) -> str:
    """Execute the program, found on its own PATH; return why that failed.

    os.execvpe does the same, but imports a module on the way, from files that may no longer be in sight.
    """
    program, path = argv[0], environment.get("PATH", "")
    problem = f"the program {program!r} is not on its PATH ({path})"
    for directory in [""] if "/" in program else path.split(":"):
        try:
            os.execve(directory + "/" * bool(directory) + program, argv, environment)  # noqa: S606
        except OSError as error:
            if "/" in program or error.errno not in (errno.ENOENT, errno.ENOTDIR):
                problem = f"the program {program!r} can't be executed ({error.strerror})"
    return problem


class Supervisor:
    """Runs one program and answers its owner until either ends."""

    def __init__(self, control: socket.socket, memory_bytes: int) -> None:
        self.control = control
        self.memory_bytes = memory_bytes
        self.program = 0
        self.poll = select.poll()
        self.handlers: dict[int, Callable[[], int | None]] = {}

    def run(self, argv: list[str], environment: dict[str, str]) -> int:
        """Wait for the owner's go, execute the program and return its exit code."""
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (*FORWARDED, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {*FORWARDED, signal.SIGCHLD})
        self.watch(self.control.fileno(), lambda: self.answer(argv, environment))
        self.watch(wake, lambda: self.handle_signals(os.read(wake, 64)))
        with contextlib.suppress(OSError):
            self.control.sendall(b"+")
        code: int | None = None
        next_check = 0.0
        while code is None:
            for descriptor, _ in self.poll.poll(CHECK_MEMORY_EVERY * 1000 if self.memory_bytes else None):
                if code is None:
                    code = self.handlers[descriptor]()
            if code is None and self.memory_bytes and time.monotonic() > next_check:
                next_check = time.monotonic() + CHECK_MEMORY_EVERY
                code = self.check_memory()
        self.end()
        return code

    def watch(self, descriptor: int, handler: Callable[[], int | None]) -> None:
        """Call the handler when there is something to read; what it returns, unless None, ends all."""
        self.poll.register(descriptor, select.POLLIN)
        self.handlers[descriptor] = handler

    def handle_signals(self, numbers: bytes) -> int | None:
        """Forward signals and reap; return the exit code once the program has ended."""
        code = None
        for number in numbers:
            if number in FORWARDED and self.program:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.program, number)
        with contextlib.suppress(ChildProcessError):
            while (reaped := os.waitpid(-1, os.WNOHANG))[0]:
                if reaped[0] == self.program:
                    code = exit_code(reaped[1])
        return code

    def answer(self, argv: list[str], environment: dict[str, str]) -> int | None:
        """Answer one request of the owner: `s` is a socket of this network, `g` is the go."""
        try:
            request = self.control.recv(1)
        except OSError:
            request = b""
        if request == b"s":
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as fresh:
                # socket.send_fds imports a module when called, which may no longer be in sight.
                rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fresh.fileno()))
                self.control.sendmsg([b"s"], [rights])
            return None
        if request == b"g":
            problem = self.execute(argv, environment)
            if problem:
                return refuse(self.control, problem)
            self.control.sendall(b"+")
            return None
        return KILLED  # the owner is gone

    def check_memory(self) -> int | None:
        """Return the exit code of a killed container if its processes use too much together."""
        if not memory.exceeds(self.memory_bytes):
            return None
        megabytes = self.memory_bytes // 2**20
        print(
            f"Killed: the container used more than its {megabytes} MB of memory.", file=sys.stderr, flush=True
        )
        return KILLED

    def execute(self, argv: list[str], environment: dict[str, str]) -> str:
        """Start the program; return why it could not be executed, or an empty string."""
        failed, failure = os.pipe2(os.O_CLOEXEC)
        self.program = os.fork()
        if not self.program:
            try:
                for number in (*FORWARDED, signal.SIGCHLD):
                    signal.signal(number, signal.SIG_DFL)
                signal.set_wakeup_fd(-1)
                os.setsid()
                os.write(failure, replace_process(argv, environment).encode())
            finally:
                os._exit(127)
        os.close(failure)
        problem = os.read(failed, 4096).decode()
        os.close(failed)
        return problem

    def end(self) -> None:
        """Kill what is left: all processes of a namespace, else the program's group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpid() == 1:
                os.kill(-1, signal.SIGKILL)
            elif self.program:
                os.killpg(self.program, signal.SIGKILL)
