"""Requests with the answers that they must get, and the program that sends them."""

import json
import struct
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving import compiler

_SOURCE = Path(__file__).with_name("native") / "load.c"
_SLACK_SECONDS = 30.0


@dataclass(frozen=True)
class Request:
    """One request as bytes, and the numbers that its answer must hold."""

    wire: bytes
    expected: Sequence[float]


@dataclass(frozen=True)
class Outcome:
    """What came of a load; `busy` are 429 and 503, `broken` ended without an answer, after all retries."""

    answered: int
    ok: int
    busy: int
    client_errors: int
    server_errors: int
    wrong: int
    broken: int
    retries: int
    unanswered: int
    rps: float
    p50_ms: float
    p99_ms: float
    p999_ms: float
    slowest_ms: float

    @property
    def errors(self) -> int:
        """Everything but a right or wrong prediction."""
        return self.busy + self.client_errors + self.server_errors + self.broken + self.unanswered


def post(body: bytes, content_type: str, path: str = "/invocations", **headers: str) -> bytes:
    """A POST request as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def write(path: Path, requests: Sequence[Request]) -> Path:
    """Write the file that the program reads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<I", len(requests)))
        for request in requests:
            file.write(struct.pack("<II", len(request.wire), len(request.expected)))
            file.write(request.wire)
            file.write(struct.pack(f"<{len(request.expected)}d", *request.expected))
    return path


def read(line: str) -> Outcome:
    """The program's one line of JSON."""
    figures: Mapping[str, float] = json.loads(line)
    return Outcome(**figures)  # type: ignore[arg-type]


def run(
    port: int,
    work: Path,
    connections: int,
    seconds: float,
    *,
    rate: float = 0,
    warmup: float = 0,
    retries: int = 0,
    lifetime: int = 0,
) -> Outcome:
    """Send for so long; rate 0 is a closed loop, any other one a schedule of so many requests a second.

    A connection lives for `lifetime` requests, 0 for all.
    """
    with started(
        port, work, connections, seconds, rate=rate, warmup=warmup, retries=retries, lifetime=lifetime
    ) as process:
        return finished(process, seconds)


@contextmanager
def started(
    port: int,
    work: Path,
    connections: int,
    seconds: float,
    *,
    rate: float = 0,
    warmup: float = 0,
    retries: int = 0,
    lifetime: int = 0,
) -> Iterator[subprocess.Popen[str]]:
    """The program at work; raises compiler.NoCompilerError."""
    figures = (port, work, connections, rate, seconds, warmup, retries, lifetime)
    process = subprocess.Popen(
        [str(program()), *map(str, figures)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def finished(process: subprocess.Popen[str], seconds: float) -> Outcome:
    """Wait for the end; raises RuntimeError with what the program complains about."""
    output, complaint = process.communicate(timeout=seconds + _SLACK_SECONDS)
    if process.returncode:
        raise RuntimeError(complaint.strip() or f"the load generator ended with {process.returncode}")
    return read(output)


def program() -> Path:
    """The compiled program."""
    return compiler.build("load", [_SOURCE])
