"""kill -9 of one worker after the other while requests go on."""

import json
import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from benchmarks.serving import load
from benchmarks.serving.load import Outcome
from benchmarks.serving.processes import Running

_RECOVERY_LIMIT_SECONDS = 30.0
_LOOK_SECONDS = 0.01
# As nginx ends those to its upstreams, so that a new process gets its share of the connections:
# https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive_requests
_LIFETIME = 1_000
_RETRIES = 1_000
"""A retry waits 10 milliseconds for a server that does not listen: ten seconds in all."""


@dataclass(frozen=True)
class Kill:
    """A killed process, and the seconds until another one was ready in its place; None if none was."""

    process: int
    recovered_s: float | None


@dataclass(frozen=True)
class Killed:
    """The kills, and what came of the load that went on meanwhile."""

    kills: Sequence[Kill]
    outcome: Outcome

    @property
    def worst_recovery_s(self) -> float:
        """The longest; the limit of the look where a process did not come back."""
        return max((_seconds(kill) for kill in self.kills), default=0.0)


def measure(
    server: Running, work: Path, rate: float, kills: int, every: float, chance: random.Random
) -> Killed:
    """Kill so many workers, one each `every` seconds, beside an open loop of `rate` requests a second."""
    seconds = kills * every + 2
    found = []
    with load.started(
        server.port, work, 64, seconds, rate=rate, retries=_RETRIES, lifetime=_LIFETIME
    ) as process:
        time.sleep(1)
        for _ in range(kills):
            began = time.monotonic()
            found.append(_kill(server, chance))
            time.sleep(max(0.0, every - (time.monotonic() - began)))
        outcome = load.finished(process, seconds)
    return Killed(found, outcome)


def ready(log: str) -> list[int]:
    """The processes that said in the server's log that they are ready, the latest last."""
    found = []
    for line in log.splitlines():
        with suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and event.get("event") == "ready":
                found.append(int(event["process"]))
    return found


def _kill(server: Running, chance: random.Random) -> Kill:
    """End a process that predicts, and wait until the log tells of a new one."""
    before = ready(server.log.read_text(errors="replace"))
    alive = [process for process in before if process in server.workers()]
    victim = chance.choice(alive)
    began = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    while time.monotonic() - began < _RECOVERY_LIMIT_SECONDS:
        new = ready(server.log.read_text(errors="replace"))[len(before) :]
        if any(psutil.pid_exists(process) for process in new):
            return Kill(victim, time.monotonic() - began)
        time.sleep(_LOOK_SECONDS)
    return Kill(victim, None)


def _seconds(kill: Kill) -> float:
    return _RECOVERY_LIMIT_SECONDS if kill.recovered_s is None else kill.recovered_s
