"""Starts containers."""

import dataclasses
import functools
import marshal
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from local.images.image import Image
from local.sandbox import forks, layout
from local.sandbox.boot import await_answer, boot_python
from local.sandbox.container import Container, Limits, Process, SandboxError
from local.sandbox.program import Program, processors, variables, without_namespaces
from local.sandbox.relay import parse_endpoint, relay

_SERVING_PORT = 8080


def start(
    image: Image,
    *,
    command: Sequence[str],
    entrypoint: Sequence[str] | None = None,
    ml: Path,
    environment: Mapping[str, str],
    hostname: str = "algo-1",
    network: bool = False,
    aws_endpoint: str | None = None,
    limits: Limits = Limits(),  # noqa: B008 - frozen
    log: Path,
    isolated: bool | None = None,
) -> Container:
    """Run a program of the image in a container with the directory `ml` as /opt/ml and its output in `log`.

    Without `network` there is only the loopback interface; with it, `aws_endpoint` can be reached too, and
    nothing else. `isolated=None` makes a real container wherever `unavailable()` is None, else a plain
    process that finds its directory and port in SAGEMAKER_BASE_DIR and SAGEMAKER_BIND_TO_PORT.
    Raises SandboxError.
    """
    argv = image.argv(command, entrypoint)
    if not argv:
        raise SandboxError(f"The image {image.digest} has no command of its own and none was given.")
    environment = variables(image, environment, hostname)
    cpus = processors(limits)
    if not (unavailable() is None if isolated is None else isolated):
        port = _free_port()
        arguments, environment = without_namespaces(image, argv, environment, ml.resolve(), port)
        process, control = _boot(Program(arguments, environment, str(ml.resolve()), cpus), log)
        _go(process, control)
        return Container(process, control, functools.partial(_connect_here, port))
    program = Program(
        argv=list(argv),
        environment=environment,
        workdir=image.workdir,
        processors=cpus,
        memory_bytes=(limits.memory_mb or 0) * 2**20,
        isolated=True,
        as_user=os.geteuid() != 0,
        hostname=hostname,
        mounts=layout.plan(image, ml, hostname),
    )
    address = parse_endpoint(aws_endpoint) if network and aws_endpoint else None
    process, control = forks.servers.boot(image, program, log) or _boot(program, log)
    inside = _Network(control)
    if address:
        relay(inside.open_socket(), address, process.pid)
    _go(process, control)
    return Container(process, control, inside.connect)


@functools.cache
def unavailable() -> str | None:
    """Return why this machine can't make containers (one sentence), or None if it can."""
    if sys.platform != "linux":
        return "Containers need Linux; jobs and endpoints run as plain processes here."
    with tempfile.TemporaryDirectory() as directory:
        ml = Path(directory)
        empty = Image(digest="sha256:" + "0" * 64, files=ml)
        try:
            container = start(empty, command=["true"], ml=ml, environment={}, log=ml / "log", isolated=True)
            container.wait()
        except SandboxError as error:
            return f"{error} Jobs and endpoints run as plain processes here."
    return None


def _boot(program: Program, log: Path) -> tuple[Process, socket.socket]:
    """Start the first process of a container and wait until all is ready for the program."""
    with log.open("ab") as output:
        process, control = boot_python("supervisor", socket.SOCK_STREAM, output)
    with suppress(OSError):
        # Not JSON: importing its decoder would be a third of a container's start-up time.
        control.sendall(marshal.dumps(dataclasses.asdict(program)))
    await_answer(process, control)
    return process, control


def _go(process: Process, control: socket.socket) -> None:
    control.sendall(b"g")
    await_answer(process, control)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _connect_here(serving_port: int, port: int, timeout: float) -> socket.socket:
    return socket.create_connection(("127.0.0.1", serving_port if port == _SERVING_PORT else port), timeout)


class _Network:
    """The network of a container, reached with sockets that its first process makes and hands out.

    A socket belongs to the network namespace that it was made in, so it can be connected from here:
    no proxy is on the path of the data.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._turn = threading.Lock()

    def open_socket(self) -> socket.socket:
        """Return a fresh TCP socket of the container's network."""
        with self._turn:
            try:
                self._control.sendall(b"s")
                _, descriptors, _, _ = socket.recv_fds(self._control, 1, 1, socket.MSG_CMSG_CLOEXEC)
            except OSError:
                descriptors = []
        if not descriptors:
            raise ConnectionRefusedError("The container has ended.")
        return socket.socket(fileno=descriptors[0])

    def connect(self, port: int, timeout: float) -> socket.socket:
        """Return a connection to the loopback interface inside."""
        connection = self.open_socket()
        try:
            connection.settimeout(timeout)
            connection.connect(("127.0.0.1", port))
        except OSError:
            connection.close()
            raise
        return connection
