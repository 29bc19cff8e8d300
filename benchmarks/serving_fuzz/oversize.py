"""How much of a body above the limit the server reads, and what memory that takes it."""

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.serving.processes import Running
from benchmarks.serving_fuzz.goals import Goal

LIMIT = 25 << 20
"""What serve.limits allows."""
READ = 256_000
"""What the event loop reads at once; smaller pieces would cost every request, or slow large bodies down.

https://github.com/MagicStack/uvloop/blob/master/uvloop/includes/consts.pxi
"""
_CHUNK = b"10000\r\n" + b"1" * 0x10000 + b"\r\n"
_HEAD = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
_MOST_SENT = 4 * LIMIT
_SECONDS = 20.0


@dataclass
class Taken:
    """What the server's processes read, and by how much the one that grew most did, in bytes."""

    read: int = 0
    grown: int = 0


def measure(server: Running) -> Goal:
    """A body that its length gives away, and one in chunks without an end."""
    with _watched(server) as said:
        first = _answer(server.port, _HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1), endless=False)
    with _watched(server) as endless:
        second = _answer(server.port, _HEAD + b"Transfer-Encoding: chunked\r\n\r\n", endless=True)
    # Eleven bytes around each chunk, and the head, are none of the body.
    around = len(_HEAD) + 40 + (LIMIT // 0x10000 + 1) * (len(_CHUNK) - 0x10000)
    read, grown = endless.read - around, max(said.grown, endless.grown)
    # Where the client still sends, the end may reach it before the answer does.
    held = said.read <= READ and read <= LIMIT + READ and grown < 2 * LIMIT and {first, second} <= {413, None}
    return Goal(
        5,
        "body above the limit of 25 MiB",
        f"{said.read / 2**10:.1f} KiB read of one with a length, {read / 2**20:.3f} MiB of one without an "
        f"end, answered {first} and {second}; memory grew by {grown / 2**20:.1f} MiB meanwhile",
        "at most 25 MiB and one read of 256 kB; grown by less than 50 MiB",
        held,
    )


@contextmanager
def _watched(server: Running) -> Iterator[Taken]:
    """Fills in what the workers read and took during the block, exactly: the kernel counts both."""
    workers = [psutil.Process(pid) for pid in server.workers()]
    # From here on the peak is that of the block: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
    for worker in workers:
        Path(f"/proc/{worker.pid}/clear_refs").write_text("5")
    read = [worker.io_counters().read_chars for worker in workers]
    resident = [worker.memory_info().rss for worker in workers]
    taken = Taken()
    yield taken
    taken.read = sum(
        worker.io_counters().read_chars - before for worker, before in zip(workers, read, strict=True)
    )
    taken.grown = max(_peak(worker.pid) - before for worker, before in zip(workers, resident, strict=True))


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))


def _answer(port: int, head: bytes, *, endless: bool) -> int | None:
    """The status, None where the server only ended the connection, which it may do while it is sent to."""
    with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
        sent = 0
        with suppress(OSError):
            connection.sendall(head)
            while endless and sent < _MOST_SENT and not select.select([connection], [], [], 0)[0]:
                connection.sendall(_CHUNK)
                sent += len(_CHUNK)
        try:
            line = connection.recv(1 << 12).split(b" ", 2)
        except ConnectionError:
            return None
        return int(line[1]) if len(line) > 1 else None
