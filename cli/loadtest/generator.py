"""The generator: K9 (PyPI `k9-load`), whose calls leave when they are due, whatever became of those before.

bakirrayan.github.io/k9_load_testing/running/ describes its arrival rates and the corrected durations.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError
from cli.loadtest.rows import Bodies
from cli.loadtest.samples import Samples
from cli.loadtest.target import SIGNED_FOR_SECONDS, Target, security_token, write_signed

if TYPE_CHECKING:
    import boto3

# An endpoint answers within 60 s; what takes longer than this is counted as no answer.
TIMEOUT_SECONDS = 10
_FEWEST_CONNECTIONS, _MOST_CONNECTIONS = 128, 2_000
_BUSY = "the load generator may be the bottleneck"


@dataclass(frozen=True)
class Load:
    """Calls a minute, evenly, for some seconds."""

    calls_per_minute: int
    seconds: int

    @property
    def connections(self) -> int:
        """Enough for calls of half a second; with all of them waiting, calls are not sent, and counted so."""
        wanted = math.ceil(self.calls_per_minute / 60 / 2)
        return min(max(_FEWEST_CONNECTIONS, wanted), _MOST_CONNECTIONS)


@dataclass(frozen=True)
class Run:
    """The samples of a load, and whether the generator itself was short of CPU."""

    samples: Samples
    generator_bound: bool


def run(
    session: "boto3.Session",
    target: Target,
    bodies: Bodies,
    load: Load,
    seen: Callable[[Samples], None] = lambda _: None,
) -> Run:
    """Put the load on the target; raises CommandError if the generator fails.

    `seen` is called about once a second with what there is so far. Longer loads go in parts, because
    signatures expire.
    """
    samples, bound = Samples(), False
    left = load.seconds
    while left > 0:
        part = min(left, SIGNED_FOR_SECONDS)
        left -= part
        with tempfile.TemporaryDirectory(prefix="sageloop-load-") as folder:
            here = Path(folder)
            write_signed(session, target, bodies, here / "rows.json")
            document = plan(target, bodies.content_type, load, part, here, security_token(session))
            (here / "plan.json").write_text(json.dumps(document), "utf-8")
            bound |= _generate(here, samples, seen)
    return Run(samples, bound)


def plan(
    target: Target, content_type: str, load: Load, seconds: int, folder: Path, token: str | None
) -> dict[str, Any]:
    """What the generator is to do, as it reads it."""
    headers = {
        "Content-Type": content_type,
        "Authorization": "{{ rows.authorization }}",
        "X-Amz-Date": "{{ rows.date }}",
    }
    if token:
        headers["X-Amz-Security-Token"] = token
    scenario = {
        "executor": "constant-arrival-rate",
        "rate": load.calls_per_minute,
        "timeUnit": "1m",
        "duration": f"{seconds}s",
        "gracefulStop": f"{TIMEOUT_SECONDS}s",
        "preAllocatedVUs": load.connections,
        "maxVUs": load.connections,
    }
    return {
        "options": {
            "scenarios": {"load": scenario},
            "discardResponseBodies": True,
            "systemTags": ["status"],
            "userAgent": "sageloop-loadtest",
        },
        "feeders": {"rows": {"file": str(folder / "rows.json"), "mode": "sequential"}},
        "flows": {
            "default": [
                {
                    "request": {
                        "method": "POST",
                        "url": target.url,
                        "headers": headers,
                        "body": "{{ rows.body }}",
                    }
                }
            ]
        },
    }


def _generate(folder: Path, samples: Samples, seen: Callable[[Samples], None]) -> bool:
    """Run the generator on the plan of a folder; whether it was short of CPU."""
    pipe = folder / "samples.csv"
    os.mkfifo(pipe)
    command = [
        sys.executable,
        "-m",
        "k9",
        "run",
        str(folder / "plan.json"),
        "--quiet",
        "--out",
        f"csv={pipe}",
    ]
    # A proxy of the environment is none of the endpoint's, and a terminal's Ctrl-C reaches both of us.
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", errors="replace"
    ) as process:
        said: list[str] = []
        reader = threading.Thread(target=lambda: said.extend(process.stderr or ()), daemon=True)
        reader.start()
        try:
            _read(pipe, process, samples, seen)
            code = process.wait(timeout=2 * TIMEOUT_SECONDS)
        except BaseException:
            process.kill()
            raise
        reader.join(timeout=5)
    if code != 0:
        raise CommandError(f"The load generator failed: {_reason(said)}")
    return any(_BUSY in line for line in said)


def _read(
    pipe: Path, process: "subprocess.Popen[str]", samples: Samples, seen: Callable[[Samples], None]
) -> None:
    # Our own end keeps the pipe open until the generator has ended, which may be before it wrote anything.
    end = os.open(pipe, os.O_RDWR)

    def release() -> None:
        process.wait()
        os.close(end)

    with pipe.open(encoding="utf-8") as lines:
        threading.Thread(target=release, daemon=True).start()
        told = time.monotonic()
        for line in lines:
            samples.take(line)
            if time.monotonic() - told >= 1:
                told = time.monotonic()
                seen(samples)


def _reason(said: Sequence[str]) -> str:
    lines = [line.strip() for line in said if line.strip()]
    errors = [line for line in lines if line.startswith("error")]
    return (errors or lines or ["it said nothing"])[-1]
