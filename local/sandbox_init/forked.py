"""The first process of a container whose program is a fork of a server that has its modules loaded."""

# Importing pathlib would make each container wait for longer.
# ruff: noqa: PTH115, PTH123
import contextlib
import json
import os
import socket
import struct

from local.sandbox_init.supervisor import KILLED, Supervisor

NAMESPACES = ("user", "mnt", "pid", "net", "ipc", "uts")
"""Those of a container; the user's first, which gives the right to enter the others."""
READY_WITHIN = 25.0
"""Seconds for the server to load its modules and to fork; then the program is executed as without it."""


class ForkedSupervisor(Supervisor):
    """Asks the server for a fork in this container, checks where it is, and only then tells it its job.

    The request is one message with descriptors: a channel, the log, and the namespaces to enter, the user's
    first. The fork enters them, drops every privilege and sends its process id (4 bytes) through the channel;
    it gets `{"argv", "environment", "workdir"}` as JSON up to the end of the stream. After its end the
    channel carries its exit code (1 byte). Whatever goes wrong before, the program is executed as without a
    server.
    """

    def __init__(
        self,
        control: socket.socket,
        memory_bytes: int,
        requests: socket.socket | None,
        namespaces: list[int],
        workdir: str,
    ) -> None:
        super().__init__(control, memory_bytes)
        self.requests = requests
        self.namespaces = namespaces
        self.workdir = workdir

    def execute(self, argv: list[str], environment: dict[str, str]) -> str:
        """Start the program in a fork, or else as a new process; return why that failed."""
        channel = self.fork(argv, environment) if self.requests else None
        for descriptor in self.namespaces:
            os.close(descriptor)
        if self.requests:
            self.requests.close()
        if channel is None:
            return super().execute(argv, environment)
        self.watch(channel.fileno(), lambda: (channel.recv(1) or bytes([KILLED]))[0])
        return ""

    def fork(self, argv: list[str], environment: dict[str, str]) -> socket.socket | None:
        """Return the channel to a fork that runs the program, or None where there is none to be had."""
        assert self.requests  # noqa: S101 - for the type checker
        ours, theirs = socket.socketpair()
        ours.settimeout(READY_WITHIN)
        try:
            # socket.send_fds imports a module when called, which may no longer be in sight.
            descriptors = (theirs.fileno(), 1, *self.namespaces)
            packed = struct.pack(f"{len(descriptors)}i", *descriptors)
            with theirs:
                self.requests.sendmsg([b"f"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
            pid = struct.unpack("=i", ours.recv(4, socket.MSG_WAITALL))[0]
            if self.contained(pid):
                os.sched_setaffinity(pid, os.sched_getaffinity(0))
                job = {"argv": argv, "environment": environment, "workdir": self.workdir}
                ours.sendall(json.dumps(job).encode())
                ours.shutdown(socket.SHUT_WR)
                self.program = pid
                return ours
        except (OSError, struct.error) as error:
            print(f"The fork server gave no process ({error}).", flush=True)
        ours.close()
        return None

    def contained(self, pid: int) -> bool:
        """Whether a process is in every namespace of this one and can't regain privileges."""
        with contextlib.suppress(OSError), open(f"/proc/{pid}/status") as lines:
            fields = dict(line.split(":", 1) for line in lines)
            powerless = all(int(value, 16) == 0 for name, value in fields.items() if name.startswith("Cap"))
            same = all(
                os.readlink(f"/proc/{pid}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}")
                for name in NAMESPACES
            )
            return powerless and same and fields["NoNewPrivs"].strip() == "1" and pid > 1
        return False
