"""The client that asks with hurtful requests survives what they do to a server."""

import asyncio

import pytest

from benchmarks.serving.load import post
from benchmarks.serving_fuzz import client
from benchmarks.serving_fuzz.case import CSV, Case


def test_a_server_that_reads_no_more_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LARGE_SECONDS", 0.2)
    monkeypatch.setattr(client, "MOST_SECONDS", 0.2)
    case = Case("", post(b"1" * (1 << 25), CSV), None)

    async def ask() -> client.Answer:
        accepted: list[asyncio.StreamWriter] = []

        def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            accepted.append(writer)

        server = await asyncio.start_server(hang, "127.0.0.1", 0, limit=1 << 10)
        port = server.sockets[0].getsockname()[1]
        try:
            return await asyncio.wait_for(client.Client(port).ask(case), 20)
        finally:
            for writer in accepted:
                writer.transport.abort()
            server.close()

    assert asyncio.run(ask()) == client.Answer(None, hung=True)
