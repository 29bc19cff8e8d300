"""The server: ministack with our services inside, on one port of 127.0.0.1, TLS terminated in name."""

import asyncio
import contextlib
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from local.adapter import seams
from local.adapter.host import MinistackHost
from local.adapter.installation import Installation
from local.adapter.runtime import Runtime

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
_API_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?::\d+)?$")


def serve(state: Path, port: int, account: str, region: str, speed: float) -> None:
    """Serve until SIGTERM or SIGINT; then end every container and write the last state."""
    seams.check()
    host = MinistackHost(state, port, account, region, speed)
    installation = Installation(host)
    # ministack's own server costs three times as much for each prediction, most of it for reading HTTP.
    config = seams.uvicorn.Config(
        Gateway(installation),
        host="127.0.0.1",
        port=port,
        http="httptools",
        ws="wsproto",
        lifespan="on",
        log_config=None,
        access_log=False,
        # What a caller says of a proxy is a header like any other.
        proxy_headers=False,
        # ministack writes a Date of its own, and AWS names no server.
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        backlog=4096,
    )
    with asyncio.Runner(loop_factory=seams.uvloop.new_event_loop) as runner:
        runner.run(_run(_Server(config), installation))


async def _run(server: "_Server", installation: Installation) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.end)
    try:
        await server.serve()
    finally:
        await asyncio.to_thread(installation.close)


class _Server(seams.uvicorn.Server):  # type: ignore[misc]
    """Ends when told to, and leaves the signals to us: after its own end there is still work to do."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield

    def end(self) -> None:
        """Take no more connections, answer what is under way, and return from `serve`."""
        self.should_exit = True


class Gateway:
    """The ASGI application: ministack's, with what has to happen around each request."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or take part in the server's start and end."""
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        if scope["type"] == "http":
            scope = _by_path(scope)
            if Runtime.answers(scope):
                await self._installation.runtime(scope, receive, send)
                return
            headers = scope["headers"]
            if not any(name == b"x-forwarded-proto" for name, _ in headers):
                # Loopback never leaves the machine: it counts as TLS, which our bucket policies demand.
                scope = scope | {"headers": [*headers, (b"x-forwarded-proto", b"https")]}
        await seams.app.app(scope, receive, send)

    async def _lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Start our services once ministack has its state back, before the port opens."""

        async def started(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._installation.start(asyncio.get_running_loop())
            await send(message)

        await seams.app.app(scope, receive, started)


def _by_path(scope: Scope) -> Scope:
    """Lead a request for an API's own host name to the API: the name resolves to nothing here."""
    host: bytes = next((value for name, value in scope["headers"] if name == b"host"), b"")
    if b".execute-api." not in host:
        return scope
    found = _API_HOST.match(host.decode("latin-1"))
    # The raw path stays as the caller signed it.
    return scope | {"path": f"/_aws/execute-api/{found[1]}{scope['path']}"} if found else scope
