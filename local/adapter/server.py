"""The server: ministack with our services inside, on one port of 127.0.0.1, TLS terminated in name."""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
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
    config = seams.hypercorn_config.Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 2
    config.loglevel = "WARNING"
    asyncio.run(_run(Gateway(installation), config, installation))


async def _run(gateway: "Gateway", config: Any, installation: Installation) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await seams.hypercorn_asyncio.serve(gateway, config, shutdown_trigger=stopped.wait)
    finally:
        await asyncio.to_thread(installation.close)


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
            headers = list(scope["headers"])
            if not any(name.lower() == b"x-forwarded-proto" for name, _ in headers):
                # Loopback never leaves the machine: it counts as TLS, which our bucket policies demand.
                headers.append((b"x-forwarded-proto", b"https"))
            scope = _by_path(scope | {"headers": headers})
            if Runtime.answers(scope):
                await self._installation.runtime(scope, receive, send)
                return
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
    host = next((value for name, value in scope["headers"] if name.lower() == b"host"), b"")
    found = _API_HOST.match(host.decode("latin-1"))
    # The raw path stays as the caller signed it.
    return scope | {"path": f"/_aws/execute-api/{found[1]}{scope['path']}"} if found else scope
