"""ministack's state on disk while it runs: it saves only when it ends in good order, we save at each change.

Objects in S3 are files from the moment of their write. Everything else is one file per service, written whole
and renamed into place, so that kill -9 at any moment leaves the newest complete state or the one before.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from local.adapter import seams
from local.adapter.host import MinistackHost

EVERY_SECONDS = 0.05
# A service whose state takes long to write is written less often, so that writing takes a tenth of the time.
REST = 10.0
TELEMETRY = frozenset({"cloudwatch", "cloudwatch_logs"})
logger = logging.getLogger(__name__)


class Durability:
    """Writes the state of each service that changed, soon after the change, or at once on `checkpoint`."""

    def __init__(self, directory: Path, host: MinistackHost) -> None:
        self._directory = directory
        self._host = host
        self._marked: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._digests: dict[str, bytes] = {}
        self._not_before: dict[str, float] = {}
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._closing = threading.Event()

    def start(self) -> None:
        """Begin to write; the directory holds the state that ministack has just read."""
        self._directory.mkdir(parents=True, exist_ok=True)
        threading.Thread(target=self._run, name="durability", daemon=True).start()

    def close(self) -> None:
        """Stop, with everything on disk."""
        self._closing.set()
        for service in self._states():
            self._write(service)

    def mark(self, services: Iterable[str]) -> None:
        """Note that these services may have changed (names as their files have them)."""
        with self._lock:
            for service in services:
                self._marked[service] = self._marked.get(service, 0) + 1

    def mark_all(self) -> None:
        """Note that any service may have changed."""
        self.mark(self._states())

    def checkpoint(self) -> None:
        """Return when every change that was marked so far is on disk; metrics and logs may lag."""
        for service in self._due():
            if service not in TELEMETRY:
                self._write(service)

    def _run(self) -> None:
        while not self._closing.wait(EVERY_SECONDS):
            for service in self._due():
                if time.monotonic() >= self._not_before.get(service, 0.0):
                    self._write(service)

    def _due(self) -> list[str]:
        with self._lock:
            return [s for s, count in self._marked.items() if count != self._written.get(s)]

    @staticmethod
    def _states() -> dict[str, Callable[[], Any]]:
        states: dict[str, Callable[[], Any]] = seams.app._build_persistence_save_dict()
        return states

    def _write(self, service: str) -> None:
        with self._writing:
            began = time.monotonic()
            with self._lock:
                marked = self._marked.get(service, 0)
            content = self._content(service)
            if content is not None:
                digest = hashlib.blake2b(content).digest()
                if self._digests.get(service) != digest:
                    path = self._directory / f"{service}.json"
                    draft = path.with_suffix(".new")
                    draft.write_bytes(content)
                    draft.replace(path)
                    self._digests[service] = digest
            self._written[service] = marked
            ended = time.monotonic()
            self._not_before[service] = ended + REST * (ended - began)

    def _content(self, service: str) -> bytes | None:
        """The service's state as its file has it; None when it has none."""
        get_state = self._states().get(service)
        if get_state is None:
            return None
        for attempt in range(20):
            try:
                # Between two turns of the event loop, so that no request is half done; metrics and logs
                # are too many for that, and a line more or less does no harm.
                state = get_state() if service in TELEMETRY else self._host.on_loop(get_state)
                if state is None:
                    return None
                wrapped = {
                    "__ministack_format__": seams.persistence._state_format_version(service),
                    "payload": state,
                }
                return json.dumps(wrapped, default=seams.persistence._json_default).encode()
            except RuntimeError:
                # "dictionary changed size during iteration": a thread of ministack's was writing.
                time.sleep(0.002 * (attempt + 1))
        raise RuntimeError(f"The state of {service} never stood still.")
