"""The model server of a batch transform: a container that gets the records one mini-batch after the other.

docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
"""

import http.client
import json
import logging
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from local.sagemaker.containers import Container
from local.sagemaker.context import Context
from local.sagemaker.jobs.failure import JobFailed
from local.sagemaker.jobs.logs import LogStream
from local.sagemaker.jobs.runner import check

SEE_LOGS = "See job logs for more information"
_PORT = 8080
_LOOK_SECONDS = 0.2
_GRACE_SECONDS = 30.0
_PING_SECONDS = 2.0
_STARTUP_SECONDS = 1800.0
"""How long /ping may take to answer 200 (github.com/aws/amazon-sagemaker-examples/issues/815)."""
_STARTUP_FLOOR = 60.0
"""Seconds that a container has to start however fast time passes: the processor is not faster."""

logger = logging.getLogger(__name__)


class ModelServer:
    """A running container; leaving the block ends it, and so does stopping the job or closing the service."""

    def __init__(
        self, context: Context, container: Container, logs: LogStream, stopping: Callable[[], bool]
    ) -> None:
        self._context = context
        self._container = container
        self._logs = logs
        self._stopping = stopping
        self._over = threading.Event()
        self._broken: Exception | None = None
        self._idle: list[http.client.HTTPConnection] = []
        self._watcher = context.spawn(self._watch, name="transform-server")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._watcher.join()
        if self._container.alive:
            self._container.stop(_GRACE_SECONDS / self._context.speed)
        self._logs.flush(ended=True)

    def check(self) -> None:
        """Raise Closing or StopRequested if the job should not go on."""
        check(self._context, self._stopping)
        if self._broken is not None:
            raise self._broken

    def wait_healthy(self) -> None:
        """Return when /ping answers 200; JobFailed if the container ends or takes too long."""
        pause, waited = 0.02, 0.0
        limit = max(_STARTUP_SECONDS / self._context.speed, _STARTUP_FLOOR)
        while self._get("/ping") is None:
            self.check()
            if not self._container.alive or waited > limit:
                raise JobFailed(f"AlgorithmError: {SEE_LOGS}")
            self._context.closing.wait(pause)
            waited += pause
            pause = min(pause * 1.5, 0.5)

    def execution_parameters(self) -> Mapping[str, Any]:
        """The settings that the algorithm asks for; none if it does not know of them."""
        try:
            found = json.loads(self._get("/execution-parameters") or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def invoke(self, body: bytes, headers: Mapping[str, str], seconds: float) -> tuple[int, bytes]:
        """Status and body of the answer to a mini-batch; OSError or HTTPException if there is none."""
        if self._idle:
            # The container may end an idle connection at the moment of its use; a new one tells the truth.
            try:
                return self._exchange(self._idle.pop(), "POST", "/invocations", body, headers, seconds)
            except (ConnectionError, http.client.BadStatusLine, IndexError):
                self.check()
        return self._exchange(self._connected(), "POST", "/invocations", body, headers, seconds)

    def _get(self, path: str) -> bytes | None:
        """The body that comes with status 200; None for every other answer, and for none."""
        try:
            status, body = self._exchange(self._connected(), "GET", path, b"", {}, _PING_SECONDS)
        except (OSError, http.client.HTTPException):
            return None
        return body if status == 200 else None

    def _connected(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", _PORT)
        # The container has a network of its own: never connect to what listens there on this machine.
        connection.auto_open = 0
        connection.sock = self._container.connect(_PORT)
        return connection

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        seconds: float,
    ) -> tuple[int, bytes]:
        try:
            connection.sock.settimeout(seconds)
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            answer = response.status, response.read()
        except BaseException:
            connection.close()
            raise
        if connection.sock is not None:
            self._idle.append(connection)
        return answer

    def _watch(self) -> None:
        """Send the log while the container runs, and end it when nobody wants its answers any more."""
        while not self._over.wait(_LOOK_SECONDS):
            try:
                self._logs.flush()
            except Exception as error:  # whatever it is, the thread that runs the job must learn of it
                logger.exception("the log of a transform job")
                self._broken = error
            if self._broken is not None or self._context.closing.is_set() or self._stopping():
                self._container.kill()
                return
