"""The load generator tells right answers from wrong, late and missing ones."""

import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.serving import load
from benchmarks.serving.load import Outcome, Request

pytestmark = pytest.mark.skipif(
    shutil.which("cc") is None, reason="the load generator needs a C compiler, and a unit test installs none"
)
Respond = Callable[[bytes], bytes]
REQUESTS = [Request(load.post(b"%d" % value, "text/csv"), [value / 4, 0.5]) for value in range(8)]


def answer(body: bytes, status: bytes = b"200 OK", *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", b""]
    return b"\r\n".join(lines) + body


@pytest.fixture
def serve() -> Iterator[Callable[[Respond], int]]:
    """A server on a port, with a function from a request's body to the bytes of its answer."""
    listeners: list[socket.socket] = []

    def start(respond: Respond) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def client(connection: socket.socket) -> None:
            with connection:
                while asked := connection.recv(65_536):
                    found = respond(asked.rpartition(b"\r\n\r\n")[2])
                    if not found:
                        return
                    connection.sendall(found)
                    if b"Connection: close" in found:
                        return

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=client, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Outcome]:
    def run(port: int, *, rate: float = 0, retries: int = 0) -> Outcome:
        work = load.write(tmp_path / "work", REQUESTS)
        return load.run(port, work, 3, 0.3, rate=rate, retries=retries)

    return run


def right(body: bytes) -> bytes:
    return b'{"predictions 9":[%f,0.5]}' % (int(body) / 4)


def test_right_answers_are_right_in_any_format(
    serve: Callable[..., int], run: Callable[..., Outcome]
) -> None:
    for wrap in (right, lambda body: b"%f\n5e-1\n" % (int(body) / 4)):
        outcome = run(serve(lambda body, wrap=wrap: answer(wrap(body))))
        assert outcome.ok == outcome.answered > 8
        assert (outcome.wrong, outcome.errors) == (0, 0)
        assert 0 < outcome.p50_ms <= outcome.p99_ms <= outcome.slowest_ms * 1.02


@pytest.mark.parametrize("body", [b"", b"0.1,0.5", b"0,0.5,1", b"nan,nan", b"0.5"])
def test_every_wrong_answer_is_counted(
    serve: Callable[..., int], run: Callable[..., Outcome], body: bytes
) -> None:
    outcome = run(serve(lambda asked: answer(body if asked == b"0" else right(asked))))
    assert 0 < outcome.wrong <= outcome.ok // 8 + 1


def test_statuses_are_told_apart(serve: Callable[..., int], run: Callable[..., Outcome]) -> None:
    statuses = {b"1": b"429 Busy", b"2": b"503 Away", b"3": b"400 Bad", b"4": b"500 Oh"}
    outcome = run(serve(lambda body: answer(right(body), statuses.get(body, b"200 OK"))))
    assert outcome.wrong == 0
    assert min(outcome.busy, outcome.client_errors, outcome.server_errors) > 0
    assert outcome.errors == outcome.answered - outcome.ok


def test_a_connection_that_ends_after_its_answer_is_opened_again(
    serve: Callable[..., int], run: Callable[..., Outcome]
) -> None:
    outcome = run(serve(lambda body: answer(right(body), b"200 OK", b"Connection: close")))
    assert outcome.ok > 3
    assert outcome.errors == 0


def test_a_broken_connection_is_an_error_unless_the_request_may_be_sent_again(
    serve: Callable[..., int], run: Callable[..., Outcome]
) -> None:
    broken: set[bytes] = set()

    def first_time_never(body: bytes) -> bytes:
        if body in broken:
            return answer(right(body))
        broken.add(body)
        return b""

    outcome = run(serve(first_time_never))
    assert outcome.broken == len(broken) == 8
    broken.clear()
    outcome = run(serve(first_time_never), retries=3)
    assert outcome.errors == 0
    assert outcome.retries >= 8


def test_a_connection_may_end_after_some_requests(serve: Callable[..., int], tmp_path: Path) -> None:
    port = serve(lambda body: answer(right(body)))
    outcome = load.run(port, load.write(tmp_path / "work", REQUESTS), 3, 0.3, rate=100, lifetime=2)
    assert outcome.ok == 30
    assert outcome.errors == 0


def test_an_open_loop_keeps_its_schedule(serve: Callable[..., int], run: Callable[..., Outcome]) -> None:
    outcome = run(serve(lambda body: answer(right(body))), rate=100)
    assert outcome.answered == 30
    assert outcome.errors == 0


def test_requests_that_a_stalled_server_never_took_are_missed(
    serve: Callable[..., int], run: Callable[..., Outcome]
) -> None:
    stalled = threading.Event()

    def stall(_body: bytes) -> bytes:
        stalled.wait(20)
        return b""

    outcome = run(serve(stall), rate=100)
    stalled.set()
    assert outcome.answered == 0
    assert outcome.unanswered == 30
