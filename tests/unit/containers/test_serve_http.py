"""The server over real sockets: order, limits, deadlines and its end."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from serve.limits import Limits
from serve.model import Model
from tests.unit.containers.image_jobs import Job
from tests.unit.containers.serve_clients import PING, ROW, post, running

Start = Callable[..., tuple[subprocess.Popen[bytes], int]]


@pytest.fixture(scope="module")
def model(trained: Job) -> Model:
    """The trained model in this process."""
    return Model(trained.ml / "model")


def test_prediction_names_the_model(model: Model) -> None:
    async def scenario() -> None:
        async with running(model) as (_, connect):
            status, headers, body = await (await connect()).ask(post(ROW))
            assert status == 200
            assert headers["content-type"] == "text/csv"
            assert headers["x-amzn-sagemaker-custom-attributes"] == f"model={model.version}"
            assert 0 < float(body) < 1
            _, headers, _ = await (await connect()).ask(post(ROW.replace("B6", "ZZ")))
            assert headers["x-amzn-sagemaker-custom-attributes"] == f"model={model.version},unseen=1"

    asyncio.run(scenario())


def test_the_times_of_a_request_that_asks_for_them(model: Model) -> None:
    asked = "X-Amzn-SageMaker-Custom-Attributes: timing"

    async def scenario() -> None:
        async with running(model) as (_, connect):
            client = await connect()
            for rows in (1, 10_000):
                _, headers, _ = await client.ask(post("\n".join([ROW] * rows), "/invocations", asked))
                pairs = headers["x-amzn-sagemaker-custom-attributes"].split(",")
                told = dict(pair.split("=") for pair in pairs)
                assert told.pop("model") == model.version
                assert list(told) == ["parse_us", "wait_us", "predict_us"]
                assert all(int(microseconds) >= 0 for microseconds in told.values())
            _, headers, _ = await client.ask(post(ROW, "/invocations", asked.replace("timing", "trace=1")))
            assert headers["x-amzn-sagemaker-custom-attributes"] == f"model={model.version}"

    asyncio.run(scenario())


def test_a_row_has_the_same_prediction_alone_and_in_company(model: Model) -> None:
    rows = [
        f"{100 + 37 * number},{number % 10 / 10},{['AA', 'B6', 'UA'][number % 3]},no,1999-05-01"
        for number in range(64)
    ]

    async def scenario() -> None:
        async with running(model) as (_, connect):
            client = await connect()
            alone = [(await client.ask(post(row)))[2] for row in rows]
            together = (await client.ask(post("\n".join(rows))))[2]
            assert b"".join(alone) == together
            clients = [await connect() for _ in rows]
            at_once = await asyncio.gather(
                *(one.ask(post(row)) for one, row in zip(clients, rows, strict=True))
            )
            assert [body for _, _, body in at_once] == alone

    asyncio.run(scenario())


def test_pipelined_answers_come_in_order_though_some_are_slow_and_some_are_refused(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "limits", Limits(large_bytes=500))

    async def scenario() -> None:
        async with running(model) as (_, connect):
            client = await connect()
            client.writer.write(post("\n".join([ROW] * 50)) + post("bad") + PING + post(ROW))
            answers = [await client.answer() for _ in range(4)]
            assert [status for status, _, _ in answers] == [200, 400, 200, 200]
            assert [len(body.splitlines()) for _, _, body in answers] == [50, 1, 0, 1]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("request_bytes", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404, "NotFound"),
        (b"GET /invocations HTTP/1.1\r\nHost: x\r\n\r\n", 405, "MethodNotAllowed"),
        (post("", "/ping"), 405, "MethodNotAllowed"),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\n\r\n", 411, "LengthRequired"),
        (post(ROW, "/invocations", "Accept: image/png"), 406, "NotAcceptable"),
        (post(ROW, content_type="application/x-npy"), 415, "UnsupportedMediaType"),
        (post(ROW, "/invocations", "Content-Encoding: gzip"), 415, "UnsupportedEncoding"),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413, "TooLarge"),
        (b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400, "Malformed"),
        (
            b"POST /invocations HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "Malformed",
        ),
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 400, "Malformed"),
        (b"GET /ping HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 20_000, 431, "HeadersTooLarge"),
        (post(""), 400, "Malformed"),
        (post("1,2"), 400, "Malformed"),
        (post(ROW.replace("500", "far")), 400, "BadValue"),
    ],
)
def test_client_errors(model: Model, request_bytes: bytes, status: int, code: str) -> None:
    async def scenario() -> None:
        async with running(model) as (_, connect):
            answer, headers, body = await (await connect()).ask(request_bytes)
            fields = json.loads(body)
            assert (answer, fields["code"]) == (status, code)
            assert re.fullmatch("[0-9a-f]{16}", fields["request_id"])
            assert ("allow" in headers) == (status == 405)
            assert (await (await connect()).ask(post(ROW)))[0] == 200

    asyncio.run(scenario())


def test_chunks_and_expect_continue(model: Model) -> None:
    async def scenario() -> None:
        async with running(model) as (_, connect):
            client = await connect()
            head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
            client.writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
            for piece in (ROW[:7].encode(), ROW[7:].encode(), b""):
                client.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await asyncio.sleep(0.01)
            assert (await client.answer())[0] == 200
            client.writer.write(head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ROW))
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert (await client.ask(ROW.encode()))[0] == 200

    asyncio.run(scenario())


# As Java's client offers it with its first request: https://www.rfc-editor.org/rfc/rfc9110#section-7.8
OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"
CHUNKED = b"POST /invocations HTTP/1.1\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("piece", [1 << 16, 40, 1])
@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (post(ROW, "/invocations?x=1", OFFER), 200),
        (CHUNKED + OFFER.encode() + b"\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(ROW), ROW.encode()), 200),
        (PING[:-2] + OFFER.encode() + b"\r\n\r\n", 200),
        (post("1,2", "/invocations", OFFER), 400),
    ],
    ids=["length", "chunks", "ping", "wrong"],
)
def test_the_offer_of_another_protocol_is_ignored(
    model: Model, request_bytes: bytes, status: int, piece: int
) -> None:
    async def scenario() -> None:
        async with running(model) as (connections, connect):
            client = await connect()
            # What comes behind is a request of its own.
            wire = request_bytes + post(ROW)
            for place in range(0, len(wire), piece):
                client.writer.write(wire[place : place + piece])
                await client.writer.drain()
            assert [(await client.answer())[0] for _ in range(2)] == [status, 200]
            assert connections.buffered == 0

    asyncio.run(scenario())


def test_what_cannot_be_read_is_refused_in_spite_of_an_offer(model: Model) -> None:
    async def scenario() -> None:
        async with running(model) as (_, connect):
            hidden = b"Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"
            for lines in (
                hidden,
                hidden.replace(b"chunked, gzip", b"chunked\r\nTransfer-Encoding: identity"),
            ):
                client = await connect()
                client.writer.write(b"POST /invocations HTTP/1.1\r\n" + lines + b"0\r\n\r\n" + PING)
                assert (await client.answer())[0] == 400
                assert await client.closed()
            client = await connect()
            assert (await client.ask(b"CONNECT x:80 HTTP/1.1\r\n\r\n" + PING))[0] == 404
            assert await client.closed()

    asyncio.run(scenario())


def test_a_chunked_body_is_cut_off_at_the_limit(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "limits", Limits(body_bytes=10_000))

    async def scenario() -> None:
        async with running(model) as (connections, connect):
            client = await connect()
            head = b"POST /invocations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            client.writer.write(head + b"1000\r\n%b\r\n" % (b"1" * 4096) * 3)
            assert (await client.answer())[0] == 413
            assert await client.closed()
            assert connections.buffered == 0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("part", "status"),
    [(b"GET /pi", 408), (post(ROW)[:-3], 408), (b"", None)],
    ids=["header", "body", "silence"],
)
def test_slow_clients_are_sent_away(
    model: Model, monkeypatch: pytest.MonkeyPatch, part: bytes, status: int | None
) -> None:
    monkeypatch.setattr(model, "limits", Limits(header_seconds=0.1, body_seconds=0.1))

    async def scenario() -> None:
        async with running(model) as (connections, connect):
            client = await connect()
            client.writer.write(part)
            if status:
                assert (await client.answer())[0] == status
            assert await client.closed()
            assert not connections.open

    asyncio.run(scenario())


def test_hundreds_of_slow_clients_keep_nobody_waiting_and_are_sent_away(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "limits", Limits(header_seconds=1, body_seconds=1))

    async def scenario() -> None:
        async with running(model) as (connections, connect):
            slow = [await connect() for _ in range(300)]
            for client in slow:
                client.writer.write(post(ROW)[:-1])
            quick = await connect()
            for _ in range(10):
                assert (await quick.ask(PING))[0] == 200
                assert (await quick.ask(post(ROW)))[0] == 200
            assert len(connections.open) == 301
            assert [(await client.answer())[0] for client in slow] == [408] * 300
            assert all([await client.closed() for client in slow])
            assert connections.buffered == 0

    asyncio.run(scenario())


def test_ping_is_answered_while_a_large_body_is_read(model: Model) -> None:
    async def scenario() -> None:
        async with running(model) as (_, connect):
            slow, quick = await connect(), await connect()
            slow.writer.write(post("\n".join([ROW] * 50_000)))
            large = asyncio.ensure_future(slow.answer())
            pings = 0
            while not large.done():
                assert (await quick.ask(PING))[0] == 200
                pings += 1
            assert len((await large)[2].splitlines()) == 50_000
            assert pings > 3

    asyncio.run(scenario())


def test_too_much_waiting_is_refused_as_busy(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "limits", Limits(large_bytes=1, large_bodies=2, connections=3))

    async def scenario() -> None:
        async with running(model) as (_, connect):
            client = await connect()
            client.writer.write(post("\n".join([ROW] * 2000)) * 4)
            answers = [await client.answer() for _ in range(4)]
            assert [status for status, _, _ in answers] == [200, 200, 429, 429]
            assert [headers.get("retry-after") for _, headers, _ in answers] == [None, None, "2", "2"]
            others = [await connect() for _ in range(3)]
            assert (await others[-1].answer())[0] == 429

    asyncio.run(scenario())


def test_a_failing_model_answers_500_without_detail(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with running(model) as (connections, connect):

            def broken(_rows: object) -> object:
                raise RuntimeError("a secret of the model")

            monkeypatch.setattr(connections.server._batch, "_ask", broken)
            status, _, body = await (await connect()).ask(post(ROW))
            assert status == 500
            assert b"secret" not in body

    asyncio.run(scenario())


def ask(port: int, request: bytes) -> bytes:
    """One request on a connection of its own, to a server process."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(request.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
        return answer


def test_a_dead_worker_is_replaced(trained: Job, serving: Start) -> None:
    process, port = serving(trained)
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    os.kill(first["process"], signal.SIGKILL)
    events = [json.loads(process.stdout.readline()) for _ in range(2)]
    assert [event["event"] for event in events] == ["worker_ended", "ready"]
    assert ask(port, post(ROW)).startswith(b"HTTP/1.1 200")


def test_stopping_answers_what_has_arrived(trained: Job, serving: Start) -> None:
    process, port = serving(trained)
    large = post("\n".join([ROW] * 50_000))
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        client.sendall(large[:-10])
        time.sleep(0.2)
        process.terminate()
        time.sleep(0.2)
        client.sendall(large[-10:])
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"Connection: close" in answer
    assert len(answer.partition(b"\r\n\r\n")[2].splitlines()) == 50_000
    assert process.wait(timeout=10) == 0


def test_the_workers_end_with_their_parent(trained: Job, serving: Start) -> None:
    process, _ = serving(trained, workers=2)
    assert process.stdout is not None
    workers = [json.loads(process.stdout.readline())["process"] for _ in range(2)]
    process.kill()
    for _ in range(500):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            break
        time.sleep(0.02)
    alive = [worker for worker in workers if Path(f"/proc/{worker}/cmdline").exists()]
    assert not [worker for worker in alive if Path(f"/proc/{worker}/cmdline").read_bytes()]


def test_a_model_that_was_changed_is_not_served(trained: Job, job: Job) -> None:
    for file in (trained.ml / "model").iterdir():
        job.put(f"model/{file.name}", file.read_bytes())
    job.put("model/model.ubj", b"{L")
    done = job.run("serve")
    assert done.returncode == 1
    assert "model.ubj is not the file that training wrote" in done.stderr
    assert "Traceback" not in done.stderr


def test_logs_never_hold_a_payload(trained: Job, serving: Start) -> None:
    process, port = serving(trained)
    assert b"400" in ask(port, post("very private,1,2,3"))
    process.terminate()
    assert process.stdout is not None
    logged = process.stdout.read()
    assert b'"code":"Malformed"' in logged
    assert b"private" not in logged
