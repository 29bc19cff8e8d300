"""Large and binary bodies are read by a process of its own, with little memory and little time.

A body that unpacks to gigabytes, or that brings Polars down, ends that process and nothing else, and while a
large one is read the server goes on answering. It is started by the first such body, and again after its end.
"""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson

from serve import log
from serve.codecs import Rows
from serve.refusal import Refusal

if TYPE_CHECKING:
    from serve.model import Model

_IMAGE = Path(__file__).parents[1]
# One thread: the processors have enough to do with the server's own processes.
_ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
# Polars' allocator gives memory back at once, and does not keep what one body needed for the next:
# https://jemalloc.net/jemalloc.3.html#opt.dirty_decay_ms
_NOTHING_KEPT = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}


class Reader:
    """The process, seen from the server; called by one thread."""

    def __init__(self, model: "Model") -> None:
        self._limits = model.limits
        self._tabular = model.tabular
        kind = "table" if model.tabular else "matrix"
        self._command = [sys.executable, "-P", "-m", "serve.reading", str(model.directory), kind]
        self._process: subprocess.Popen[bytes] | None = None
        self._late = False

    def read(self, body: bytes, content_type: str) -> Rows:
        """The rows of a body; raises Refusal, also for one that ended the process."""
        process = self._started()
        assert process.stdin is not None  # noqa: S101  they are pipes
        assert process.stdout is not None  # noqa: S101
        alarm = threading.Timer(self._limits.reader_seconds, self._end_late)
        alarm.start()
        try:
            send(process.stdin, {"type": content_type}, body)
            fields, content = receive(process.stdout)
        except (EOFError, OSError) as error:
            raise self._ended() from error
        finally:
            alarm.cancel()
        if fields["grown"] > self._limits.reader_kept_bytes:
            # The next one starts meanwhile, with as little as this one had at first.
            self.close()
            self._started()
        if "refusal" in fields:
            refused: dict[str, Any] = fields["refusal"]
            raise Refusal(**{**refused, "status": HTTPStatus(refused["status"])})
        if "error" in fields:
            raise RuntimeError(fields["error"])
        return Rows(self._values(content), fields["rows"], fields["unseen"])

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    # What was not written any more is nobody's loss.
                    with suppress(OSError):
                        pipe.close()

    def _values(self, content: bytes) -> Any:
        if not self._tabular:
            return content
        import polars as pl

        return pl.read_ipc_stream(content)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        self._late = False
        path = os.pathsep.join([str(_IMAGE), *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # A library that panics writes what it stumbled on, which may be the payload.
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                **self._limits.environment(),
                **_ONE_THREAD,
                **_NOTHING_KEPT,
                "PYTHONPATH": path,
            },
        )
        return self._process

    def _end_late(self) -> None:
        self._late = True
        if self._process is not None:
            self._process.kill()

    def _ended(self) -> Refusal:
        code = self._process.wait() if self._process is not None else 0
        self.close()
        log.event("reader_ended", code=code, late=self._late)
        what = (
            "takes too long to read" if self._late else "is damaged, or unpacks to more than the server holds"
        )
        return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "TooLarge", f"the body {what}")


def send(pipe: IO[bytes], fields: dict[str, Any], content: bytes) -> None:
    """A line with the fields and the content's size, then the content."""
    pipe.write(orjson.dumps({**fields, "bytes": len(content)}) + b"\n")
    pipe.write(content)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """What `send` wrote; raises EOFError when the other side has ended."""
    line = pipe.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    fields: dict[str, Any] = orjson.loads(line)
    content = pipe.read(fields["bytes"])
    if len(content) < fields["bytes"]:
        raise EOFError
    return fields, content
