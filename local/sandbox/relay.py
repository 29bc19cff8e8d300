"""The one way out of a container: the AWS endpoint, at the address that it has outside."""

import os
import select
import socket
import threading
from contextlib import suppress

from local.sandbox.container import SandboxError


def parse_endpoint(endpoint: str) -> tuple[str, int]:
    """Return host and port of `http://127.0.0.1:4566` or `127.0.0.1:4566`; raises SandboxError."""
    host, _, port = (
        endpoint.partition("://")[2].rpartition(":") if "://" in endpoint else endpoint.rpartition(":")
    )
    if not (host.startswith("127.") or host == "localhost") or not port.rstrip("/").isdigit():
        raise SandboxError(
            f"The AWS endpoint {endpoint!r} must be an address of this machine, such as 127.0.0.1:4566."
        )
    return host, int(port.rstrip("/"))


def relay(inside: socket.socket, address: tuple[str, int], container: int) -> None:
    """Listen with `inside`, a socket of the container's network, and relay to `address` outside.

    Ends when the process `container` ends.
    """
    inside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    inside.bind(("127.0.0.1" if address[0] == "localhost" else address[0], address[1]))
    inside.listen(128)
    ended = os.pidfd_open(container)
    threading.Thread(target=_accept, args=(inside, address, ended), name="relay", daemon=True).start()


def _accept(inside: socket.socket, address: tuple[str, int], ended: int) -> None:
    poll = select.poll()
    poll.register(inside, select.POLLIN)
    poll.register(ended, select.POLLIN)
    with inside:
        while all(descriptor != ended for descriptor, _ in poll.poll()):
            client = inside.accept()[0]
            try:
                server = socket.create_connection(address)
            except OSError:
                client.close()
                continue
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_copy, args=(one, other), name="relay", daemon=True).start()
    os.close(ended)


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source's end; the last of a pair of copies closes both sockets by dropping them."""
    with suppress(OSError):
        while block := source.recv(1 << 18):
            target.sendall(block)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
