"""A server in this event loop, raw clients of it, and models to serve."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from serve.http import Connections
from serve.model import Model
from serve.server import Server
from tabular import artifact
from tests.unit.containers.image_jobs import Job

ROW = "500,0.8,B6,true,2000-05-01"


def post(
    body: str | bytes, path: str = "/invocations", *headers: str, content_type: str = "text/csv"
) -> bytes:
    """One request as bytes."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Type: {content_type}", *headers]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"


class Client:
    """A raw connection to a server in this event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send and read one answer."""
        self.writer.write(request)
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)).decode()
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
        body = await self.reader.readexactly(int(headers["content-length"]))
        return int(status.split()[1]), headers, body

    async def closed(self) -> bool:
        """Whether the server ended the connection."""
        return await asyncio.wait_for(self.reader.read(), 20) == b""


@asynccontextmanager
async def running(model: Model) -> AsyncIterator[tuple[Connections, Callable[[], "asyncio.Future[Client]"]]]:
    """A server in this loop, and a way to connect to it."""
    loop = asyncio.get_running_loop()
    connections = Connections(Server(model, loop), loop)
    listener = await loop.create_server(connections.accept, "127.0.0.1", 0)
    connections.sweep()
    clients: list[Client] = []

    async def connect() -> Client:
        clients.append(
            Client(*await asyncio.open_connection("127.0.0.1", listener.sockets[0].getsockname()[1]))
        )
        return clients[-1]

    yield connections, lambda: asyncio.ensure_future(connect())
    for client in clients:
        client.writer.close()
    listener.close()
    connections.server.close()


def with_function(trained: Job, place: Path, source: str) -> Path:
    """The trained model with a module own.py, whose `predict` answers requests; a directory to serve."""
    loaded = artifact.load(trained.ml / "model")
    (place / "modules").mkdir()
    (place / "modules" / "own.py").write_text(source, encoding="utf-8")
    schema = replace(loaded.schema, predict="own:predict")
    artifact.write(place / "model", loaded.model, schema, loaded.origin, place / "modules")
    return place / "model"
