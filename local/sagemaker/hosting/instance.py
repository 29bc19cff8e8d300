"""One running copy of a model container, and the requests that go to it."""

import asyncio
import contextlib
import http.client
import socket
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple

from local.sagemaker.containers import Container
from local.sagemaker.hosting.connection import Connection, ConnectionBroken, Response
from local.sagemaker.jobs.logs import LogStream

PORT = 8080
_PING_SECONDS = 2.0
"""docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html"""


class Reply(NamedTuple):
    """The whole answer to a blocking request."""

    status: int
    content_type: str
    body: bytes


class Instance:
    """A container that serves; requests come from one event loop, everything else from any thread."""

    def __init__(self, name: str, container: Container, directory: Path, log: LogStream) -> None:
        self.name = name
        self.directory = directory
        self.log = log
        self.outstanding = 0
        self.usable = True
        self._container = container
        self._idle: list[Connection] = []

    @property
    def alive(self) -> bool:
        """Whether the container runs."""
        return self._container.alive

    def exit_code(self) -> int | None:
        """The exit code of a container that ended."""
        return self._container.wait(timeout=1)

    def ping(self) -> bool:
        """Whether GET /ping answers 200 in time."""
        try:
            with self._container.connect(PORT) as connected:
                connected.settimeout(_PING_SECONDS)
                connection = http.client.HTTPConnection("127.0.0.1", PORT)
                connection.sock = connected
                connection.request("GET", "/ping")
                return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        """Send a request of any size over a connection of its own and wait for the answer.

        Raises OSError if the connection ends before, TimeoutError after so many seconds of silence.
        """
        try:
            with self._container.connect(PORT) as connected:
                connected.settimeout(seconds)
                connection = http.client.HTTPConnection("127.0.0.1", PORT)
                connection.sock = connected
                connection.request("POST", "/invocations", body=body, headers=dict(headers))
                answer = connection.getresponse()
                content_type = answer.getheader("Content-Type") or "application/octet-stream"
                return Reply(answer.status, content_type, answer.read())
        except http.client.HTTPException as error:
            raise ConnectionError(f"The container's answer is not HTTP: {error!r}") from error

    async def exchange(self, request: bytes, connecting: Executor) -> Response:
        """Send a request over a kept connection or a new one; ConnectionBroken if no answer came back."""
        if kept := self._kept():
            # The container may end an idle connection at the moment of its use; a new one tells the truth.
            with contextlib.suppress(ConnectionBroken):
                return await self._over(kept, request)
        return await self._over(await self._connect(connecting), request)

    async def _over(self, connection: Connection, request: bytes) -> Response:
        response = await connection.exchange(request)
        if connection.reusable:
            self._idle.append(connection)
        return response

    def _kept(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def _connect(self, connecting: Executor) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            connected = await loop.run_in_executor(connecting, self._open)
            _, connection = await loop.create_connection(Connection, sock=connected)
        except OSError as error:
            raise ConnectionBroken(str(error)) from error
        return connection

    def _open(self) -> socket.socket:
        connected = self._container.connect(PORT)
        connected.setblocking(False)
        return connected

    def stop(self, grace_seconds: float) -> None:
        """Take no more requests and end: SIGTERM, and SIGKILL after the grace."""
        self.usable = False
        self._container.stop(grace_seconds)

    def wait_idle(self, sleep: Callable[[float], bool], seconds: float) -> None:
        """Wait until no request is under way, for at most so long; `sleep` answers False to give up.

        The instance must be out of the routing. The first pause lets a request through that had picked it
        from the routing before.
        """
        self.usable = False
        waited = 0.0
        while sleep(0.05) and self.outstanding and waited < seconds:
            waited += 0.05
