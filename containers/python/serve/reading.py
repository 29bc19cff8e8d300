"""The process that serve.reader starts: bodies come in on its input, rows go out on its output."""

import io
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl

from serve import tables
from serve.codecs import MatrixCodec, Rows, TableCodec
from serve.limits import Limits
from serve.negotiation import BINARY
from serve.reader import receive, send
from serve.refusal import Refusal
from tabular.artifact import SCHEMA
from tabular.schema import Schema

_STATUS, _PAGES = Path("/proc/self/status"), Path("/proc/self/statm")


class Reading:
    """Reads bodies of one model as a matrix or as a table."""

    def __init__(self, schema: Schema, limits: Limits, *, tabular: bool) -> None:
        self._schema, self._tabular = schema, tabular
        self._codec = TableCodec(schema, limits) if tabular else MatrixCodec(schema, limits)
        self._tables = tables.Tables(schema, limits)

    def read(self, body: bytes, content_type: str) -> tuple[Rows, bytes]:
        """The rows, and their values as they travel; raises Refusal."""
        if content_type in BINARY:
            read = self._tables.table if self._tabular else self._tables.matrix
            rows = read(body, content_type)
        else:
            rows = self._codec.read(body, content_type)
        if not self._tabular:
            return rows, rows.values
        frame = rows.values if content_type in BINARY else tables.frame(rows.values, self._schema)
        into = io.BytesIO()
        frame.write_ipc_stream(into)
        return rows, into.getvalue()

    def answer(self, body: bytes, content_type: str) -> tuple[dict[str, Any], bytes]:
        """The fields and the content of the answer, whatever happened."""
        try:
            rows, content = self.read(body, content_type)
        except Refusal as refusal:
            return {"refusal": vars(refusal)}, b""
        except MemoryError:
            # Rust aborts where Python raises; both mean the same to the server.
            raise
        except Exception as error:  # noqa: BLE001  the server answers 500 and logs it
            return {"error": f"{type(error).__name__}: {error}"[:200]}, b""
        return {"rows": rows.height, "unseen": rows.unseen}, content


def main() -> None:
    """Answer until the server closes the pipe."""
    directory, kind = sys.argv[1:]
    limits = Limits.read()
    reading = Reading(Schema.read(Path(directory) / SCHEMA), limits, tabular=kind == "table")
    asked, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # Whatever a library prints must not be taken for an answer.
    os.dup2(2, 1)
    # Small requests come first.
    os.nice(5)
    pl.DataFrame({"a": [1.0]}).lazy().select(pl.col("a").sum()).collect()
    _confine(limits.reader_bytes)
    began = _resident()
    with suppress(EOFError):
        while True:
            fields, body = receive(asked)
            answered, content = reading.answer(body, fields["type"])
            del body
            # What the process keeps beyond what it had at first: the server ends it where that is much.
            send(told, {**answered, "grown": _resident() - began - len(content)}, content)
            del content


def _resident() -> int:
    """Bytes of memory that the process has now, 0 where the system does not tell.

    https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html
    """
    return int(_PAGES.read_text().split()[1]) * resource.getpagesize() if _PAGES.exists() else 0


def _confine(most: int) -> None:
    """Allow so many bytes of memory beyond what the process has now, where the system can do that.

    https://man7.org/linux/man-pages/man2/getrlimit.2.html, RLIMIT_DATA
    """
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmData:"))
        limit = int(line.split()[1]) * 1024 + most
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
