"""The state of the embedded SageMaker: records by kind and name in one SQLite file."""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Record = dict[str, Any]
"""One resource as its Describe operation shows it, and whatever private members its part adds."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT NOT NULL, name TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);
"""


class Store:
    """Records that survive kill -9: a transaction is on disk, whole, when its block ends.

    Every method is safe to call from any thread. Records are copies: changing one changes nothing here.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;" + _SCHEMA)
        self._changed = threading.Condition(threading.RLock())
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator["Store"]:
        """Everything in the block happens, or none of it; blocks nest, and the outermost one commits."""
        with self._changed:
            if self._depth == 0:
                self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._connection.execute("COMMIT")
                self._changed.notify_all()

    def get(self, kind: str, name: str) -> Record | None:
        """The record, or None."""
        with self._changed:
            row = self._connection.execute(
                "SELECT body FROM records WHERE kind = ? AND name = ?", (kind, name)
            ).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, name: str, record: Record) -> None:
        """Write the record, new or not."""
        with self.transaction():
            self._connection.execute(
                "INSERT INTO records VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
                (kind, name, json.dumps(record)),
            )

    def update(self, kind: str, name: str, **members: Any) -> Record:
        """Set members of an existing record (None removes one); the new record. KeyError if there is none."""
        with self.transaction():
            record = self.get(kind, name)
            if record is None:
                raise KeyError(f"{kind} {name}")
            record = {key: value for key, value in {**record, **members}.items() if value is not None}
            self.put(kind, name, record)
        return record

    def delete(self, kind: str, name: str) -> bool:
        """Remove the record; whether there was one."""
        with self.transaction():
            cursor = self._connection.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name))
            return cursor.rowcount > 0

    def delete_all(self, kind: str, prefix: str) -> None:
        """Remove the records of a kind whose names begin so."""
        with self.transaction():
            self._connection.execute(
                "DELETE FROM records WHERE kind = ? AND substr(name, 1, ?) = ?", (kind, len(prefix), prefix)
            )

    def list(self, kind: str, prefix: str = "") -> list[Record]:
        """The records of a kind whose names begin so, by name."""
        with self._changed:
            rows = self._connection.execute(
                "SELECT body FROM records WHERE kind = ? AND substr(name, 1, ?) = ? ORDER BY name",
                (kind, len(prefix), prefix),
            ).fetchall()
        return [json.loads(body) for (body,) in rows]

    def wait(self, condition: Callable[[], bool], timeout: float | None = None) -> bool:
        """Block until the condition, which reads this store, holds after a commit; False if time ran out."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    def wake(self) -> None:
        """Let every waiter look at its condition again."""
        with self._changed:
            self._changed.notify_all()

    def enqueue(self, message: Record) -> None:
        """Add a message to the outbox, as part of the transaction that the message tells of."""
        with self.transaction():
            self._connection.execute("INSERT INTO outbox (body) VALUES (?)", (json.dumps(message),))

    def outbox(self) -> Sequence[tuple[int, Record]]:
        """Messages not yet sent, oldest first, with their numbers."""
        with self._changed:
            rows = self._connection.execute("SELECT id, body FROM outbox ORDER BY id").fetchall()
        return [(number, json.loads(body)) for number, body in rows]

    def sent(self, up_to: int) -> None:
        """Forget the messages up to this number."""
        with self.transaction():
            self._connection.execute("DELETE FROM outbox WHERE id <= ?", (up_to,))

    def close(self) -> None:
        """Close the file."""
        with self._changed:
            self._connection.close()
