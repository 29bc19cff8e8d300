"""The queue of asynchronous requests: in a SQLite file, so that it survives kill -9."""

import json
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, endpoint TEXT NOT NULL, running INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0, received REAL NOT NULL, expires REAL NOT NULL,
    request TEXT NOT NULL, body BLOB
);
CREATE INDEX IF NOT EXISTS by_endpoint ON requests (endpoint, running, id);
"""


@dataclass(frozen=True)
class AsyncRequest:
    """One accepted InvokeEndpointAsync; times are Unix seconds."""

    endpoint: str
    inference_id: str
    input: str | None
    """The S3 address of the payload; None if it came with the request."""
    output: str
    failure: str | None
    headers: dict[str, str]
    """What the container gets: Content-Type, Accept and the custom attributes."""
    timeout: float
    """Seconds that the container has for its answer."""
    received: float
    expires: float


@dataclass(frozen=True)
class Queued:
    """A request with its place in the queue; `attempts` counts this one."""

    number: int
    attempts: int
    request: AsyncRequest
    body: bytes | None


class Backlog:
    """The queue; every method is safe in any thread, and what it did is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        self._lock = threading.Lock()

    def recover(self) -> None:
        """Let what was under way when the process last ended wait again."""
        self._run("UPDATE requests SET running = 0")

    def add(self, request: AsyncRequest, body: bytes | None) -> None:
        """Append a request."""
        known = json.dumps(asdict(request))
        self._run(
            "INSERT INTO requests (endpoint, received, expires, request, body) VALUES (?, ?, ?, ?, ?)",
            (request.endpoint, request.received, request.expires, known, body),
        )

    def take(self, endpoint: str) -> Queued | None:
        """The oldest request that waits, now under way; None if none does."""
        taken = self._run(
            "UPDATE requests SET running = 1, attempts = attempts + 1 WHERE id = (SELECT id FROM requests "
            "WHERE endpoint = ? AND running = 0 ORDER BY id LIMIT 1) RETURNING id, attempts, request, body",
            (endpoint,),
        )
        return _queued(taken[0]) if taken else None

    def take_expired(self, endpoint: str, moment: float) -> list[Queued]:
        """The requests that waited until `moment` or longer than they may; they are out of the queue."""
        gone = self._run(
            "DELETE FROM requests WHERE endpoint = ? AND running = 0 AND expires <= ? "
            "RETURNING id, attempts, request, body",
            (endpoint, moment),
        )
        return [_queued(row) for row in gone]

    def give_back(self, number: int) -> None:
        """Let a request that could not be answered wait again, at its old place."""
        self._run("UPDATE requests SET running = 0 WHERE id = ?", (number,))

    def remove(self, number: int) -> None:
        """Forget a request that is answered."""
        self._run("DELETE FROM requests WHERE id = ?", (number,))

    def forget(self, endpoint: str) -> None:
        """Forget every request of an endpoint."""
        self._run("DELETE FROM requests WHERE endpoint = ?", (endpoint,))

    def size(self, endpoint: str) -> int:
        """How many requests wait or are under way."""
        [(count,)] = self._run("SELECT COUNT(*) FROM requests WHERE endpoint = ?", (endpoint,))
        return int(count)

    def oldest(self, endpoint: str) -> float | None:
        """When the oldest request was received; None if there is none."""
        [(received,)] = self._run("SELECT MIN(received) FROM requests WHERE endpoint = ?", (endpoint,))
        return None if received is None else float(received)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _run(self, statement: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, tuple(values)).fetchall()


def _queued(row: tuple[Any, ...]) -> Queued:
    number, attempts, request, body = row
    known = {field.name for field in fields(AsyncRequest)}
    members = {key: value for key, value in json.loads(request).items() if key in known}
    return Queued(number, attempts, AsyncRequest(**members), body)
