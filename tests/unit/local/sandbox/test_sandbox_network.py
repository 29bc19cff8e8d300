"""A container's network: loopback, sockets handed out, and the AWS endpoint."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from local import sandbox
from tests.unit.local.sandbox.box import Box

SERVER = """
import socket, sys
listener = socket.create_server(("0.0.0.0", 8080), backlog=512)
print("listening", flush=True)
while True:
    client, _ = listener.accept()
    client.sendall(sys.argv[1].encode())
    client.close()
"""


def test_the_network_is_loopback_alone(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        program = f"""
import socket
for address in [("127.0.0.1", {listener.getsockname()[1]}), ("1.1.1.1", 53), ("169.254.169.254", 80)]:
    try: socket.create_connection(address, 3); print("reached", address)
    except OSError as error: print(type(error).__name__, error.errno)
print([name for _, name in socket.if_nameindex()])
try: socket.getaddrinfo("aws.amazon.com", 443)
except OSError: print("no names")
own = socket.create_server(("127.0.0.1", 5000)); socket.create_connection(("localhost", 5000)); print("own")
"""
        assert box.python(program).wait(20) == 0
    refused, *unreachable, interfaces, names, own = box.log.read_text().splitlines()
    assert refused == "ConnectionRefusedError 111"
    assert unreachable == ["OSError 101", "OSError 101"]
    assert (interfaces, names, own) == ("['lo']", "no names", "own")


def test_two_containers_have_a_port_8080_each(box: Box) -> None:
    one, two = box.python(SERVER, "one"), box.python(SERVER, "two")
    box.wait_for_log("listening\nlistening\n")
    for container, name in ((one, b"one"), (two, b"two")):
        with container.connect(8080) as connection:
            assert connection.recv(10) == name
    with pytest.raises(ConnectionRefusedError):
        one.connect(8081)


def test_connections_can_be_made_from_many_threads(box: Box) -> None:
    container = box.python(SERVER, "hello")
    box.wait_for_log("listening")
    answers: list[bytes] = []

    def call() -> None:
        for _ in range(50):
            with container.connect(8080, timeout=10) as connection:
                answers.append(connection.recv(10))

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"hello"] * 400


def test_connecting_to_a_container_that_ended_is_refused(box: Box) -> None:
    container = box.python(SERVER, "hello")
    container.kill()
    with pytest.raises(ConnectionRefusedError, match="has ended"):
        container.connect(8080)


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 3_000_000)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def test_network_reaches_the_aws_endpoint_and_nothing_else(box: Box, endpoint: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        program = f"""
import socket, urllib.request
for _ in range(3): print(len(urllib.request.urlopen("http://127.0.0.1:{endpoint}/").read()))
try: socket.create_connection(("127.0.0.1", {other.getsockname()[1]}))
except OSError as error: print(type(error).__name__)
"""
        address = f"http://127.0.0.1:{endpoint}"
        assert box.python(program, network=True, aws_endpoint=address).wait(20) == 0
    assert box.log.read_text().split() == ["3000000"] * 3 + ["ConnectionRefusedError"]
    assert box.python(program, aws_endpoint=address).wait(20) != 0


@pytest.mark.parametrize("elsewhere", ["https://sts.amazonaws.com:443", "http://127.0.0.1", "8080"])
def test_an_endpoint_that_is_not_on_this_machine_is_refused(box: Box, elsewhere: str) -> None:
    with pytest.raises(sandbox.SandboxError, match="must be an address of this machine"):
        box.start("true", network=True, aws_endpoint=elsewhere)


def test_the_relay_ends_with_its_container(box: Box, endpoint: int) -> None:
    def relays() -> bool:
        return any(thread.name == "relay" for thread in threading.enumerate())

    container = box.start("sleep", "60", network=True, aws_endpoint=f"127.0.0.1:{endpoint}")
    assert relays()
    container.kill()
    box.eventually(lambda: not relays())
